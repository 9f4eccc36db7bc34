"""Assessments: runs of proof and what came out."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

_WORDS = {
    "sqlite": {"TEXT": "TEXT", "BLOB": "BLOB", "BIGINT": "INTEGER", "WITHOUT": "WITHOUT ROWID"},
    "postgresql": {
        "TEXT": 'TEXT COLLATE "C"',
        "BLOB": "BYTEA",
        "BIGINT": "BIGINT",
        "WITHOUT": "",
    },
}

# Results are large rows, which SQLite keeps better behind a rowid.
_SCRIPT = """
CREATE TABLE assessments (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    kind {TEXT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    name {TEXT},
    request {TEXT} NOT NULL,
    result {BLOB},
    created_at {BIGINT} NOT NULL,
    completed_at {BIGINT},
    PRIMARY KEY (namespace, id)
);
CREATE INDEX assessments_by_kind ON assessments (namespace, kind, id);
"""


def upgrade() -> None:
    """Add the table."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
