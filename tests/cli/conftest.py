"""The servers that commands talk to."""

from tests.api.live import live, live_postgres, live_sqlite

__all__ = ["live", "live_postgres", "live_sqlite"]
