"""What became of what was sent: counted, and kept for a while where it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desirepath.api.endpoint import Call
from desirepath.api.errors import code_of
from desirepath.domain.plain_json import encode_json
from desirepath.engine.recording import Outcome
from desirepath.engine.rejecting import keep_rejections
from desirepath.errors import DesirepathError, EventConflict

__all__ = ["refuse", "settle"]


async def settle(call: Call, kind: str, items: Sequence[Any], outcomes: Sequence[Outcome]) -> None:
    """Count what was recorded, and keep what was not.

    Parameters
    ----------
    kind
        ``"interaction"`` or ``"execution"``.
    items : shape (len(outcomes),)
        What was sent, to be written as JSON where it was refused.
    """
    n_repeated = n_refused = 0
    for outcome in outcomes:
        if outcome.error is not None:
            n_refused += 1
        elif outcome.repeated:
            n_repeated += 1
    namespace = call.namespace.name
    if n_new := len(outcomes) - n_repeated - n_refused:
        call.metrics.count(kind, namespace, "created", n_new)
    if n_repeated:
        call.metrics.count(kind, namespace, "duplicate", n_repeated)
    if n_refused:
        pairs = zip(items, outcomes, strict=True)
        await refuse(call, kind, [(encode_json(i), o.error) for i, o in pairs if o.error])


async def refuse(call: Call, kind: str, refused: Sequence[tuple[bytes, DesirepathError]]) -> None:
    """Count and keep what was refused: the item as it was sent, and why."""
    for _, error in refused:
        result = "conflict" if isinstance(error, EventConflict) else "rejected"
        call.metrics.count(kind, call.namespace.name, result)
        call.metrics.reject(kind, code_of(error))
    await keep_rejections(call.engine, call.namespace.number, kind, refused)
