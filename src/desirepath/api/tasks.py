"""Tasks, under the Mixpeek SDK's paths."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.paging import pagination_of, place_of
from desirepath.api.schemas import ListQuery, PaginationResponse
from desirepath.domain.access import Access
from desirepath.domain.checks import convert
from desirepath.domain.clock import format_time
from desirepath.domain.job import Job, JobStatus
from desirepath.engine.tasks.running import cancel_task as cancel
from desirepath.engine.tasks.running import find_task
from desirepath.errors import Conflict, InvalidFilter, InvalidQuery, NotFound

__all__ = ["ENDPOINTS", "TaskModel", "present_task"]

TAG = "Tasks"
_TYPE = "model_custom"  # of those that the SDK knows


class TaskModel(Struct, frozen=True, kw_only=True):
    """A task, as it stands."""

    task_id: str
    task_type: Annotated[str, Meta(description="model_custom; the kind is in additional_data.")]
    status: JobStatus
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]] | None
    additional_data: Annotated[
        dict[str, Any], Meta(description="kind, progress, tries, times, error.")
    ]
    error: Annotated[str | None, Meta(description="Why it, or its last try, failed.")] = None


class TaskListRequest(Struct, frozen=True, kw_only=True):
    """Which tasks."""

    status: JobStatus | None = None
    task_type: str | None = None


class TaskListResponse(Struct, frozen=True, kw_only=True):
    """A page of tasks."""

    results: list[TaskModel]
    pagination: PaginationResponse


@endpoint(
    "GET",
    "/v1/tasks/{task_id}",
    access=Access.READ,
    tag=TAG,
    response=TaskModel,
    errors=(NotFound,),
)
def get_task(call: Call) -> object:
    """Read one task: how it stands, and what it made."""
    return present_task(find_task(call.engine, call.namespace.number, call.path["task_id"]))


@endpoint(
    "POST",
    "/v1/tasks/list",
    access=Access.READ,
    tag=TAG,
    body=TaskListRequest,
    body_required=False,
    response=TaskListResponse,
    query=ListQuery,
    errors=(InvalidFilter, InvalidQuery),
)
def list_tasks(call: Call) -> object:
    """List tasks, newest first."""
    wanted: TaskListRequest = convert(call.json(), TaskListRequest, InvalidFilter)
    query: ListQuery = read_query(call.query_string, ListQuery)
    start, size = place_of(query)
    number = call.namespace.number
    if wanted.task_type not in (None, _TYPE):
        return TaskListResponse(results=[], pagination=pagination_of(call, start, size, 0))
    with call.engine.storage.read() as session:
        total = session.jobs.count(number, status=wanted.status)
        found = session.jobs.jobs(number, size, start, status=wanted.status)
    return TaskListResponse(
        results=[present_task(one) for one in found],
        pagination=pagination_of(call, start, size, total, tell=bool(query.include_total)),
    )


@endpoint(
    "DELETE",
    "/v1/tasks/{task_id}",
    access=Access.WRITE,
    tag=TAG,
    response=TaskModel,
    errors=(NotFound, Conflict),
)
def cancel_task(call: Call) -> object:
    """Cancel a task: it ends without an effect."""
    return present_task(cancel(call.engine, call.namespace.number, call.path["task_id"]))


def present_task(job: Job) -> TaskModel:
    """The wire shape of a task."""
    return TaskModel(
        task_id=job.task_id,
        task_type=_TYPE,
        status=job.status,
        inputs=[job.inputs],
        outputs=None if job.outputs is None else [job.outputs],
        additional_data={
            "kind": job.kind,
            "progress": {"done": job.done, "total": job.total, "words": job.words},
            "tries": job.tries,
            "created_at": format_time(job.created_at),
            "started_at": None if job.started_at is None else format_time(job.started_at),
            "ended_at": None if job.ended_at is None else format_time(job.ended_at),
            "error": job.error,
        },
        error=job.error,
    )


ENDPOINTS = (get_task, list_tasks, cancel_task)
