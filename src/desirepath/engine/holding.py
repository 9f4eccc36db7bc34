"""Keep a namespace from being deleted while something is stored in it."""

from __future__ import annotations

from desirepath.errors import NotFound
from desirepath.storage.base import Namespace, Session

__all__ = ["hold_namespace"]


def hold_namespace(session: Session, namespace: Namespace) -> None:
    """Let nobody delete a namespace before this session ends.

    Raises
    ------
    NotFound
        It was deleted meanwhile.
    """
    if session.catalog.find_namespace(namespace.namespace_id, hold=True) is None:
        raise NotFound("namespace", namespace.name)
