"""Who looks like a robot: nobody of a simulated population, and each kind of simulated click spam.

The traffic is a simulation throughout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from desirepath.domain.scope import Scope
from desirepath.engine.analysing.flagging import LEAST_CROWD, Flags, find_flagged
from desirepath.engine.analysing.part import part_of
from desirepath.testing.clock import START
from tests.unit.engine.analysing.robots import ROBOTS, crawler
from tests.unit.engine.analysing.traffic import DAY, Traffic, opened

N_PEOPLE = 200


def flags(folder: Path, traffic: Traffic) -> Flags:
    with opened(folder, traffic) as log:
        return find_flagged(log.log, log.engine)


@pytest.mark.parametrize("mark", ROBOTS)
def test_click_spam_is_found(tmp_path: Path, mark: str) -> None:
    traffic = Traffic(seed=3).people(1_000)
    ROBOTS[mark](traffic, "robot")
    found = flags(tmp_path, traffic)
    assert [one.identity for one in found.identities] == ["robot"]
    assert mark in found.identities[0].marks


def test_robots_are_told_from_a_crowd_of_people(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """Beside two usual rules, which go by how much somebody sends."""
    rule_to_found: Counter[str] = Counter()
    rule_to_wrong: Counter[str] = Counter()
    for seed in range(5):
        traffic = Traffic(seed=seed).people(4_000, n_users=N_PEOPLE)
        for mark, robot in ROBOTS.items():
            robot(traffic, mark)
        flagged = {one.identity for one in flags(tmp_path / str(seed), traffic).identities}
        for rule, found in {
            "flagged": flagged,
            "over a fifth of all": _with_large_share(traffic),
            "over a hundred clicks a day": _with_many_clicks(traffic),
        }.items():
            rule_to_found[rule] += len(found & ROBOTS.keys())
            rule_to_wrong[rule] += len(found - ROBOTS.keys())
    for rule, n_found in rule_to_found.items():
        figure(f"{rule}: {n_found} robots of 25, and {rule_to_wrong[rule]} of 1000 people")
    assert (rule_to_found["flagged"], rule_to_wrong["flagged"]) == (25, 0)


def _with_large_share(traffic: Traffic) -> set[str]:
    counts = Counter(row["user_id"] for row in traffic.interactions)
    return {name for name, n in counts.items() if n > 0.2 * counts.total()}


def _with_many_clicks(traffic: Traffic) -> set[str]:
    days = Counter((row["user_id"], row["occurred_at"] // DAY) for row in traffic.interactions)
    return {name for (name, _), n in days.items() if n >= 100}


def test_who_clicks_most_is_no_robot(tmp_path: Path) -> None:
    """One of twenty-five people makes a fifth of all visits, hundreds of them on one day."""
    traffic = Traffic(seed=5).people(3_000, n_days=1, n_users=25)
    clicks = [row for row in traffic.interactions if row["user_id"] == "user_0"]
    assert len(clicks) > 500
    assert flags(tmp_path, traffic) == Flags()


def test_a_log_without_the_times_of_people_marks_nobody_by_time(tmp_path: Path) -> None:
    """All that a simulation in a minute, a replay or a batch makes looks inhuman."""
    traffic = Traffic(seed=6).people(4_000, pace=0.001)
    for row in (*traffic.executions, *traffic.interactions):
        row["occurred_at"] = START + (row["occurred_at"] - START) // 2_000
    found = flags(tmp_path, traffic)
    assert found.identities == ()
    assert "clicks_at_once" in found.mark_to_doubt
    assert "times of people" in found.mark_to_doubt["clicks_at_once"]


def test_what_all_do_marks_nobody(tmp_path: Path) -> None:
    """Lists that were put together of what was clicked are clicked all over, by everybody."""
    traffic = Traffic(seed=7)
    for number in range(40):
        crawler(traffic, f"user_{number}")
    found = flags(tmp_path, traffic)
    assert found.identities == ()
    assert "sets nobody apart" in found.mark_to_doubt["clicks_everything"]


def test_nobody_is_marked_without_a_crowd(tmp_path: Path) -> None:
    traffic = Traffic(seed=8).people(300, n_users=LEAST_CROWD - 1)
    crawler(traffic)
    found = flags(tmp_path, traffic)
    assert found.identities == ()
    assert f"{LEAST_CROWD} others" in found.mark_to_doubt["clicks_everything"]


def test_identities_are_found_where_only_searches_say_whose_they_are(tmp_path: Path) -> None:
    traffic = Traffic(seed=9).people(1_000)
    crawler(traffic)
    for row in traffic.interactions:
        row["user_id"] = row["session_id"] = None
    assert [one.identity for one in flags(tmp_path, traffic).identities] == ["robot"]


def test_a_part_leaves_them_out_and_says_how_much_that_is(tmp_path: Path) -> None:
    traffic = Traffic(seed=10).people(1_000)
    n_people = len(traffic.interactions)
    crawler(traffic)
    with opened(tmp_path, traffic) as log:
        part = part_of(log, Scope())
        assert part.n_flagged == 1
        assert part.flagged_share == pytest.approx(250 / (n_people + 250))
        for table, n in (
            (part.log.interactions, n_people),
            (part.log.executions, 1_000),
            (part.log.impressions, 10_000),
        ):
            assert part.engine.arrow(table.count().as_table()).column(0).to_pylist() == [n]
        with_them = part_of(log, Scope(exclude_flagged=False))
        assert (with_them.n_flagged, with_them.flagged_share) == (0, 0.0)


def test_a_part_counts_its_own_robots_but_finds_them_in_the_whole_log(tmp_path: Path) -> None:
    traffic = Traffic(seed=11).people(1_000)
    crawler(traffic)
    robots = [row for row in traffic.interactions if row["user_id"] == "robot"]
    moments = [row["occurred_at"] for row in robots]
    with opened(tmp_path, traffic) as log:
        some = part_of(log, Scope(since=moments[120], before=moments[150]))
        later = part_of(log, Scope(since=max(moments) + 1))
    assert some.n_flagged == 1
    assert 0 < some.flagged_share < 1
    assert (later.n_flagged, later.flagged_share) == (0, 0.0)
