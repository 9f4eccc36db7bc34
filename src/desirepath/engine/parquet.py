"""Parquet needs a package that takes more room than all others together; most do without."""

from __future__ import annotations

from typing import Any

from desirepath.extras import needs_extra

__all__ = ["load_pyarrow"]


def load_pyarrow() -> tuple[Any, Any]:
    """Give the modules ``pyarrow`` and ``pyarrow.parquet``.

    Raises
    ------
    MissingDependency
        The extra ``parquet`` is not installed.
    """
    with needs_extra("parquet", "pyarrow"):
        import pyarrow
        from pyarrow import parquet
    return pyarrow, parquet
