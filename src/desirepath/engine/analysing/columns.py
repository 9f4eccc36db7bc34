"""Rows of the log as columns."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from desirepath.analysis.schemas import EXECUTIONS, INTERACTIONS, RETURNED
from desirepath.domain.acts import ABOUT_QUERY, bits_of
from desirepath.domain.ranking import Ranking, unpack_ranking
from desirepath.engine.query_text import first_text
from desirepath.methods.levels import SCALE, IntArray

__all__ = ["executions_as_columns", "interactions_as_columns"]

DEEPEST = 10**6
"""Places and lengths of lists beyond it count as it: nobody looks so far, and sums of squares must
not run over."""

MOST_RESULTS = 10**12
"""Totals beyond it count as it."""

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_shown = msgspec.json.Decoder(tuple[list[str], list[float | None]]).decode
_Numbers = dict[str, float] | None
_decode_detail = msgspec.json.Decoder(list[tuple[_Numbers, _Numbers]]).decode


class _Duration(msgspec.Struct):
    duration_ms: Any = None


_decode_duration = msgspec.json.Decoder(_Duration).decode


def interactions_as_columns(rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of :data:`~desirepath.storage.extracts.INTERACTION_COLUMNS`, none or more."""
    (
        ids,
        feature_ids,
        types,
        positions,
        metadata,
        user_ids,
        session_ids,
        execution_ids,
        retriever_ids,
        snapshots,
        scores,
        sizes,
        uris,
        occurred,
        live,
        rewards,
        warnings,
    ) = zip(*rows, strict=True)
    acts = _by_value(bits_of, types)
    about_query = [not bits & ~ABOUT_QUERY for bits in acts]
    return _table(
        INTERACTIONS,
        ids,
        _times(ids),
        occurred,
        np.array(live, bool),
        acts,
        _without(feature_ids, about_query),
        _without(_capped(positions), about_query),
        user_ids,
        session_ids,
        execution_ids,
        retriever_ids,
        _by_value(_query, snapshots),
        snapshots,
        scores,
        _capped(sizes),
        rewards,
        [None if text is None else _duration(text) for text in metadata],
        uris,
        metadata,
        warnings,
    )


def executions_as_columns(rows: Sequence[Sequence[Any]]) -> tuple[pa.Table, pa.Table]:
    """Rows of :data:`~desirepath.storage.extracts.EXECUTION_COLUMNS`: executions, and documents."""
    (
        ids,
        execution_ids,
        retriever_ids,
        user_ids,
        session_ids,
        inputs,
        configurations,
        metadata,
        offsets,
        totals,
        counts,
        shown,
        details,
        occurred,
        live,
        parents,
        rankings,
    ) = zip(*rows, strict=True)
    offsets, totals = _capped(offsets), _capped(totals, MOST_RESULTS)
    unpacked = [None if packed is None else unpack_ranking(packed) for packed in rankings]
    executions = _table(
        EXECUTIONS,
        ids,
        execution_ids,
        _times(ids),
        occurred,
        np.array(live, bool),
        retriever_ids,
        [None if ranking is None else ranking.version for ranking in unpacked],
        user_ids,
        session_ids,
        _by_value(_query, inputs),
        inputs,
        configurations,
        metadata,
        offsets,
        counts,
        totals,
        parents,
    )
    return executions, _returned(execution_ids, offsets, shown, details, unpacked)


def _returned(
    execution_ids: Sequence[str],
    offsets: Sequence[int],
    shown: Sequence[str],
    details: Sequence[bytes | None],
    rankings: Sequence[Ranking | None],
) -> pa.Table:
    document_ids: list[str] = []
    scores: list[float | None] = []
    by_feature: list[_Numbers] = []
    features: list[_Numbers] = []
    lengths = []
    for text, packed, ranking in zip(shown, details, rankings, strict=True):
        ids, values = _decode_shown(text)
        lengths.append(len(ids))
        document_ids += ids
        scores += values
        detail: Sequence[tuple[_Numbers, _Numbers]] = [(None, None)] * len(ids)
        if packed is not None:
            detail = _decode_detail(zlib.decompress(packed))
        scored = any(own is not None for own, _ in detail)
        # Levels are rounded: they stand in where scores were not logged by themselves.
        known = None if ranking is None or scored else _scores_of(ranking, ids)
        by_feature += [own for own, _ in detail] if known is None else known
        features += [own for _, own in detail]
    n = np.array(lengths, np.int64)
    starts = np.repeat(np.cumsum(n) - n, n)
    positions = np.arange(len(document_ids)) - starts + np.repeat(np.array(offsets, np.int64), n)
    return _table(
        RETURNED,
        pa.array(execution_ids, pa.string()).take(pa.array(np.repeat(np.arange(len(n)), n))),
        positions,
        document_ids,
        scores,
        _as_map(by_feature),
        _as_map(features),
    )


def _scores_of(ranking: Ranking, document_ids: Sequence[str]) -> list[_Numbers] | None:
    """What each feature gave each document, read back from its levels; None without features."""
    if not ranking.features:
        return None
    levels = np.frombuffer(ranking.levels, "<u2").reshape(len(ranking.pool), len(ranking.features))
    low, high = np.array(ranking.minima), np.array(ranking.maxima)
    values = (low + levels / SCALE * (high - low)).tolist()
    row_of = {id: row for row, id in enumerate(ranking.pool)}
    return [
        dict(zip(ranking.features, values[row_of[id]], strict=True)) if id in row_of else None
        for id in document_ids
    ]


def _as_map(values: Sequence[_Numbers]) -> pa.Array:
    type = RETURNED.field("scores").type
    if not any(values):
        return pa.nulls(len(values), type)
    return pa.array([None if one is None else list(one.items()) for one in values], type)


def _table(schema: pa.Schema, *columns: Any) -> pa.Table:
    return pa.Table.from_arrays(
        [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in zip(columns, schema, strict=True)
        ],
        schema=schema,
    )


def _times(ids: Sequence[bytes]) -> IntArray:
    """As :func:`~desirepath.domain.ids.time_of` reads each."""
    heads = np.frombuffer(b"".join(ids), ">u8")[::2].astype(np.int64)
    return (heads >> 16) * 1000 + ((heads & 0xFFF) * 1000 + 4095) // 4096


def _without(values: Sequence[Any], is_left_out: Sequence[bool]) -> Sequence[Any]:
    if not any(is_left_out):
        return values
    return [None if out else value for value, out in zip(values, is_left_out, strict=True)]


def _capped(values: Sequence[Any], most: int = DEEPEST) -> tuple[Any, ...]:
    return tuple(None if value is None else min(value, most) for value in values)


def _by_value(function: Callable[[str], Any], texts: Sequence[str | None]) -> list[Any]:
    """Of each text; the same ones come again and again."""
    found: dict[str | None, Any] = {text: function(text) for text in set(texts) if text is not None}
    return [found.get(text) for text in texts]


def _query(snapshot: str) -> str | None:
    return first_text(_decode_object(snapshot))


def _duration(metadata: str) -> float | None:
    if "duration_ms" not in metadata:
        return None
    value = _decode_duration(metadata).duration_ms
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
