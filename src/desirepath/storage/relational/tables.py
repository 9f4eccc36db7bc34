"""The tables, as queries see them. ``migrations/`` makes them; a test proves the two equal."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

__all__ = [
    "ACTED_COLUMNS",
    "RANKED_COLUMNS",
    "SHOWN_COLUMNS",
    "SUMMARY_COLUMNS",
    "answers",
    "api_keys",
    "artifact_pieces",
    "artifacts",
    "assessments",
    "decisions",
    "deployments",
    "documents",
    "evaluation_datasets",
    "evaluation_queries",
    "event_ids",
    "execution_ids",
    "executions",
    "fusion_activity",
    "fusion_controls",
    "instance",
    "interactions",
    "jobs",
    "learned_features",
    "learned_lists",
    "learned_users",
    "learning_states",
    "log_changes",
    "lone_interactions",
    "marks",
    "metadata",
    "model_names",
    "namespaces",
    "rejections",
    "retrievers",
    "rollups",
    "suppressed_users",
    "text_fields",
    "vector_indexes",
]

metadata = MetaData()

instance = Table(
    "instance",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

namespaces = Table(
    "namespaces",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("namespace_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("retention_days", BigInteger),
    Column("description", Text),
    Column("text_fields", Text),  # JSON array
    Column("fixed_vectors", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("namespace", BigInteger),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

retrievers = Table(
    "retrievers",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("draft", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("hidden_at", BigInteger),
    PrimaryKeyConstraint("namespace", "id"),
)

executions = Table(
    "executions",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("user_id", Text),
    Column("session_id", Text),
    Column("inputs", Text),
    Column("configuration", Text),
    Column("metadata", Text),
    Column("offset", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("n_documents", BigInteger, nullable=False),
    Column("shown", Text, nullable=False),  # JSON: [[document_id, …], [score or null, …]]
    Column("detail", LargeBinary),  # zlib of JSON: [[scores, features], …] where any is given
    Column("occurred_at", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    Column("parent_id", Text),
    Column("algorithm", Text),  # what learns from it; null: nothing does
    Column("ranking", LargeBinary),  # see domain/ranking.py
    Column("profile", LargeBinary),  # see domain/profile.py
    Column("experiment_id", Text),
    Column("trial", LargeBinary),  # see domain/experiment.py
    PrimaryKeyConstraint("namespace", "id"),
)

SHOWN_COLUMNS = (
    "namespace",
    "execution_id",
    "retriever_id",
    "user_id",
    "session_id",
    "inputs",
    "shown",
    "algorithm",
)
"""Of executions: what recording an interaction needs."""

RANKED_COLUMNS = (
    "namespace",
    "id",
    "execution_id",
    "retriever_id",
    "session_id",
    "shown",
    "offset",
    "occurred_at",
    "live",
    "ranking",
    "experiment_id",
)
"""Of executions: what learning needs."""

SUMMARY_COLUMNS = (
    "id",
    "execution_id",
    "retriever_id",
    "user_id",
    "session_id",
    "inputs",
    "configuration",
    "metadata",
    "offset",
    "total",
    "n_documents",
    "occurred_at",
    "live",
    "parent_id",
    "profile",
)
"""Of executions: what a list of them says."""

ACTED_COLUMNS = (
    "feature_id",
    "types",
    "reward",
    "feature_uri",
)
"""Of interactions: what learning needs."""


def named(table: str, columns: Sequence[str]) -> str:
    """Columns of a table, as a SELECT names them."""
    return ", ".join(f'{table}."{column}"' for column in columns)


execution_ids = Table(
    "execution_ids",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("id", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "execution_id"),
)

learned_lists = Table(
    "learned_lists",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("session_id", Text),
    Column("live", BigInteger, nullable=False),
    Column("sums", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "id"),
)

rollups = Table(
    "rollups",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("shard", BigInteger, nullable=False),
    Column("sums", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id", "algorithm", "context", "day", "shard"),
)

lone_interactions = Table(
    "lone_interactions",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("execution_id", Text),
    Column("algorithm", Text, nullable=False),
    Column("identity", Text),
    Column("day", BigInteger, nullable=False),
    Column("feature", BigInteger, nullable=False),
    Column("reward", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "id"),
)

learning_states = Table(
    "learning_states",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("serving", BigInteger, nullable=False),
    Column("building", BigInteger),
    Column("upto", LargeBinary, nullable=False),
    Column("n_lists", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id"),
)

learned_features = Table(
    "learned_features",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("feature_uri", Text, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id", "ordinal"),
)

learned_users = Table(
    "learned_users",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("opted_out", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id", "user_id"),
)

fusion_controls = Table(
    "fusion_controls",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("controls", Text, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id"),
)

fusion_activity = Table(
    "fusion_activity",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("namespace", "retriever_id", "id"),
)

interactions = Table(
    "interactions",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("feature_id", Text, nullable=False),
    Column("types", Text, nullable=False),  # comma-joined
    Column("position", BigInteger, nullable=False),
    Column("metadata", Text),
    Column("user_id", Text),
    Column("session_id", Text),
    Column("execution_id", Text),
    Column("retriever_id", Text),
    Column("query_snapshot", Text),
    Column("document_score", Double),
    Column("result_set_size", BigInteger),
    Column("feature_uri", Text),
    Column("event_id", Text),
    Column("occurred_at", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    Column("reward", Double, nullable=False),
    Column("warning", Text),
    PrimaryKeyConstraint("namespace", "id"),
)

log_changes = Table(
    "log_changes",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),  # of recording
    Column("n_changes", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "day"),
)

evaluation_datasets = Table(
    "evaluation_datasets",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("metadata", Text),
    Column("source", Text, nullable=False),  # JSON, see DatasetSource
    Column("retriever_id", Text),  # of the source
    Column("seen_before", BigInteger),  # of the source; null: no log was seen
    Column("n_queries", BigInteger, nullable=False),
    Column("n_judgments", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("stale_at", BigInteger),
    PrimaryKeyConstraint("namespace", "id"),
)

evaluation_queries = Table(
    "evaluation_queries",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("dataset", LargeBinary, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("query_id", Text, nullable=False),
    Column("query_input", Text, nullable=False),
    Column("judgments", LargeBinary, nullable=False),  # zlib of JSON: the fields of each, in order
    PrimaryKeyConstraint("namespace", "dataset", "number"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("retriever_id", Text),
    Column("manifest", Text, nullable=False),  # JSON
    Column("files", Text, nullable=False),  # JSON, see domain/artifact.py
    Column("created_at", BigInteger, nullable=False),
    Column("seen_before", BigInteger),  # null: no log was seen
    Column("stale_at", BigInteger),
    PrimaryKeyConstraint("namespace", "id"),
)

artifact_pieces = Table(
    "artifact_pieces",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("artifact", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),  # of the file
    Column("number", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "artifact", "name", "number"),
)

model_names = Table(
    "model_names",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("last_version", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "name"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("depth", BigInteger, nullable=False),  # see domain/artifact.py
    Column("deployed_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "name", "number"),
)

assessments = Table(
    "assessments",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("name", Text),
    Column("request", Text, nullable=False),  # JSON
    Column("result", LargeBinary),  # zlib of JSON
    Column("created_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),
    PrimaryKeyConstraint("namespace", "id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("experiment_id", Text, nullable=False),
    Column("retriever_id", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),  # zlib of JSON
    Column("decided_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "experiment_id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("inputs", Text, nullable=False),  # JSON
    Column("status", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("lease", LargeBinary),
    Column("leased_until", BigInteger),
    Column("outputs", Text),  # JSON
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    PrimaryKeyConstraint("namespace", "id"),
)

event_ids = Table(
    "event_ids",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("id", LargeBinary, nullable=False),
    PrimaryKeyConstraint("namespace", "event_id"),
)

marks = Table(
    "marks",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("id", LargeBinary, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("body", Text),
    Column("stored_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "key"),
)

rejections = Table(
    "rejections",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    PrimaryKeyConstraint("namespace", "id"),
)

suppressed_users = Table(
    "suppressed_users",
    metadata,
    Column("namespace", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("namespace", "digest"),
)

documents = Table(
    "documents",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("namespace", BigInteger, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("payload", Text, nullable=False),
)

DOCUMENT_COLUMNS = tuple(documents.columns.keys())
"""All of them, in the order of the table."""

# Each has a table of its own, named document_text_NUMBER or document_vectors_NUMBER, which the back
# ends make and drop.

text_fields = Table(
    "text_fields",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("namespace", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("n_documents", BigInteger, nullable=False),  # sums over its texts, where the index
    Column("n_words", BigInteger, nullable=False),  # does not keep them; else 0
)

# ``generation`` changes with every change of an index's vectors, where they are kept in memory.

vector_indexes = Table(
    "vector_indexes",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("namespace", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("dimension", BigInteger, nullable=False),
    Column("metric", Text, nullable=False),
    Column("embedder", Text),  # JSON, see domain/text_embedding.py
    Column("generation", BigInteger, nullable=False, server_default="0"),
)
