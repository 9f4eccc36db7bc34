"""What the engine asks of a database about models; the docstrings are the contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from desirepath.domain.artifact import Artifact, Deployment

__all__ = ["Artifacts"]


class Artifacts(Protocol):
    """Models in versions, with their files and with what serves.

    A name is unique in its namespace and belongs to one kind. A version never changes but for being
    marked as stale. A version that is removed takes its deployments along: what served before it
    serves again.
    """

    def create(
        self,
        artifact: Artifact,
        files: Mapping[str, bytes],
        changes: Mapping[int, int] | None = None,
    ) -> Artifact:
        """Store the next version of a name, with its files, whole or not at all.

        Parameters
        ----------
        artifact
            Its ``version`` and ``files`` are worked out here.
        changes
            What :meth:`~desirepath.storage.extracts.Extracts.changes` said before the log was read
            that it learned from. If it says something else now, the model is stale from the start,
            and so nothing is missed that is deleted meanwhile.

        Raises
        ------
        AlreadyExists
            The name belongs to another kind.
        """
        ...

    def find(
        self,
        namespace: int,
        id_or_name: str,
        version: int | None = None,
        *,
        kind: str | None = None,
    ) -> Artifact | None:
        """A version by its id; or by a name and a number, of which None means what serves."""
        ...

    def artifacts(
        self,
        namespace: int,
        limit: int,
        offset: int = 0,
        *,
        kind: str | None = None,
        name: str | None = None,
    ) -> list[Artifact]:
        """Newest first."""
        ...

    def count(self, namespace: int, *, kind: str | None = None, name: str | None = None) -> int: ...

    def file(self, namespace: int, id: bytes, name: str) -> bytes:
        """What is in a file.

        Raises
        ------
        NotFound
            There is no such version, or it has no such file.
        StorageCorrupt
            It is not what was stored.
        """
        ...

    def deploy(self, namespace: int, name: str, version: int, now: int) -> Deployment | None:
        """Let a version serve; what serves already is left as it is. None: there is none such."""
        ...

    def roll_back(self, namespace: int, name: str, now: int) -> Deployment | None:
        """Let the version serve that did before this one; None: there is none."""
        ...

    def deployments(self, namespace: int, name: str) -> list[Deployment]:
        """What served, in order; the last one does."""
        ...

    def serving(self, namespace: int) -> dict[str, int]:
        """The version that serves, by name."""
        ...

    def delete(self, namespace: int, id: bytes) -> bool:
        """Remove a version; whether it was there."""
        ...

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        """Remove what learned from the log of one retriever only; how many versions."""
        ...

    def clear(self, namespace: int) -> None:
        """Remove all."""
        ...

    def mark_stale(
        self, namespace: int, retriever_ids: Collection[str], moment: int, now: int
    ) -> int:
        """Mark what may have seen something deleted in this session; how many it made stale.

        Those are meant that learned from the log of one of these retrievers, or of all, and saw
        what was recorded at ``moment``. What is stale stays stale since the first time.
        """
        ...

    def delete_mentions(self, namespace: int, text: str) -> int:
        """Remove versions whose manifest, or a file ``*.json`` of which, contains this text."""
        ...
