"""Packages that only some need: what is missing is said by the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from desirepath.errors import MissingDependency

__all__ = ["needs_extra"]


@contextmanager
def needs_extra(extra: str, package: str | None = None) -> Iterator[None]:
    """Import within this what an extra brings.

    Parameters
    ----------
    package
        What is missing then; None: the module that is not found.

    Raises
    ------
    MissingDependency
        The extra is not installed.

    Examples
    --------
    >>> with needs_extra("train"):  # doctest: +ELLIPSIS
    ...     import no_such_module
    Traceback (most recent call last):
    desirepath.errors.MissingDependency: This needs no_such_module, which is not installed: ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependency(package or error.name or extra, extra) from error
