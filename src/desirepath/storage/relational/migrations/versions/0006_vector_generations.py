"""How often the vectors of an index have changed, so that they may be kept in memory."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

_TYPE = {"sqlite": "INTEGER", "postgresql": "BIGINT"}


def upgrade() -> None:
    """Add the column."""
    kind = _TYPE[op.get_bind().dialect.name]
    op.execute(f"ALTER TABLE vector_indexes ADD COLUMN generation {kind} NOT NULL DEFAULT 0")
