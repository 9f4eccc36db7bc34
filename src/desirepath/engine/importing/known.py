"""What the database knows already, asked for in groups and remembered for a while."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from desirepath.domain.execution import Execution, ShownList
from desirepath.domain.interaction import Interaction
from desirepath.domain.reward import Reward, default_reward
from desirepath.storage.base import InteractionQuery, Storage

__all__ = ["Known"]

_REMEMBERED = 20_000  # lists; some 60 MB at twenty documents each
_IMPRESSIONS = 1_000


class Known:
    """Reads what earlier rows and earlier imports stored.

    Parameters
    ----------
    storages
        Where to look, in order: a dry run has a scratch database before the real one.
    namespace
        Whose rows.
    """

    def __init__(self, storages: Sequence[Storage], namespace: int) -> None:
        self._storages = storages
        self._namespace = namespace
        self._lists: dict[str, ShownList] = {}
        self._positions: dict[str, dict[str, int]] = {}
        self._retrievers: dict[str, str] | None = None
        self._rewards: dict[str, Reward] = {}

    def now(self) -> int:
        """The database's time, which decides what lies in the future."""
        with self._storages[0].read() as session:
            return session.now()

    def shown_lists(self, execution_ids: Collection[str]) -> Mapping[str, ShownList]:
        """What these executions showed; those that are not known are left out, and asked for again
        the next time.
        """
        wanted = set(execution_ids).difference(self._lists)
        if len(self._lists) + len(wanted) > _REMEMBERED:
            self._lists.clear()
            wanted = set(execution_ids)
        for storage in self._storages:
            if not wanted:
                break
            keys = [(self._namespace, id) for id in sorted(wanted)]
            with storage.read() as session:
                found = session.executions.shown_lists(keys)
            for (_, id), shown in found.items():
                self._lists[id] = shown
                wanted.discard(id)
        return self._lists

    def execution(self, execution_id: str) -> Execution | None:
        for storage in self._storages:
            with storage.read() as session:
                found = session.executions.get(self._namespace, execution_id)
            if found is not None:
                return found
        return None

    def position(self, execution_id: str, document_id: str) -> int | None:
        """Where an execution showed a document."""
        if execution_id not in self._positions:
            if len(self._positions) >= _REMEMBERED:
                self._positions.clear()
            found = self.execution(execution_id)
            self._positions[execution_id] = (
                {}
                if found is None
                else {d.document_id: n for n, d in enumerate(found.documents, found.offset)}
            )
        return self._positions[execution_id].get(document_id)

    def impressions(self, execution_id: str) -> list[Interaction]:
        """Impressions of an execution, in the order recorded."""
        query = InteractionQuery(
            namespace=self._namespace,
            equals={"execution_id": execution_id},
            interaction_type="impression",
            descending=False,
        )
        found: list[Interaction] = []
        for storage in self._storages:
            with storage.read() as session:
                found += session.interactions.find(query, _IMPRESSIONS)
        return found

    def retriever_id(self, id_or_name: str) -> str | None:
        """The id of the retriever of that id or name; None when there is none."""
        if self._retrievers is None:
            self._retrievers = {}
            for storage in self._storages:
                with storage.read() as session:
                    for retriever in session.catalog.retrievers(self._namespace):
                        id = retriever.retriever_id
                        self._retrievers |= {id: id, retriever.draft.retriever_name: id}
                        self._rewards[id] = retriever.reward
        return self._retrievers.get(id_or_name)

    def reward(self, retriever_id: str) -> Reward:
        """What interactions of a retriever are worth."""
        self.retriever_id(retriever_id)  # read them, if that was not done yet
        return self._rewards.get(retriever_id, default_reward)
