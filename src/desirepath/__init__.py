"""Desirepath: relevance feedback for search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desirepath.api.in_process import AsyncDesirepath, Desirepath
    from desirepath.engine.embedding.base import Embedder

__all__ = ["__version__", "open", "open_async"]

__version__ = "0.1.0"


def open(
    database: str = "sqlite:///desirepath.db",
    *,
    embedder: Embedder | None = None,
    **settings: Any,
) -> Desirepath:
    """Open a database in this process: the same as a server does, without one.

    Parameters
    ----------
    database
        ``sqlite:///path.db``, ``sqlite://`` (in memory) or ``postgresql://user@host/name``.
    embedder
        Makes vectors of texts, instead of the endpoint that the setting ``embedder_url`` names: an
        object with ``embed(model, texts)``, which returns a sequence of numbers for each text.
    **settings
        Any setting by name, such as ``dedup_window_seconds=60``.

    Examples
    --------
    >>> import desirepath
    >>> with desirepath.open("sqlite://") as here:
    ...     click = here.interactions.create(
    ...         feature_id="doc_1", interaction_type=["click"], position=0
    ...     )
    ...     here.interactions.get(click["interaction_id"])["feature_id"]
    'doc_1'
    """
    from desirepath.server import open_in_process

    return open_in_process(database, embedder, **settings)


def open_async(
    database: str = "sqlite:///desirepath.db",
    *,
    embedder: Embedder | None = None,
    **settings: Any,
) -> AsyncDesirepath:
    """:func:`open` with methods to await."""
    return open(database, embedder=embedder, **settings).as_async()
