"""How searches were ranked, and what was learned from them.

``executions.ranking`` holds what it takes to serve a search again and to learn from it.
``learned_lists`` holds what each list adds to the sums of its day, and ``rollups`` those sums: one
row a retriever, algorithm, context, day and shard. Both can be made anew from the log.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

_WORDS = {
    "sqlite": {"TEXT": "TEXT", "BLOB": "BLOB", "BIGINT": "INTEGER", "WITHOUT": "WITHOUT ROWID"},
    "postgresql": {
        "TEXT": 'TEXT COLLATE "C"',
        "BLOB": "BYTEA",
        "BIGINT": "BIGINT",
        "WITHOUT": "",
    },
}

_SCRIPT = """
ALTER TABLE executions ADD COLUMN parent_id {TEXT};
ALTER TABLE executions ADD COLUMN algorithm {TEXT};
ALTER TABLE executions ADD COLUMN ranking {BLOB};

CREATE TABLE learned_lists (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    session_id {TEXT},
    live {BIGINT} NOT NULL,
    sums {BLOB} NOT NULL,
    PRIMARY KEY (namespace, id)
) {WITHOUT};
CREATE INDEX learned_lists_by_session ON learned_lists (namespace, retriever_id, session_id, id)
    WHERE session_id IS NOT NULL;

CREATE TABLE rollups (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    algorithm {TEXT} NOT NULL,
    context {TEXT} NOT NULL,
    day {BIGINT} NOT NULL,
    shard {BIGINT} NOT NULL,
    sums {BLOB} NOT NULL,
    PRIMARY KEY (namespace, retriever_id, algorithm, context, day, shard)
) {WITHOUT};

CREATE TABLE learned_features (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    ordinal {BIGINT} NOT NULL,
    feature_uri {TEXT} NOT NULL,
    PRIMARY KEY (namespace, retriever_id, ordinal)
) {WITHOUT};

CREATE TABLE learned_users (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    user_id {TEXT} NOT NULL,
    opted_out {BIGINT} NOT NULL,
    generation {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, retriever_id, user_id)
) {WITHOUT};

CREATE TABLE fusion_controls (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    controls {TEXT} NOT NULL,
    PRIMARY KEY (namespace, retriever_id)
) {WITHOUT};

CREATE TABLE fusion_activity (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    id {BLOB} NOT NULL,
    kind {TEXT} NOT NULL,
    detail {TEXT} NOT NULL,
    PRIMARY KEY (namespace, retriever_id, id)
) {WITHOUT};
"""


def upgrade() -> None:
    """Make the tables."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
