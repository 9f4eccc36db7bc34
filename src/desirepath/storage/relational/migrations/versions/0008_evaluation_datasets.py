"""Evaluation datasets: queries with the judgments of their documents."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

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
CREATE TABLE evaluation_datasets (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    name {TEXT} NOT NULL,
    description {TEXT},
    metadata {TEXT},
    source {TEXT} NOT NULL,
    retriever_id {TEXT},
    seen_before {BIGINT},
    n_queries {BIGINT} NOT NULL,
    n_judgments {BIGINT} NOT NULL,
    created_at {BIGINT} NOT NULL,
    updated_at {BIGINT} NOT NULL,
    stale_at {BIGINT},
    PRIMARY KEY (namespace, id)
) {WITHOUT};
CREATE UNIQUE INDEX evaluation_datasets_by_name ON evaluation_datasets (namespace, name);

CREATE TABLE evaluation_queries (
    namespace {BIGINT} NOT NULL,
    dataset {BLOB} NOT NULL,
    number {BIGINT} NOT NULL,
    query_id {TEXT} NOT NULL,
    query_input {TEXT} NOT NULL,
    judgments {BLOB} NOT NULL,
    PRIMARY KEY (namespace, dataset, number)
) {WITHOUT};
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
