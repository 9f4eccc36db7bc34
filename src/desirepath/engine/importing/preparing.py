"""Work out everything about an interaction that is to be stored, but for its id.

The rules are those of :mod:`~desirepath.engine.recording`; a test holds the two side by side. What
is different is only where: here it can happen in another process than the one that writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from desirepath.domain.ids import parse_id
from desirepath.domain.interaction import InteractionDraft
from desirepath.domain.plain_json import canonical_json, object_text
from desirepath.domain.reward import default_reward
from desirepath.domain.warnings import warning_for
from desirepath.engine.importing.batches import Batch, Prepared, encode_prepared
from desirepath.engine.importing.fast_lines import ReadLine
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.positions import PositionStats
from desirepath.engine.importing.times import parse_iso

__all__ = ["Preparer", "Waiting"]

_AT_ONCE = 500


class Preparer:
    """Prepares interactions of a namespace.

    Parameters
    ----------
    known
        The executions and retrievers there are.
    namespace
        Of the interactions.
    retriever_id
        Of interactions that name none and have no execution that does.
    """

    def __init__(self, known: Known, namespace: int, retriever_id: str | None = None) -> None:
        self._known = known
        self._namespace = namespace
        self._retriever_id = retriever_id
        self._types: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._rewards: dict[tuple[str | None, tuple[str, ...]], float] = {}

    def prepare(
        self,
        read: Sequence[ReadLine],
        lines: Sequence[int],
        stored_as: Sequence[bytes | None] | None = None,
    ) -> list[Prepared]:
        """Prepare interactions.

        Parameters
        ----------
        read
            Checked interactions with their canonical JSON and their time.
        lines : shape (len(read),)
            Where each was read.
        stored_as : shape (len(read),)
            The interaction of this database that each may be an export of.
        """
        now = self._known.now()
        lists = self._known.shown_lists(
            {draft.execution_id for draft, _, _ in read if draft.execution_id is not None}
        )
        sha256 = hashlib.sha256
        known_types, known_rewards = self._types, self._rewards
        prepared: list[Prepared] = []
        for index, (draft, canonical, moment) in enumerate(read):
            key = tuple(draft.interaction_type)
            types = known_types.get(key) or self._types_of(key, draft)
            execution_id, named = draft.execution_id, draft.retriever_id
            metadata, query = draft.metadata, object_text(draft.query_snapshot)
            shown = None if execution_id is None else lists.get(execution_id)
            score, resolved = draft.document_score, named
            if named is not None and (shown is None or shown.retriever_id != named):
                resolved = self._known.retriever_id(named)
            warning = warning_for(draft, shown=shown, retriever_id=resolved, clamped=moment > now)
            retriever_id = resolved or named
            if shown is not None:
                retriever_id = retriever_id or shown.retriever_id
                query = shown.inputs_json if query is None else query
            elif retriever_id is None:
                retriever_id = self._retriever_id
            reward = known_rewards.get((retriever_id, types))
            if reward is None:
                reward = self._reward_of(retriever_id, types)
            if metadata is not None and "reward_value" in metadata:
                metadata = {name: v for name, v in metadata.items() if name != "reward_value"}
            prepared.append(
                (
                    b"",
                    self._namespace,
                    draft.feature_id,
                    types,
                    draft.position,
                    object_text(metadata),
                    draft.user_id,
                    draft.session_id,
                    execution_id,
                    retriever_id,
                    query,
                    None if score is None else score + 0.0,  # no database keeps the sign of zero
                    draft.result_set_size,
                    draft.feature_uri,
                    draft.event_id,
                    moment if moment < now else now,
                    False,
                    reward,
                    warning,
                    lines[index],
                    sha256(canonical).digest(),
                    None if stored_as is None else stored_as[index],
                    shown is None and execution_id is not None,
                )
            )
        return prepared

    def _types_of(self, key: tuple[str, ...], draft: InteractionDraft) -> tuple[str, ...]:
        self._types[key] = draft.types
        return draft.types

    def _reward_of(self, retriever_id: str | None, types: tuple[str, ...]) -> float:
        of = default_reward if retriever_id is None else self._known.reward(retriever_id)
        reward = self._rewards[retriever_id, types] = of(types)
        return reward


class Waiting:
    """Interactions that wait until there are enough for a batch.

    They are prepared and encoded a few hundred at a time, while they are still in the processor's
    cache.
    """

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer
        self._read: list[ReadLine] = []
        self._lines: list[int] = []
        self._stored_as: list[bytes | None] = []
        self._prepared: list[bytes] = []
        self._positions = PositionStats()

    def __len__(self) -> int:
        return self._positions.n + len(self._read)

    def add(self, draft: InteractionDraft, line: int, stored_as: bytes | None) -> None:
        self._read.append((draft, canonical_json(draft), parse_iso(draft.occurred_at or "")))
        self._lines.append(line)
        self._stored_as.append(stored_as)
        if len(self._read) >= _AT_ONCE:
            self._prepare()

    def extend(self, read: Sequence[ReadLine], first_line: int) -> None:
        """Add the interactions of neighbouring lines."""
        self._read += read
        self._lines += range(first_line, first_line + len(read))
        self._stored_as += [_exported_as(draft.event_id or "") for draft, _, _ in read]
        self._prepare()

    def fill(self, batch: Batch) -> None:
        """Put what waits into a batch."""
        self._prepare()
        batch.prepared, batch.n_prepared = self._prepared, self._positions.n
        batch.positions = self._positions
        self._prepared, self._positions = [], PositionStats()

    def _prepare(self) -> None:
        if not self._read:
            return
        prepared = self._preparer.prepare(self._read, self._lines, self._stored_as)
        self._prepared.append(encode_prepared(prepared))
        lowest = min(draft.position for draft, _, _ in self._read)
        self._positions.add(lowest)
        self._positions.n += len(self._read) - 1
        self._read, self._lines, self._stored_as = [], [], []


def _exported_as(event_id: str) -> bytes | None:
    """The interaction whose id an export made its event_id."""
    return parse_id("int", event_id) if event_id.startswith("int_") else None
