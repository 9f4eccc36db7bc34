"""Experiments: which searches belong to one, and what they came to.

``executions.trial`` holds what a search had to do with the experiment that it belongs to.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

_WORDS = {
    "sqlite": {"TEXT": "TEXT", "BLOB": "BLOB", "BIGINT": "INTEGER"},
    "postgresql": {"TEXT": 'TEXT COLLATE "C"', "BLOB": "BYTEA", "BIGINT": "BIGINT"},
}

_SCRIPT = """
ALTER TABLE executions ADD COLUMN experiment_id {TEXT};
ALTER TABLE executions ADD COLUMN trial {BLOB};
CREATE INDEX executions_by_experiment ON executions (namespace, experiment_id, id)
    WHERE experiment_id IS NOT NULL;

CREATE TABLE decisions (
    namespace {BIGINT} NOT NULL,
    experiment_id {TEXT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    result {BLOB} NOT NULL,
    decided_at {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, experiment_id)
);
"""


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
