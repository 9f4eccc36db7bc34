"""The servers that the official SDK talks to."""

from tests.api.live import live, live_postgres, live_sqlite

__all__ = ["live", "live_postgres", "live_sqlite"]
