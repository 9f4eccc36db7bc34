"""Namespaces, keys, retrievers, executions, interactions and what keeps them exact.

One script for both dialects. On PostgreSQL the two logs are partitioned by id, which is time, so
that retention can drop whole partitions; uniqueness that must hold across partitions (event ids,
execution ids) lives in tables of its own. On SQLite the rows lie in their primary key
(``WITHOUT ROWID``), so that a page of the log is one stretch of the file.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_WORDS = {
    "sqlite": {
        "TEXT": "TEXT",
        "BLOB": "BLOB",
        "BIGINT": "INTEGER",
        "DOUBLE": "REAL",
        "WITHOUT": "WITHOUT ROWID",
        "PARTITIONED": "WITHOUT ROWID",
    },
    "postgresql": {
        "TEXT": 'TEXT COLLATE "C"',
        "BLOB": "BYTEA",
        "BIGINT": "BIGINT",
        "DOUBLE": "DOUBLE PRECISION",
        "WITHOUT": "",
        "PARTITIONED": "PARTITION BY RANGE (id)",
    },
}

_SCRIPT = """
CREATE TABLE instance (name {TEXT} NOT NULL PRIMARY KEY, value {BLOB} NOT NULL);

CREATE TABLE namespaces (
    number {BIGINT} NOT NULL PRIMARY KEY,
    namespace_id {TEXT} NOT NULL UNIQUE,
    name {TEXT} NOT NULL UNIQUE,
    created_at {BIGINT} NOT NULL,
    retention_days {BIGINT}
);

CREATE TABLE api_keys (
    digest {BLOB} NOT NULL PRIMARY KEY,
    key_id {TEXT} NOT NULL UNIQUE,
    kind {TEXT} NOT NULL,
    namespace {BIGINT},
    name {TEXT} NOT NULL,
    created_at {BIGINT} NOT NULL,
    revoked_at {BIGINT}
);

CREATE TABLE retrievers (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    name {TEXT} NOT NULL,
    draft {TEXT} NOT NULL,
    version {BIGINT} NOT NULL,
    created_at {BIGINT} NOT NULL,
    updated_at {BIGINT} NOT NULL,
    hidden_at {BIGINT},
    PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX retrievers_by_name ON retrievers (namespace, name) WHERE hidden_at IS NULL;

CREATE TABLE executions (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    execution_id {TEXT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    user_id {TEXT},
    session_id {TEXT},
    inputs {TEXT},
    configuration {TEXT},
    metadata {TEXT},
    "offset" {BIGINT} NOT NULL,
    total {BIGINT},
    n_documents {BIGINT} NOT NULL,
    shown {TEXT} NOT NULL,
    detail {BLOB},
    occurred_at {BIGINT} NOT NULL,
    live {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, id)
) {PARTITIONED};
CREATE INDEX executions_by_retriever ON executions (namespace, retriever_id, id);
CREATE INDEX executions_by_user ON executions (namespace, user_id, id) WHERE user_id IS NOT NULL;

CREATE TABLE execution_ids (
    namespace {BIGINT} NOT NULL,
    execution_id {TEXT} NOT NULL,
    digest {BLOB} NOT NULL,
    id {BLOB} NOT NULL,
    PRIMARY KEY (namespace, execution_id)
) {WITHOUT};

CREATE TABLE interactions (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    feature_id {TEXT} NOT NULL,
    types {TEXT} NOT NULL,
    position {BIGINT} NOT NULL CHECK (position >= 0),
    metadata {TEXT},
    user_id {TEXT},
    session_id {TEXT},
    execution_id {TEXT},
    retriever_id {TEXT},
    query_snapshot {TEXT},
    document_score {DOUBLE},
    result_set_size {BIGINT},
    feature_uri {TEXT},
    event_id {TEXT},
    occurred_at {BIGINT} NOT NULL,
    live {BIGINT} NOT NULL,
    reward {DOUBLE} NOT NULL,
    warning {TEXT},
    PRIMARY KEY (namespace, id)
) {PARTITIONED};
CREATE INDEX interactions_by_retriever ON interactions (namespace, retriever_id, id)
    WHERE retriever_id IS NOT NULL;
CREATE INDEX interactions_by_session ON interactions (namespace, session_id, id)
    WHERE session_id IS NOT NULL;
CREATE INDEX interactions_by_execution ON interactions (namespace, execution_id, id)
    WHERE execution_id IS NOT NULL;
CREATE INDEX interactions_by_user ON interactions (namespace, user_id, id)
    WHERE user_id IS NOT NULL;

CREATE TABLE event_ids (
    namespace {BIGINT} NOT NULL,
    event_id {TEXT} NOT NULL,
    digest {BLOB} NOT NULL,
    id {BLOB} NOT NULL,
    PRIMARY KEY (namespace, event_id)
) {WITHOUT};

CREATE TABLE marks (
    key {BLOB} NOT NULL PRIMARY KEY,
    id {BLOB} NOT NULL,
    stored_at {BIGINT} NOT NULL
) {WITHOUT};
CREATE INDEX marks_by_time ON marks (stored_at);

CREATE TABLE answers (
    namespace {BIGINT} NOT NULL,
    key {TEXT} NOT NULL,
    digest {BLOB} NOT NULL,
    body {TEXT},
    stored_at {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, key)
) {WITHOUT};

CREATE TABLE rejections (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    source {TEXT} NOT NULL,
    reason {TEXT} NOT NULL,
    raw {TEXT} NOT NULL,
    PRIMARY KEY (namespace, id)
) {WITHOUT};

CREATE TABLE suppressed_users (
    namespace {BIGINT} NOT NULL,
    digest {BLOB} NOT NULL,
    erased_at {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, digest)
) {WITHOUT};
"""

_DEFAULT_PARTITIONS = """
CREATE TABLE executions_default PARTITION OF executions DEFAULT;
CREATE TABLE interactions_default PARTITION OF interactions DEFAULT;
"""


# SQLite plans by these figures: rows a table has, and rows that share each prefix of a key. Without
# any it would read a whole namespace rather than look in an index. A namespace counts half where it
# is the primary key's, so that what needs all of it walks the table and not an index.
_SQLITE_STATISTICS = """
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('interactions', 'interactions', '1000000 500000 1'),
    ('interactions', 'interactions_by_retriever', '1000000 1000000 250000 1'),
    ('interactions', 'interactions_by_session', '1000000 1000000 10 1'),
    ('interactions', 'interactions_by_execution', '1000000 1000000 10 1'),
    ('interactions', 'interactions_by_user', '1000000 1000000 100 1'),
    ('event_ids', 'event_ids', '1000000 1000000 1'),
    ('executions', 'executions', '100000 50000 1'),
    ('executions', 'executions_by_retriever', '100000 100000 25000 1'),
    ('executions', 'executions_by_user', '100000 100000 10 1'),
    ('execution_ids', 'execution_ids', '100000 100000 1');
"""


def upgrade() -> None:
    """Make the tables."""
    dialect = op.get_bind().dialect.name
    script = _SCRIPT.format(**_WORDS[dialect])
    script += _DEFAULT_PARTITIONS if dialect == "postgresql" else _SQLITE_STATISTICS
    for statement in script.split(";\n"):
        if statement.strip():
            op.execute(statement)
