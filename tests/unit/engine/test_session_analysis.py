"""Sessions, and one as a journey, from what somebody is known to have done."""

from __future__ import annotations

import pytest

from desirepath.domain.interaction import INTERACTION_TYPES, QUERY_LEVEL_TYPES, SHOWN_TYPES
from desirepath.domain.visit import OUTCOMES
from desirepath.engine.analysing.journey import DEEDS, follow_session
from desirepath.engine.analysing.sessions import list_sessions
from desirepath.engine.deleting import erase_user
from desirepath.engine.engine import Engine
from desirepath.errors import NotFound
from tests.unit.analysis.people import WINDOW, People, asked

HOUR = 3600.0


@pytest.fixture
def people(engine: Engine) -> People:
    return People(engine)


def _told(engine: Engine, session_id: str = "s1") -> list[list[str]]:
    with asked(engine) as part:
        journey = follow_session(part, session_id, WINDOW)
    for visit in journey.visits:
        assert visit.text == " → ".join(step.text for step in visit.steps)
    return [[step.text for step in visit.steps] for visit in journey.visits]


def test_a_journey_reads_like_one(engine: Engine, people: People) -> None:
    people.search("s1", 0, "Settee", 0, user_id="u1")
    people.say("s1", 1, "zero_results", query="Settee")
    people.say("s1", 5, "query_refinement", query="settee", metadata={"refined_to": "sofa"})
    sofa = people.search("s1", 9, "sofa", 10, user_id="u1")
    for place in range(4):
        people.act(sofa, 10, "impression", position=place)
    people.act(sofa, 21, "click", position=2)
    people.act(sofa, 30, "dwell", position=2, metadata={"duration_ms": 8500})
    people.act(sofa, 31, "return_to_results", position=2)
    people.say("s1", 35, "filter_toggle", metadata={"filter": "brand", "value": "Nord"})
    people.say("s1", 36, "filter_toggle", metadata={"filter": "new", "enabled": False})
    people.search("s1", 36.5, "sofa", 10)
    people.search("s1", 37, "sofa", 5, offset=10)
    people.act(sofa, 60, "click", "long_view", position=0)
    people.act(sofa, 200, "purchase", position=0)
    people.search("s1", 200 + 2 * HOUR, "rug", 1)
    people.say("s1", 210 + 2 * HOUR, "query_refinement", metadata={"refined_to": "carpet"})
    assert _told(engine) == [
        [
            "searched “settee”, found nothing",
            "refined to “sofa”, found 10, saw 4",
            "clicked #3 after 12 s",
            "read #3 for 8 s",
            "came back from #3",
            "turned on brand = Nord",
            "turned off new",
            "searched “sofa” again, found 10",
            "went on in “sofa”, found 5",
            "clicked #1 and read #1 for long after 51 s",
            "bought #1",
        ],
        ["searched “rug”, found 1", "refined to “carpet”"],
    ]


def test_a_journey_is_told_without_executions(engine: Engine, people: People) -> None:
    people.act(None, 0, "impression", session_id="s1", query_snapshot={"query": "sofa"})
    people.act(None, 4, "click", session_id="s1", query_snapshot={"query": "sofa"})
    people.say("s1", 9, "zero_results", query="settee")
    assert _told(engine) == [
        [
            "searched “sofa”, saw 1",
            "clicked #1 after 4 s",
            "refined to “settee”, found nothing",
        ]
    ]


def test_a_search_belongs_to_the_session_that_its_clicks_name(
    engine: Engine, people: People
) -> None:
    people.act(people.search(None, 0, "sofa"), 3, session_id="s1")
    assert _told(engine) == [["searched “sofa”, found 2", "clicked #1 after 3 s"]]


def test_each_type_has_words(engine: Engine, people: People) -> None:
    assert set(DEEDS) == set(INTERACTION_TYPES) - QUERY_LEVEL_TYPES - SHOWN_TYPES


def test_an_unknown_session_is_not_found(engine: Engine, people: People) -> None:
    people.search("s1", 0, "sofa")
    with asked(engine) as part, pytest.raises(NotFound):
        follow_session(part, "s2", WINDOW)


def test_an_erased_user_leaves_no_session(engine: Engine, people: People) -> None:
    people.act(people.search("s1", 0, "sofa", user_id="u1"), 3)
    people.search("s2", 0, "sofa", user_id="u2")
    erase_user(engine, 1, "u1")
    with asked(engine) as part:
        assert [one.session_id for one in list_sessions(part, WINDOW).sessions] == ["s2"]
        with pytest.raises(NotFound):
            follow_session(part, "s1", WINDOW)


def test_sessions_are_listed_with_what_came_of_them(engine: Engine, people: People) -> None:
    bought = people.search("s1", 0, "sofa", user_id="u1")
    people.act(bought, 5, "click")
    people.act(bought, 6, "click", position=1)
    people.act(bought, 90, "purchase")
    people.act(people.search("s2", 100, "sofa"), 101, "click")
    people.act(people.search("s2", 110, "rug"), 120, "add_to_cart")
    people.search("s3", 200, "settee", 0)
    people.search("s3", 205, "divan", 0)
    people.search("s4", 300, "sofa")
    people.search("s4", 300 + 2 * HOUR, "sofa")  # another visit
    people.act(people.search("s4", 301 + 2 * HOUR, "sofa", offset=2), 302 + 2 * HOUR, "click")
    people.say("s5", 400, "filter_toggle", metadata={"filter": "new"})
    people.search(None, 500, "sofa")  # nobody's
    with asked(engine) as part:
        found = list_sessions(part, WINDOW)
        lost = list_sessions(part, WINDOW, outcome="found_nothing", limit=1)
    assert [
        (one.session_id, one.seconds, one.searches, one.queries, one.clicks, one.outcome)
        for one in found.sessions
    ] == [
        ("s4", 2.0, 1, 1, 1, "click"),
        ("s5", 0.0, 0, 0, 0, "no_search"),
        ("s4", 0.0, 1, 1, 0, "no_click"),
        ("s3", 5.0, 2, 2, 0, "found_nothing"),
        ("s2", 20.0, 2, 2, 1, "add_to_cart"),
        ("s1", 90.0, 1, 1, 2, "purchase"),
    ]
    assert found.sessions[-1].user_id == "u1"
    assert found.total == 6
    assert [one.outcome for one in found.outcomes] == list(OUTCOMES)
    assert {(one.share.count, one.share.of) for one in found.outcomes} == {(1, 6)}
    assert [one.session_id for one in lost.sessions] == ["s3"]
    assert lost.total == 6


def test_a_log_without_sessions_says_so(engine: Engine, people: People) -> None:
    people.search(None, 0, "sofa")
    with asked(engine) as part:
        nobody = list_sessions(part, WINDOW)
    people.search("s1", 0, "sofa")
    with asked(engine) as part:
        nothing = list_sessions(part, WINDOW, outcome="purchase")
    assert nobody.note is not None
    assert "0, where 1 is needed" in nobody.note
    assert nobody.outcomes == ()
    assert nothing.note == "None of the 1 visits came to this outcome."
