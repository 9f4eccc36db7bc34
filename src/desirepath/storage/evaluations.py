"""What the engine asks of a database about evaluation datasets; the docstrings are the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from desirepath.domain.judgment import Dataset, JudgedQuery

__all__ = ["Evaluations"]


class Evaluations(Protocol):
    """Datasets of judged queries; a name is unique in its namespace.

    A dataset never changes but for being marked as stale and losing queries that mention somebody.
    """

    def create(
        self,
        dataset: Dataset,
        queries: Iterable[JudgedQuery],
        changes: Mapping[int, int] | None = None,
    ) -> Dataset:
        """Store a dataset; the numbers of its queries and judgments are counted.

        Parameters
        ----------
        queries
            In the order that :meth:`queries` gives them back; query ids are distinct.
        changes
            What :meth:`~desirepath.storage.extracts.Extracts.changes` said before the log was read
            that the judgments are from. If it says something else now, the dataset is stale from
            the start, and so nothing is missed that is deleted meanwhile.

        Raises
        ------
        AlreadyExists
            The namespace has a dataset of this name.
        """
        ...

    def find(self, namespace: int, id_or_name: str) -> Dataset | None: ...

    def datasets(self, namespace: int, limit: int, offset: int = 0) -> list[Dataset]:
        """Newest first."""
        ...

    def count(self, namespace: int) -> int: ...

    def queries(self, namespace: int, id: bytes, chunk: int = 500) -> Iterator[JudgedQuery]:
        """The queries of a dataset in order, in constant memory."""
        ...

    def delete(self, namespace: int, id: bytes) -> bool:
        """Remove a dataset; whether it was there."""
        ...

    def delete_of_retriever(self, namespace: int, retriever_id: str) -> int:
        """Remove the datasets that are from the log of one retriever; how many there were."""
        ...

    def clear(self, namespace: int) -> None:
        """Remove all."""
        ...

    def mark_stale(
        self, namespace: int, retriever_ids: Collection[str], moment: int, now: int
    ) -> int:
        """Mark datasets from which something is deleted in this session; how many it made stale.

        Those are meant that are from the log of one of these retrievers, or of all, and saw what
        was recorded at ``moment``. What is stale stays stale since the first time.
        """
        ...

    def delete_mentions(self, namespace: int, text: str) -> int:
        """Remove queries whose input contains this text from their datasets; how many."""
        ...
