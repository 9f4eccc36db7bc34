"""Learning anew from the log, and from interactions whose list is not known.

``learning_states`` says which generation of a retriever's rollups serves, and how far the next one
is; a generation is a range of shards. ``lone_interactions`` are those that teach without a list, as
they were when they were recorded.

What a list adds to sums has one more number than before, so all sums are made anew: of retrievers
that learned already, the housekeeper of a server makes a generation from the log.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_WORDS = {
    "sqlite": {
        "TEXT": "TEXT",
        "BLOB": "BLOB",
        "BIGINT": "INTEGER",
        "WITHOUT": "WITHOUT ROWID",
        "NO_BYTES": "X''",
    },
    "postgresql": {
        "TEXT": 'TEXT COLLATE "C"',
        "BLOB": "BYTEA",
        "BIGINT": "BIGINT",
        "WITHOUT": "",
        "NO_BYTES": "''::BYTEA",
    },
}

_SCRIPT = """
CREATE TABLE lone_interactions (
    namespace {BIGINT} NOT NULL,
    id {BLOB} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    execution_id {TEXT},
    algorithm {TEXT} NOT NULL,
    identity {TEXT},
    day {BIGINT} NOT NULL,
    feature {BIGINT} NOT NULL,
    reward {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, id)
) {WITHOUT};
CREATE INDEX lone_interactions_by_execution ON lone_interactions (namespace, execution_id)
    WHERE execution_id IS NOT NULL;

CREATE TABLE learning_states (
    namespace {BIGINT} NOT NULL,
    retriever_id {TEXT} NOT NULL,
    serving {BIGINT} NOT NULL,
    building {BIGINT},
    upto {BLOB} NOT NULL,
    n_lists {BIGINT} NOT NULL,
    PRIMARY KEY (namespace, retriever_id)
) {WITHOUT};

INSERT INTO learning_states
    SELECT DISTINCT namespace, retriever_id, 0, 1, {NO_BYTES}, 0 FROM learned_features;
DELETE FROM learned_lists;
DELETE FROM rollups;
"""


def upgrade() -> None:
    """Make the tables, and have made anew what was learned."""
    for statement in _SCRIPT.format(**_WORDS[op.get_bind().dialect.name]).split(";\n"):
        if statement.strip():
            op.execute(statement)
