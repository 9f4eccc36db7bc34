"""Expressions that are put together once: the same for the same tables, and for no others."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from desirepath.analysis.building import built_once


def a_table(name: str, **types: str) -> Table:
    return ibis.table(types, name=name)


def test_the_same_tables_are_looked_at_once() -> None:
    built: list[Table] = []

    @built_once
    def first_of(table: Table, n: int) -> Table:
        built.append(table)
        return table.limit(n)

    one = first_of(a_table("t", a="int64"), 1)
    assert first_of(a_table("t", a="int64"), 1) is one
    assert first_of(n=1, table=a_table("t", a="int64")) is one
    others = [
        first_of(a_table("u", a="int64"), 1),
        first_of(a_table("t", a="string"), 1),
        first_of(a_table("t", a="int64"), 2),
    ]
    assert len(built) == 4
    assert not any(other.equals(one) for other in others)
