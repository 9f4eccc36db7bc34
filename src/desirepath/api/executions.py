"""Executions of any engine: searches that were served elsewhere and are logged here."""

from __future__ import annotations

from collections.abc import Sequence

from anyio.to_thread import run_sync
from msgspec import Raw

from desirepath.api.endpoint import Answer, Call, endpoint
from desirepath.api.execution_lists import logged_execution
from desirepath.api.interactions import idempotency, read_items
from desirepath.api.outcomes import refuse, settle
from desirepath.api.retrievers import find_retriever
from desirepath.api.schemas import (
    ExecutionBatchRequest,
    ExecutionBatchResponse,
    ExecutionDetail,
    ExecutionResult,
    batch_errors,
    present_execution,
)
from desirepath.domain.access import Access
from desirepath.domain.execution import ExecutionDraft, read_execution
from desirepath.domain.plain_json import encode_json
from desirepath.engine.recording import Outcome, Replay, SentExecution, Submission
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    IdempotencyConflict,
    InvalidExecution,
    InvalidInput,
    MalformedJSON,
    NotFound,
)

__all__ = ["ENDPOINTS"]

_KIND = "execution"
TAG = "Executions"


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/executions",
    access=Access.RECORD,
    tag=TAG,
    body=ExecutionDraft,
    response=ExecutionDetail,
    blocking=False,
    idempotent_key=True,
    errors=(InvalidExecution, MalformedJSON, NotFound, EventConflict, IdempotencyConflict),
)
async def create_execution(call: Call) -> object:
    """Log a search that another engine served.

    Say what was returned, in order: that is what interactions are judged against. Send the
    engine's own `execution_id` if it has one; the same content again gets the first answer, other
    content 409. It may arrive before or after its interactions.
    """
    retriever = await run_sync(find_retriever, call)
    try:
        draft, _ = read_execution(call.json(), lenient=call.rules.lenient, checked=True)
    except InvalidInput as error:
        await refuse(call, _KIND, [(call.body, error)])
        raise
    answer = await call.engine.asubmit(
        Submission(
            namespace=call.namespace.number,
            executions=(SentExecution(draft, retriever.retriever_id),),
            idempotency=idempotency(call, _write_single),
        )
    )
    if isinstance(answer, Replay):
        call.metrics.count(_KIND, call.namespace.name, "duplicate")
        return Answer(answer.body.encode())
    await settle(call, _KIND, (Raw(call.body),), answer)
    return _single(answer)


def _single(outcomes: Sequence[Outcome]) -> ExecutionDetail:
    (outcome,) = outcomes
    if outcome.execution is None:
        raise outcome.error or DesirepathError()
    return present_execution(outcome.execution, duplicate=outcome.repeated)


def _write_single(outcomes: Sequence[Outcome]) -> str:
    return encode_json(_single(outcomes)).decode()


@endpoint(
    "POST",
    "/v1/retrievers/{retriever_id}/executions/batch",
    access=Access.RECORD,
    tag=TAG,
    body=ExecutionBatchRequest,
    response=ExecutionBatchResponse,
    batch=True,
    blocking=False,
    idempotent_key=True,
    errors=(InvalidExecution, MalformedJSON, NotFound, IdempotencyConflict),
)
async def create_executions(call: Call) -> object:
    """Log up to 1,000 searches.

    Each is stored or refused by itself: `created + duplicates + failed` is the number sent.
    """
    retriever = await run_sync(find_retriever, call)
    items = read_items(call.json(), "executions", InvalidExecution)
    sent = [_read(item, retriever.retriever_id, call.rules.lenient) for item in items]
    answer = await call.engine.asubmit(
        Submission(
            namespace=call.namespace.number,
            executions=sent,
            idempotency=idempotency(call, _write_batch),
        )
    )
    if isinstance(answer, Replay):
        call.metrics.count(_KIND, call.namespace.name, "duplicate", len(sent))
        return Answer(answer.body.encode())
    await settle(call, _KIND, items, answer)
    return _batch(answer)


def _read(item: object, retriever_id: str, lenient: bool) -> SentExecution:
    try:
        draft, _ = read_execution(item, lenient=lenient, checked=True)
    except InvalidExecution as error:
        return SentExecution(None, retriever_id, error)
    return SentExecution(draft, retriever_id)


def _batch(outcomes: Sequence[Outcome]) -> ExecutionBatchResponse:
    stored = [
        ExecutionResult(
            index=index,
            execution_id=outcome.execution.execution_id,
            status="duplicate" if outcome.repeated else "created",
        )
        for index, outcome in enumerate(outcomes)
        if outcome.execution is not None
    ]
    failed = [
        (index, outcome.error.message)
        for index, outcome in enumerate(outcomes)
        if outcome.error is not None
    ]
    n_repeated = sum(outcome.repeated for outcome in outcomes)
    return ExecutionBatchResponse(
        created=len(stored) - n_repeated,
        duplicates=n_repeated,
        failed=len(failed),
        errors=batch_errors(failed),
        results=stored,
    )


def _write_batch(outcomes: Sequence[Outcome]) -> str:
    return encode_json(_batch(outcomes)).decode()


@endpoint(
    "GET",
    "/v1/retrievers/{retriever_id}/executions/{execution_id:path}",
    access=Access.READ,
    tag=TAG,
    response=ExecutionDetail,
    errors=(NotFound,),
)
def get_execution(call: Call) -> object:
    """Read one execution: what was shown, where, with which scores."""
    return present_execution(logged_execution(call, find_retriever(call).retriever_id))


ENDPOINTS = (create_execution, create_executions, get_execution)
