"""One page of the rows of an answer, in the order that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from desirepath.engine.analysing.relevance import Order

__all__ = ["column", "page", "ratio"]

Floats = NDArray[np.float64]


def column(rows: pa.Table, name: str) -> Floats:
    """A column of numbers; what is missing is 0."""
    return np.asarray(pc.fill_null(rows[name], 0), float)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where nothing is divided by."""
    found = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


def page(
    rows: pa.Table, by: Floats, order: Order, more: str, names: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that are wanted, sorted.

    Parameters
    ----------
    by : shape (n_rows,)
        What they are sorted by; NaN comes last.
    more, names
        Equal ones: the larger in this column first, then by these texts.
    """
    keyed = rows.append_column("_by", pa.array(by, from_pandas=True))
    ways = [("_by", f"{order.direction}ending", "at_end"), (more, "descending", "at_end")]
    ways += [(name, "ascending", "at_end") for name in names]
    places = pc.sort_indices(keyed, sort_keys=ways)
    wanted = rows.take(places[order.start : order.start + order.size])
    return wanted.to_pylist()  # type: ignore[no-any-return]
