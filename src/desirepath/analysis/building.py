"""Expressions that are put together once, since that takes longer than a small log to answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from ibis.expr.operations import Node
from ibis.expr.types import Table

__all__ = ["built_once"]

P = ParamSpec("P")
Built = TypeVar("Built")


def built_once(build: Callable[P, Built]) -> Callable[P, Built]:
    """Keep what a function builds of tables, for the next question to such tables.

    Expressions do not change, and DuckDB's tables are the same ones in every log.

    Parameters
    ----------
    build
        Takes tables, logs, and what else has a hash; returns expressions and nothing else.
    """
    parameters = signature(build)

    @lru_cache(maxsize=16)
    def of_keys(*keys: Hashable) -> Built:
        values = [key.to_expr() if isinstance(key, Node) else key for key in keys]
        return build(*values)  # type: ignore[call-arg, arg-type]

    @wraps(build)
    def of_values(*values: P.args, **named: P.kwargs) -> Built:
        placed = parameters.bind(*values, **named).args
        return of_keys(*(value.op() if isinstance(value, Table) else value for value in placed))

    return of_values
