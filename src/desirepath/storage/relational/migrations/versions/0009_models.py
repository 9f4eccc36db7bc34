"""Models: versions under a name, their files, and which of them serves."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

_WORDS = {
    "sqlite": {"TEXT": "TEXT", "BLOB": "BLOB", "BIGINT": "INTEGER", "WITHOUT": "WITHOUT ROWID"},
    "postgresql": {
        "TEXT": 'TEXT COLLATE "C"',
        "BLOB": "BYTEA",
        "BIGINT": "BIGINT",
        "WITHOUT": "",
    },
}

# Pieces are large rows, which SQLite keeps better behind a rowid.
_SCRIPT = """
CREATE TABLE artifacts (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    kind {TEXT} NOT NULL,
    name {TEXT} NOT NULL,
    version {BIGINT} NOT NULL,
    retriever_id {TEXT},
    manifest {TEXT} NOT NULL,
    files {TEXT} NOT NULL,
    created_at {BIGINT} NOT NULL,
    seen_before {BIGINT},
    stale_at {BIGINT},
    PRIMARY KEY (namespace, id)
) {WITHOUT};
CREATE UNIQUE INDEX artifacts_by_name ON artifacts (namespace, name, version);

CREATE TABLE artifact_pieces (
    namespace {BIGINT} NOT NULL,
    artifact {BLOB} NOT NULL,
    name {TEXT} NOT NULL,
    number {BIGINT} NOT NULL,
    content {BLOB} NOT NULL,
    PRIMARY KEY (namespace, artifact, name, number)
);

CREATE TABLE model_names (
    namespace {BIGINT} NOT NULL,
    name {TEXT} NOT NULL,
    kind {TEXT} NOT NULL,
    last_version {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, name)
) {WITHOUT};

CREATE TABLE deployments (
    namespace {BIGINT} NOT NULL,
    name {TEXT} NOT NULL,
    number {BIGINT} NOT NULL,
    version {BIGINT} NOT NULL,
    depth {BIGINT} NOT NULL,
    deployed_at {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, name, number)
) {WITHOUT};
"""


def upgrade() -> None:
    """Add the tables."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
