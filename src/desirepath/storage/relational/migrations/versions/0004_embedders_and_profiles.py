"""Who makes the vectors of an index, and what the stages of a search did.

``vector_indexes.embedder`` is JSON, see ``domain/text_embedding.py``; null where vectors come from
the caller only. ``executions.profile`` is null for searches that other engines served.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_WORDS = {
    "sqlite": {"TEXT": "TEXT", "BLOB": "BLOB"},
    "postgresql": {"TEXT": 'TEXT COLLATE "C"', "BLOB": "BYTEA"},
}


def upgrade() -> None:
    """Add the columns; they may be null, so no row is written."""
    words = _WORDS[op.get_bind().dialect.name]
    op.execute("ALTER TABLE vector_indexes ADD COLUMN embedder {TEXT}".format(**words))
    op.execute("ALTER TABLE executions ADD COLUMN profile {BLOB}".format(**words))
