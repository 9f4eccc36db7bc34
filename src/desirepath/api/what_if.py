"""What-ifs: start, list, get."""

from __future__ import annotations

from desirepath.api.endpoint import Call, endpoint, read_query
from desirepath.api.retrievers import find_retriever
from desirepath.api.what_if_schemas import (
    StartWhatIf,
    WhatIfListQuery,
    WhatIfListResponse,
    WhatIfRecord,
    WhatIfStarted,
    present_what_if,
    read_what_if,
)
from desirepath.domain.access import Access
from desirepath.domain.assessment import Assessment, AssessmentKind
from desirepath.domain.clock import format_time
from desirepath.engine.assessing import find_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.what_if.asking import start_what_if
from desirepath.errors import InvalidQuery, InvalidSetting, MalformedJSON, NotFound

__all__ = ["ENDPOINTS", "find_what_if", "present_started", "what_if_page"]

TAG = "What-if"
_ALL = "/v1/retrievers/{retriever_id}/counterfactual-evaluations"
_KIND = AssessmentKind.WHAT_IF


@endpoint(
    "POST",
    _ALL,
    access=Access.WRITE,
    tag=TAG,
    body=StartWhatIf,
    response=WhatIfStarted,
    status=202,
    errors=(InvalidSetting, NotFound, MalformedJSON),
)
def start_counterfactual_evaluation(call: Call) -> object:
    """Estimate what this retriever's searches would have earned by another policy, as a task.

    Logged pools are ranked anew, and what people did is weighed by how much likelier the new policy
    is to show what they saw. Where the log cannot tell, the task fails and says what is missing:
    static fusion leaves nothing to chance, and has no propensities.
    """
    retriever = find_retriever(call)
    request = read_what_if(call.json(), lenient=call.rules.lenient)
    return present_started(start_what_if(call.engine, call.namespace, retriever, request))


@endpoint(
    "GET",
    _ALL,
    access=Access.READ,
    tag=TAG,
    response=WhatIfListResponse,
    query=WhatIfListQuery,
    errors=(NotFound, InvalidQuery),
)
def list_counterfactual_evaluations(call: Call) -> object:
    """List what was asked of a retriever's log, newest first."""
    query: WhatIfListQuery = read_query(call.query_string, WhatIfListQuery)
    retriever_id = find_retriever(call).retriever_id
    found, total = what_if_page(call.engine, call.namespace.number, retriever_id, query)
    return WhatIfListResponse(
        what_ifs=[present_what_if(one, call.namespace.namespace_id) for one in found],
        total=total,
        page=query.page,
        page_size=query.page_size,
    )


@endpoint(
    "GET",
    _ALL + "/{what_if_id}",
    access=Access.READ,
    tag=TAG,
    response=WhatIfRecord,
    errors=(NotFound,),
)
def get_counterfactual_evaluation(call: Call) -> object:
    """Read one: how it stands, the verdict, and the estimates that it rests on."""
    retriever_id = find_retriever(call).retriever_id
    found = find_what_if(call.engine, call.namespace.number, call.path["what_if_id"], retriever_id)
    return present_what_if(found, call.namespace.namespace_id)


def present_started(one: Assessment) -> WhatIfStarted:
    """The wire shape of a what-if that was started as a task."""
    return WhatIfStarted(
        task_id=one.task_id or "",
        what_if_id=one.assessment_id,
        task_type="retriever.what_if",
        status=one.status.value.lower(),
        created_at=format_time(one.created_at),
    )


def what_if_page(
    engine: Engine, namespace: int, retriever_id: str, query: WhatIfListQuery
) -> tuple[list[Assessment], int]:
    """A page of what was asked of a retriever's log, newest first, and how many there are."""
    start, size = (query.page - 1) * query.page_size, query.page_size
    with engine.storage.read() as session:
        total = session.assessments.count(namespace, _KIND, retriever_id=retriever_id)
        found = session.assessments.assessments(
            namespace, _KIND, size, start, retriever_id=retriever_id
        )
    return found, total


def find_what_if(
    engine: Engine, namespace: int, what_if_id: str, retriever_id: str | None = None
) -> Assessment:
    """A what-if, of one retriever where that is said.

    Raises
    ------
    NotFound
        There is none of this id.
    """
    found = find_assessment(engine, namespace, _KIND, what_if_id)
    if retriever_id is not None and found.retriever_id != retriever_id:
        raise NotFound("what-if", what_if_id)
    return found


ENDPOINTS = (
    start_counterfactual_evaluation,
    list_counterfactual_evaluations,
    get_counterfactual_evaluation,
)
