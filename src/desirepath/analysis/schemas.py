"""What the files of the log hold, column by column. Times are microseconds since 1970, UTC."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["EXECUTIONS", "IMPRESSIONS", "INTERACTIONS", "RETURNED"]

_SCORES = pa.map_(pa.string(), pa.float64())

INTERACTIONS = pa.schema(
    [
        ("id", pa.binary()),  # 16 bytes, as rising as time
        ("recorded_at", pa.int64()),
        ("occurred_at", pa.int64()),
        ("live", pa.bool_()),
        ("acts", pa.int32()),  # see domain/acts.py
        ("document_id", pa.string()),  # null: it is about the query
        ("position", pa.int32()),  # null: it is about the query
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("execution_id", pa.string()),
        ("retriever_id", pa.string()),
        ("query", pa.string()),  # the text that was searched for
        ("query_snapshot", pa.string()),  # JSON
        ("document_score", pa.float64()),
        ("result_set_size", pa.int32()),
        ("reward", pa.float64()),
        ("duration_ms", pa.float64()),  # of metadata
        ("feature_uri", pa.string()),
        ("metadata", pa.string()),  # JSON
        ("warning", pa.string()),
    ]
)

EXECUTIONS = pa.schema(
    [
        ("id", pa.binary()),
        ("execution_id", pa.string()),
        ("recorded_at", pa.int64()),
        ("occurred_at", pa.int64()),
        ("live", pa.bool_()),
        ("retriever_id", pa.string()),
        ("version", pa.int32()),  # of the retriever; null: the search was made elsewhere
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("query", pa.string()),
        ("query_snapshot", pa.string()),  # its inputs, JSON
        ("configuration", pa.string()),
        ("metadata", pa.string()),  # JSON
        ("offset", pa.int32()),
        ("n_documents", pa.int32()),
        ("total", pa.int64()),
        ("parent_id", pa.string()),
    ]
)

RETURNED = pa.schema(
    [
        ("execution_id", pa.string()),
        ("position", pa.int32()),  # in the whole list: the first of page two is not 0
        ("document_id", pa.string()),
        ("score", pa.float64()),
        ("scores", _SCORES),  # by feature URI; null: none are known
        ("features", _SCORES),  # by name; null: none were sent
    ]
)

IMPRESSIONS = pa.schema(
    [
        ("execution_id", pa.string()),  # null: the list is put together from its interactions
        ("is_known", pa.bool_()),  # whether the execution is in the log
        ("occurred_at", pa.int64()),  # of the search
        ("retriever_id", pa.string()),
        ("version", pa.int32()),
        ("configuration", pa.string()),
        ("metadata", pa.string()),  # of the execution, JSON
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("query", pa.string()),
        ("document_id", pa.string()),
        ("position", pa.int32()),
        ("n_documents", pa.int32()),  # of the list
        ("score", pa.float64()),
        ("scores", _SCORES),
        ("acts", pa.int32()),  # the union of what was done; 0: nothing
        ("reward", pa.float64()),
        ("n_events", pa.int32()),
        ("acted_at", pa.int64()),  # the first event that says more than "shown"; null: none
        ("clicked_at", pa.int64()),  # the first click
        ("duration_ms", pa.float64()),  # the longest
    ]
)
