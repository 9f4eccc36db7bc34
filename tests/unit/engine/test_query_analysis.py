"""What is said of queries, from logs whose chains are known."""

from __future__ import annotations

import pytest

from desirepath.engine.analysing.zero_results import find_zero_results
from desirepath.engine.engine import Engine
from tests.unit.analysis.people import WINDOW, People, asked

HOUR = 3600.0


@pytest.fixture
def people(engine: Engine) -> People:
    return People(engine)


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
