"""Counts as a table, and where documents usually stand."""

from __future__ import annotations

import numpy as np

from desirepath.methods.position_bias.tables import tabulate
from desirepath.methods.position_bias.usual_rank import leaves_of
from desirepath.testing.clicked_lists import EXAMINATIONS
from tests.unit.methods.position_bias.cells import counted, simulated, table_of

ENTRIES = [(7, 1, 2, 10, 3), (5, 0, 1, 4, 1), (7, 1, 2, 5, 1), (7, 1, 4, 6, 2), (5, 0, 3, 2, 0)]


def test_entries_of_a_cell_are_added() -> None:
    table = tabulate(counted(ENTRIES), max_rank=4, share_last=True)
    assert table.cluster.tolist() == [0, 1]
    assert table.n.tolist() == [[4, 0, 2, 0], [0, 15, 0, 6]]
    assert table.c.tolist() == [[1, 0, 0, 0], [0, 4, 0, 2]]
    assert table.n_lists == 15


def test_what_stands_further_down_shares_the_last_rank_or_is_left_out() -> None:
    shared = tabulate(counted(ENTRIES), max_rank=3, share_last=True)
    assert shared.n.tolist() == [[4, 0, 2], [0, 15, 6]]
    cut = tabulate(counted(ENTRIES), max_rank=3, share_last=False)
    assert cut.n.tolist() == [[4, 0, 2], [0, 15, 0]]


def test_there_are_no_more_ranks_than_were_seen() -> None:
    assert tabulate(counted(ENTRIES), max_rank=10, share_last=True).n.shape == (2, 4)
    assert tabulate(counted([]), max_rank=10, share_last=True).n.shape == (0, 1)


def test_an_entry_without_impressions_is_none() -> None:
    entries = [*ENTRIES, (9, 2, 6, 0, 0)]
    assert tabulate(counted(entries), max_rank=10, share_last=True).n.shape == (2, 4)


def test_leaves_are_about_equal_and_in_the_order_of_usual_ranks() -> None:
    table = tabulate(simulated(EXAMINATIONS["flat"], 1), max_rank=10, share_last=True)
    leaves = leaves_of(table, 12)
    assert leaves.n == 12
    shown = leaves.sums(table.n)
    assert shown.sum() == table.n.sum()
    share = shown.sum(axis=1) / shown.sum()
    assert share.min() > 0.04  # one document may have as much as a leaf should have
    assert share.max() < 0.16
    usual = (shown @ np.arange(1, 11)) / shown.sum(axis=1)
    first, last = usual[:2].mean(), usual[-2:].mean()
    assert first < 2.5
    assert last > 6.0


def test_few_clicks_make_few_leaves() -> None:
    table = table_of([[100, 100], [100, 100]], [[10, 5], [5, 4]])
    assert leaves_of(table).n == 1


def test_a_document_that_is_mostly_left_out_stands_lower() -> None:
    """Both stand at rank 1 when they stand at all; the second in few of the query's lists."""
    table = table_of([[900, 0], [100, 0], [0, 1000]], [[400, 0], [50, 0], [0, 60]])
    table = type(table)(cluster=np.zeros(3, np.int64), n=table.n, c=table.c)
    first, second, third = leaves_of(table, 20).of_pair.tolist()
    assert first < second
    assert first < third
