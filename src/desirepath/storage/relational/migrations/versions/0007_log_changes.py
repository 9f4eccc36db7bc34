"""How often the log of a day was deleted from, so that copies of it can tell what is stale."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_TYPE = {"sqlite": "INTEGER", "postgresql": "BIGINT"}


def upgrade() -> None:
    """Add the table."""
    dialect = op.get_bind().dialect.name
    kind = _TYPE[dialect]
    ending = " WITHOUT ROWID" if dialect == "sqlite" else ""
    op.execute(
        f"CREATE TABLE log_changes (namespace {kind} NOT NULL, day {kind} NOT NULL, "
        f"n_changes {kind} NOT NULL, PRIMARY KEY (namespace, day)){ending}"
    )
