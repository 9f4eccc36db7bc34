"""Erased users: what is theirs stays out."""

from __future__ import annotations

from desirepath.domain.execution import ExecutionDraft
from desirepath.engine.recording import user_digest

__all__ = ["Erased"]


class Erased:
    """Knows whose rows to leave out, and which searches were theirs.

    Parameters
    ----------
    namespace
        Where they were erased.
    """

    def __init__(self, namespace: int) -> None:
        self._namespace = namespace
        self._executions: set[str] = set()
        self.digests: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.digests or self._executions)

    def forget(self, draft: ExecutionDraft) -> bool:
        """Whether an execution is an erased user's; its interactions are from now on."""
        if not self.has(draft.user_id, None):
            return False
        if draft.execution_id is not None:
            self._executions.add(draft.execution_id)
        return True

    def has(self, user_id: str | None, execution_id: str | None) -> bool:
        """Whether something is of an erased user, or of a search of one."""
        if execution_id is not None and execution_id in self._executions:
            return True
        return (
            user_id is not None
            and bool(self.digests)
            and user_digest(self._namespace, user_id) in self.digests
        )
