"""Between domain values and rows."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from desirepath.domain.execution import (
    Execution,
    ExecutionSummary,
    ShownDocument,
    ShownList,
)
from desirepath.domain.experiment import pack_trial, unpack_trial
from desirepath.domain.interaction import Interaction
from desirepath.domain.plain_json import encode_json, object_text
from desirepath.domain.profile import pack_profile, unpack_profile
from desirepath.domain.ranking import pack_ranking, unpack_ranking
from desirepath.storage.relational.bulk import Row

__all__ = [
    "execution_to_row",
    "interaction_to_row",
    "row_to_execution",
    "row_to_interaction",
    "row_to_shown_list",
    "row_to_summary",
]

_decode_object = msgspec.json.Decoder(dict[str, Any] | None).decode
_decode_shown = msgspec.json.Decoder(tuple[list[str], list[float | None]]).decode
_decode_detail = msgspec.json.Decoder(
    list[tuple[dict[str, float] | None, dict[str, float] | None]]
).decode


def interaction_to_row(value: Interaction) -> Row:
    types = value.types
    return (
        value.namespace,
        value.id,
        value.feature_id,
        types[0] if len(types) == 1 else ",".join(types),
        value.position,
        value.metadata_json,
        value.user_id,
        value.session_id,
        value.execution_id,
        value.retriever_id,
        value.query_json,
        value.document_score,
        value.result_set_size,
        value.feature_uri,
        value.event_id,
        value.occurred_at,
        int(value.live),
        value.reward,
        value.warning,
    )


def row_to_interaction(row: Row) -> Interaction:
    return Interaction(
        namespace=row[0],
        id=row[1],
        feature_id=row[2],
        types=tuple(row[3].split(",")),
        position=row[4],
        metadata_json=row[5],
        user_id=row[6],
        session_id=row[7],
        execution_id=row[8],
        retriever_id=row[9],
        query_json=row[10],
        document_score=row[11],
        result_set_size=row[12],
        feature_uri=row[13],
        event_id=row[14],
        occurred_at=row[15],
        live=bool(row[16]),
        reward=row[17],
        warning=row[18],
    )


def execution_to_row(value: Execution) -> Row:
    documents = value.documents
    shown = ([d.document_id for d in documents], [d.score for d in documents])
    detail = None
    if any(d.scores is not None or d.features is not None for d in documents):
        detail = zlib.compress(encode_json([(d.scores, d.features) for d in documents]), 1)
    return (
        value.namespace,
        value.id,
        value.execution_id,
        value.retriever_id,
        value.user_id,
        value.session_id,
        object_text(value.inputs),
        value.configuration,
        object_text(value.metadata),
        value.offset,
        value.total,
        len(documents),
        encode_json(shown).decode(),
        detail,
        value.occurred_at,
        int(value.live),
        value.parent_id,
        None if value.ranking is None else value.ranking.algorithm,
        None if value.ranking is None else pack_ranking(value.ranking),
        None if value.profile is None else pack_profile(value.profile),
        None if value.trial is None else value.trial.experiment_id,
        None if value.trial is None else pack_trial(value.trial),
    )


def row_to_execution(row: Row) -> Execution:
    document_ids, scores = _decode_shown(row[12])
    detail: list[tuple[dict[str, float] | None, dict[str, float] | None]]
    detail = [(None, None)] * len(document_ids)
    if row[13] is not None:
        detail = _decode_detail(zlib.decompress(row[13]))
    return Execution(
        namespace=row[0],
        id=row[1],
        execution_id=row[2],
        retriever_id=row[3],
        user_id=row[4],
        session_id=row[5],
        inputs=None if row[6] is None else _decode_object(row[6]),
        configuration=row[7],
        metadata=None if row[8] is None else _decode_object(row[8]),
        offset=row[9],
        total=row[10],
        documents=tuple(
            ShownDocument(document_id=id, score=score, scores=by_feature, features=features)
            for id, score, (by_feature, features) in zip(document_ids, scores, detail, strict=True)
        ),
        occurred_at=row[14],
        live=bool(row[15]),
        parent_id=row[16],
        ranking=None if row[18] is None else unpack_ranking(row[18]),
        profile=None if row[19] is None else unpack_profile(row[19]),
        trial=None if row[21] is None else unpack_trial(row[21]),
    )


def row_to_summary(row: Row) -> ExecutionSummary:
    """From the columns :data:`~desirepath.storage.relational.tables.SUMMARY_COLUMNS`."""
    return ExecutionSummary(
        id=row[0],
        execution_id=row[1],
        retriever_id=row[2],
        user_id=row[3],
        session_id=row[4],
        inputs=None if row[5] is None else _decode_object(row[5]),
        configuration=row[6],
        metadata=None if row[7] is None else _decode_object(row[7]),
        offset=row[8],
        total=row[9],
        n_documents=row[10],
        occurred_at=row[11],
        live=bool(row[12]),
        parent_id=row[13],
        profile=None if row[14] is None else unpack_profile(row[14]),
    )


def row_to_shown_list(row: Row) -> ShownList:
    """From the columns :data:`~desirepath.storage.relational.tables.SHOWN_COLUMNS`."""
    document_ids, scores = _decode_shown(row[6])
    return ShownList(
        retriever_id=row[2],
        inputs_json=row[5],
        document_to_score=dict(zip(document_ids, scores, strict=True)),
        user_id=row[3],
        session_id=row[4],
        teaches=row[7] is not None,
    )
