"""What readers of files hand to the writer."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.execution import ExecutionDraft
from desirepath.domain.interaction import Interaction, InteractionDraft
from desirepath.domain.retriever import RetrieverDraft
from desirepath.engine.importing.positions import PositionStats

__all__ = [
    "Batch",
    "Prepared",
    "PreparedInteraction",
    "ReadExecution",
    "ReadInteraction",
    "ReadRetriever",
    "RejectedRow",
    "decode_prepared",
    "encode_prepared",
]


class ReadRetriever(Struct, frozen=True, array_like=True):
    """A retriever that a file describes, to be made if it is not there."""

    retriever_id: str
    draft: RetrieverDraft


class ReadExecution(Struct, frozen=True, array_like=True, kw_only=True):
    """An execution of a file.

    Parameters
    ----------
    file, line
        Where it was read.
    retriever
        Name or id as the row says; empty for the default.
    other_id
        Its execution_id if another execution, with other content, has the first.
    is_list_derived
        Its documents were gathered from impressions, so a stored one with other documents is the
        same search seen with more or fewer of them.
    """

    file: int
    line: int
    retriever: str
    draft: ExecutionDraft
    other_id: str | None = None
    is_list_derived: bool = False


class ReadInteraction(Struct, frozen=True, array_like=True, kw_only=True):
    """An interaction of a file, to be recorded like any other."""

    file: int
    line: int
    draft: InteractionDraft


class PreparedInteraction(Interaction, frozen=True, array_like=True, kw_only=True, gc=False):
    """An interaction that is ready to be stored but for its id.

    Everything that recording would work out is worked out, by the same rules.

    Parameters
    ----------
    line
        Where it was read.
    digest
        Of its draft: what tells a repeat from a conflict.
    stored_as
        The interaction that it may be an export of.
    is_unlinked
        Its execution was not known when it was prepared.
    """

    line: int
    digest: bytes
    stored_as: bytes | None = None
    is_unlinked: bool = False


Prepared = tuple[
    bytes,  # id, empty
    int,
    str,
    tuple[str, ...],
    int,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    float | None,
    int | None,
    str | None,
    str | None,
    int,
    bool,
    float,
    str | None,
    int,
    bytes,
    bytes | None,
    bool,
]
"""The fields of a :class:`PreparedInteraction`, in its order."""

encode_prepared = msgspec.msgpack.Encoder().encode
decode_prepared = msgspec.msgpack.Decoder(list[PreparedInteraction]).decode


class RejectedRow(Struct, frozen=True, array_like=True):
    """A row that breaks a rule."""

    file: int
    line: int
    reason: str
    row: Any


class Batch(Struct, array_like=True):
    """Some rows, to be written in one transaction.

    Parameters
    ----------
    step
        What the reader is doing, in words.
    done, total
        Bytes of the files, once per look at them.
    file
        Of the prepared interactions.
    prepared, n_prepared
        :data:`Prepared` interactions, some thousand at a time, encoded: they may come from another
        process, and then this is the quickest way.
    is_barrier
        The reader goes on when everything up to here is stored.
    """

    step: str = ""
    done: int = 0
    total: int = 0
    file: int = 0
    retrievers: list[ReadRetriever] = msgspec.field(default_factory=list)
    executions: list[ReadExecution] = msgspec.field(default_factory=list)
    interactions: list[ReadInteraction] = msgspec.field(default_factory=list)
    prepared: list[bytes] = msgspec.field(default_factory=list)
    n_prepared: int = 0
    rejected: list[RejectedRow] = msgspec.field(default_factory=list)
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    ignored: dict[str, int] = msgspec.field(default_factory=dict)
    time_units: dict[str, int] = msgspec.field(default_factory=dict)
    position_bases: dict[str, int] = msgspec.field(default_factory=dict)
    moved: int = 0
    positions: PositionStats = msgspec.field(default_factory=PositionStats)
    is_barrier: bool = False

    @property
    def size(self) -> int:
        """How much there is to write."""
        return len(self.executions) + len(self.interactions) + self.n_prepared
