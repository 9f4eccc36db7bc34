"""Tasks, with the leases of who works on them."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

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
CREATE TABLE jobs (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    kind {TEXT} NOT NULL,
    inputs {TEXT} NOT NULL,
    status {TEXT} NOT NULL,
    done {BIGINT} NOT NULL,
    total {BIGINT} NOT NULL,
    words {TEXT} NOT NULL,
    tries {BIGINT} NOT NULL,
    lease {BLOB},
    leased_until {BIGINT},
    outputs {TEXT},
    error {TEXT},
    created_at {BIGINT} NOT NULL,
    started_at {BIGINT},
    ended_at {BIGINT},
    PRIMARY KEY (namespace, id)
) {WITHOUT};
CREATE INDEX jobs_by_status ON jobs (status, id);
"""


def upgrade() -> None:
    """Add the table."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
