"""What is said of queries, from logs whose chains are known."""

from __future__ import annotations

import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.analysing.filters import find_filters
from desirepath.engine.analysing.refinements import find_refinements
from desirepath.engine.analysing.troubled import find_troubled
from desirepath.engine.analysing.zero_results import find_zero_results
from desirepath.engine.deleting import erase_user
from desirepath.engine.engine import Engine
from tests.unit.analysis.people import WINDOW, People, asked

HOUR = 3600.0


@pytest.fixture
def people(engine: Engine) -> People:
    return People(engine)


# Zero results


def test_zero_results_are_counted_with_what_came_next(engine: Engine, people: People) -> None:
    """Three people find nothing: one refines and clicks, one refines in vain, one leaves."""
    people.search("s1", 0, "Settee ", 0, user_id="u1")
    people.act(people.search("s1", 10, "sofa", user_id="u1"), 12)
    people.search("s2", 20, "settee", 0, user_id="u1")
    people.search("s2", 25, "settee", 0, user_id="u1")  # a repeat: one attempt
    people.search("s2", 30, "couch", user_id="u1")
    people.search("s3", 40, "settee", 0)
    people.search("s3", 40 + 2 * HOUR, "sofa")  # another visit
    people.search("s4", 50, "settee", 3)  # this one found something
    people.say("s5", 60, "zero_results", query="divan")  # a search that was not recorded
    people.search("s6", 70, "sofa", 0, offset=20)  # beyond the last page
    people.search("s7", 80, None, 0)  # facets only
    with asked(engine) as part:
        found = find_zero_results(part, WINDOW)
    assert found.nothing is not None
    assert (found.nothing.count, found.nothing.of) == (5, 9)
    assert found.without_text == 0
    settee, divan = found.queries
    assert (settee.query, settee.nothing.count, settee.nothing.of) == ("settee", 4, 5)
    assert (settee.sessions, settee.users, settee.identities) == (3, 1, 2)
    assert settee.lost_share == 4 / 5
    assert (settee.last_at - settee.first_at).total_seconds() == 40
    assert (settee.attempts, settee.refined, settee.rescued, settee.left) == (3, 2, 1, 1)
    assert [(one.query, one.n, one.n_clicked) for one in settee.next_queries] == [
        ("couch", 1, 0),
        ("sofa", 1, 1),
    ]
    assert (divan.query, divan.nothing.count, divan.nothing.of) == ("divan", 1, 1)
    assert (divan.attempts, divan.left) == (1, 1)
    assert found.note is None


def test_an_event_can_say_that_a_recorded_search_found_nothing(
    engine: Engine, people: People
) -> None:
    search = people.search("s1", 0, "settee", 2)
    people.say("s1", 1, "zero_results", execution_id=search)
    people.search("s2", 0, "divan", 0)
    people.say("s2", 1, "zero_results", query="Divan")  # the same search
    people.say("s2", HOUR, "zero_results", query="divan")  # another one
    with asked(engine) as part:
        found = find_zero_results(part, WINDOW)
    assert [(one.query, one.nothing.count, one.nothing.of) for one in found.queries] == [
        ("divan", 2, 2),
        ("settee", 1, 1),
    ]


# Refinements


def _go(people: People, name: str, at: float, *queries: str, clicks: str = "") -> None:
    """Somebody tries queries, ten seconds each; those whose place is in ``clicks`` get a click."""
    for place, query in enumerate(queries):
        began = at + 10 * place
        search = people.search(f"s-{name}", began, query, user_id=f"u-{name}")
        if str(place) in clicks:
            people.act(search, began + 3)


def test_a_synonym_is_suggested_from_enough_people(engine: Engine, people: People) -> None:
    for number in range(6):
        _go(people, f"a{number}", 100 * number, "red settee", "red sofa", clicks="1")
        _go(people, f"b{number}", 100 * number, "tv", "lamp", clicks="0")
    with asked(engine) as part:
        found = find_refinements(part, WINDOW)
    synonym, other = found.refinements
    assert (synonym.query, synonym.refined_to, synonym.kind) == (
        "red settee",
        "red sofa",
        "synonym",
    )
    assert (synonym.replaced, synonym.by) == ("settee", "sofa")
    assert synonym.suggested
    assert synonym.missing is None
    assert (synonym.visits, synonym.identities, synonym.said) == (6, 6, 0)
    assert (synonym.follows.count, synonym.follows.of) == (6, 6)
    assert synonym.follows_lift.base == (0 + 0.5) / (6 + 1)
    assert synonym.rescued is not None
    assert (synonym.rescued.count, synonym.rescued.of) == (6, 6)
    assert synonym.rescued_lift is not None
    assert (synonym.rescued_lift.base, synonym.rescued_lift.lift) == (1.0, 1.0)
    assert [example.session_id for example in synonym.examples] == ["s-a5", "s-a4", "s-a3"]
    assert not other.suggested  # the first query was clicked each time: nothing to mend
    assert other.missing == "no search with the second query after one without a click"
    assert found.steps == 12


def test_nothing_is_suggested_from_too_few_people(engine: Engine, people: People) -> None:
    """One person who does the same in forty sessions is one person."""
    for number in range(40):
        search = people.search(f"x{number}", 100 * number, "settee", user_id="u")
        search = people.search(f"x{number}", 100 * number + 9, "sofa", user_id="u")
        people.act(search, 100 * number + 12)
    for number in range(4):
        _go(people, f"{number}", 5000 + 100 * number, "settee", "sofa", clicks="1")
    with asked(engine) as part:
        (refinement,) = find_refinements(part, WINDOW).refinements
        (again,) = find_refinements(part, WINDOW, min_identities=6).refinements
        (enough,) = find_refinements(part, WINDOW, min_identities=4).refinements
    assert (refinement.visits, refinement.identities) == (44, 5)
    assert refinement.suggested
    assert enough.suggested
    assert not again.suggested
    assert again.missing == "seen from 5 of 6 people"


def test_a_query_that_everybody_comes_to_is_a_synonym_of_nothing(
    engine: Engine, people: People
) -> None:
    for number in range(8):
        for query in ("tv", "lamp", "rug"):
            _go(people, f"{query}{number}", 100 * number, query, "gift card", clicks="1")
    with asked(engine) as part:
        found = find_refinements(part, WINDOW).refinements
    assert len(found) == 3
    assert {one.missing for one in found} == {
        "comes no more surely after this query than after others"
    }


def test_events_say_what_searches_do_not(engine: Engine, people: People) -> None:
    """Each step counts once a visit, whether it was said, seen, or both."""
    people.search("s1", 0, "settee")
    people.say("s1", 5, "query_refinement", metadata={"refined_to": "Sofa"})  # not searched for
    people.search("s2", 0, "settee")
    people.say("s2", 5, "query_refinement", query="settee", metadata={"refined_to": "sofa"})
    people.search("s2", 6, "sofa")
    people.say("s3", 0, "query_refinement", query="settee")  # the next search says what to
    people.search("s3", 9, "sofa")
    people.say("s4", 0, "query_refinement", query="settee")  # nobody knows what to
    people.search("s5", 0, "settee")
    people.search("s5", 3, "SETTEE")  # the same
    people.search("s5", 5, "sofa")
    people.search("s5", 8, "settee")
    people.search("s5", 9, "sofa")
    people.search(None, 9, "sofa")
    with asked(engine) as part:
        found = {
            (one.query, one.refined_to): one for one in find_refinements(part, WINDOW).refinements
        }
    assert set(found) == {("settee", "sofa"), ("sofa", "settee")}
    there = found["settee", "sofa"]
    assert (there.visits, there.identities, there.said) == (4, 4, 3)
    assert there.rescued is not None
    assert there.rescued.of == 2  # s2 and s5: both queries were seen
    assert found["sofa", "settee"].visits == 1


def test_chains_are_told_from_three_queries_on(engine: Engine, people: People) -> None:
    for number in range(3):
        _go(people, f"{number}", 0, "a", "b", "c", clicks="2" if number else "")
    _go(people, "long", 0, "a", "b", "c", "d", "e", clicks="4")
    with asked(engine) as part:
        found = find_refinements(part, WINDOW).chains
    assert [(one.queries, one.visits, one.longer, one.rescued) for one in found] == [
        (("a", "b", "c"), 3, 0, 2),
        (("a", "b", "c", "d"), 1, 1, 1),
    ]


# Filters


def test_a_filter_that_nearly_everybody_turns_on_is_suggested(
    engine: Engine, people: People
) -> None:
    for number in range(10):
        search = people.search(f"s{number}", 100 * number, "sofa")
        in_stock = {"filter": "in_stock", "value": True}
        people.say(f"s{number}", 100 * number + 2, "filter_toggle", metadata=in_stock)
        people.act(search, 100 * number + 5, position=number % 2)
        if number < 3:
            brand = {"field": "brand", "value": "Nord"}
            people.say(None, 100 * number + 6, "filter_toggle", metadata=brand, execution_id=search)
            off = brand | {"enabled": False}
            people.say(None, 100 * number + 7, "filter_toggle", metadata=off, execution_id=search)
        people.search(f"t{number}", 100 * number, "lamp")
    people.say("nowhere", 0, "filter_toggle", metadata={"filter": "lost"})
    people.say("s1", 103, "filter_toggle", metadata={"unreadable": 1})
    with asked(engine) as part:
        found = find_filters(part, WINDOW)
    stock, brand_ = found.filters
    assert (stock.query, stock.field, stock.value, stock.suggested) == (
        "sofa",
        "in_stock",
        "true",
        True,
    )
    assert (stock.searches, stock.identities) == (10, 10)
    assert (stock.kept.count, stock.kept.of) == (10, 10)
    assert stock.lift.base == 0.5 / 11  # of ten attempts with other queries, none
    assert (stock.clicked.count, stock.clicked.of) == (10, 10)
    assert stock.clicked_without is None
    assert [(one.document_id, one.n) for one in stock.documents] == [("d0", 5), ("d1", 5)]
    assert (brand_.field, brand_.searches, brand_.kept.count) == ("brand", 3, 0)
    assert not brand_.suggested
    assert brand_.missing == "seen from 3 of 5 people"
    assert (brand_.clicked.count, brand_.documents) == (0, ())  # clicked before, not after


# Trouble


def test_queries_above_the_usual_rates_are_in_trouble(engine: Engine, people: People) -> None:
    for number in range(30):
        bad = people.search(f"a{number}", 10 * number, "bad")
        people.act(bad, 10 * number + 1, "click")
        if number % 3:
            people.act(bad, 10 * number + 2, "skip")
            people.act(bad, 10 * number + 3, "return_to_results")
        good = people.search(f"b{number}", 10 * number, "good")
        people.act(good, 10 * number + 1, "click")
        if number % 10 == 0:
            people.act(good, 10 * number + 2, "skip")
    people.act(people.search("c", 0, "rare"), 1, "skip")
    with asked(engine) as part:
        found = find_troubled(part)
        (rare, *_others) = find_troubled(part, min_searches=1).queries[::-1]
    assert found.skipped is not None
    assert found.returned is not None
    assert (found.skipped.count, found.skipped.of) == (24, 61)
    assert (found.returned.count, found.returned.of) == (20, 60)
    (bad_query,) = found.queries
    assert (bad_query.query, bad_query.why) == ("bad", ("skipped", "returned"))
    assert bad_query.excess == pytest.approx((20 - 30 * 24 / 61) + (20 - 30 * 20 / 60))
    assert rare.query == "bad"  # of one search, nothing is sure


# All of them


def test_an_erased_user_is_in_no_answer(engine: Engine, people: People) -> None:
    for number in range(6):
        _go(people, f"{number}", 100 * number, "settee", "sofa", clicks="1")
    people.search("s-5", 600, "my own name", 0, user_id="u-5")
    with asked(engine) as part:
        assert "s-5" in str(find_refinements(part, WINDOW))
        assert "my own name" in str(find_zero_results(part, WINDOW))
    erase_user(engine, 1, "u-5")
    with asked(engine) as part:
        found = find_refinements(part, WINDOW)
        assert found.refinements[0].identities == 5
        assert "s-5" not in str(found)
        assert "my own name" not in str(find_zero_results(part, WINDOW))


def test_each_question_says_what_an_empty_log_lacks(engine: Engine) -> None:
    with asked(engine) as part:
        notes = [
            find_zero_results(part, WINDOW).note,
            find_refinements(part, WINDOW).note,
            find_filters(part, WINDOW).note,
            find_troubled(part).note,
        ]
    assert all(note is not None and "0, where 1 is needed" in note for note in notes)


def test_each_question_says_what_a_log_without_people_lacks(engine: Engine, people: People) -> None:
    """No sessions, no users, no skips; one search that found nothing."""
    people.search(None, 0, "settee", 0)
    people.act(people.search(None, 0, "sofa"), 5)
    with asked(engine) as part:
        lost = find_zero_results(part, WINDOW)
        pairs = find_refinements(part, WINDOW)
        troubled = find_troubled(part)
    assert [one.attempts for one in lost.queries] == [0]
    assert lost.note is not None
    assert lost.note.startswith("None of the 1 searches that found nothing has a session_id")
    assert pairs.note is not None
    assert "Send a session_id" in pairs.note
    assert troubled.note is not None
    assert troubled.note.startswith("None of the 2 searches has a skip")


def test_only_a_part_of_the_log_is_asked(engine: Engine, people: People) -> None:
    people.search("s1", 0, "settee", 0, metadata={"device": "phone"})
    people.search("s2", 0, "divan", 0, metadata={"device": "desk"})
    with asked(engine, Scope(metadata={"device": "phone"})) as part:
        found = find_zero_results(part, WINDOW)
    assert [one.query for one in found.queries] == ["settee"]
