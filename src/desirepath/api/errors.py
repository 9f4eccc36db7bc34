"""From our errors to answers: one table, one envelope."""

from __future__ import annotations

from typing import Any

from desirepath import errors
from desirepath.domain.ids import is_plain_id
from desirepath.domain.plain_json import encode_json

__all__ = [
    "ERROR_TO_ANSWER",
    "MalformedRequest",
    "MethodNotAllowed",
    "answer_of",
    "code_of",
    "envelope",
]

ERROR_TO_ANSWER: dict[type[errors.DesirepathError], tuple[int, str, str]] = {
    errors.DesirepathError: (500, "InternalServerError", "internal_error"),
    errors.InvalidInput: (422, "ValidationError", "invalid_input"),
    errors.MalformedJSON: (422, "ValidationError", "malformed_json"),
    errors.InvalidInteraction: (422, "ValidationError", "invalid_interaction"),
    errors.InvalidExecution: (422, "ValidationError", "invalid_execution"),
    errors.InvalidRetriever: (422, "ValidationError", "invalid_retriever"),
    errors.InvalidSearch: (422, "ValidationError", "invalid_search"),
    errors.TooManyQueries: (422, "ValidationError", "too_many_queries"),
    errors.MissingInput: (422, "ValidationError", "missing_input"),
    errors.InvalidNamespace: (422, "ValidationError", "invalid_namespace"),
    errors.InvalidDocument: (422, "ValidationError", "invalid_document"),
    errors.InvalidDataset: (422, "ValidationError", "invalid_dataset"),
    errors.InvalidEvaluation: (422, "ValidationError", "invalid_evaluation"),
    errors.InvalidBenchmark: (422, "ValidationError", "invalid_benchmark"),
    errors.InvalidModel: (422, "ValidationError", "invalid_model"),
    errors.InvalidFilter: (422, "ValidationError", "invalid_filter"),
    errors.InvalidQuery: (400, "BadRequestError", "invalid_query_parameter"),
    errors.InvalidCursor: (400, "BadRequestError", "invalid_cursor"),
    errors.InvalidSetting: (422, "ValidationError", "invalid_setting"),
    errors.InvalidFile: (422, "ValidationError", "invalid_file"),
    errors.PayloadTooLarge: (413, "PayloadTooLargeError", "payload_too_large"),
    errors.UnsupportedMediaType: (415, "UnsupportedMediaTypeError", "unsupported_media_type"),
    errors.NotFound: (404, "NotFoundError", "not_found"),
    errors.Conflict: (409, "AlreadyExistsError", "conflict"),
    errors.AlreadyExists: (409, "AlreadyExistsError", "already_exists"),
    errors.EventConflict: (409, "AlreadyExistsError", "event_conflict"),
    errors.NotLearning: (409, "AlreadyExistsError", "not_learning"),
    errors.NotBetter: (409, "AlreadyExistsError", "not_better"),
    errors.NotGated: (409, "AlreadyExistsError", "not_gated"),
    errors.IdempotencyConflict: (422, "ValidationError", "idempotency_conflict"),
    errors.AccessDenied: (403, "ForbiddenError", "access_denied"),
    errors.Unauthenticated: (401, "UnauthorizedError", "unauthenticated"),
    errors.Forbidden: (403, "ForbiddenError", "forbidden"),
    errors.LimitExceeded: (429, "TooManyRequestsError", "rate_limited"),
    errors.LearningError: (500, "InternalServerError", "learning_error"),
    errors.LearningOverflow: (500, "InternalServerError", "learning_overflow"),
    errors.NotEnoughData: (422, "ValidationError", "not_enough_data"),
    errors.EmbedderError: (424, "FailedDependencyError", "embedder_error"),
    errors.EmbedderUnavailable: (
        503,
        "InferenceServiceUnavailableError",
        "embedder_unavailable",
    ),
    errors.EmbedderFailed: (424, "FailedDependencyError", "embedder_failed"),
    errors.Overloaded: (503, "ServiceUnavailableError", "overloaded"),
    errors.SearchTooSlow: (503, "ServiceUnavailableError", "search_too_slow"),
    errors.RankerUnavailable: (503, "ServiceUnavailableError", "ranker_unavailable"),
    errors.StorageError: (503, "ServiceUnavailableError", "storage_error"),
    errors.StorageUnavailable: (503, "ServiceUnavailableError", "storage_unavailable"),
    errors.StorageFull: (507, "InsufficientStorageError", "storage_full"),
    errors.StorageCorrupt: (503, "ServiceUnavailableError", "storage_corrupt"),
    errors.MigrationNeeded: (503, "ServiceUnavailableError", "migration_needed"),
    errors.QueryTooSlow: (503, "ServiceUnavailableError", "query_too_slow"),
    errors.MissingDependency: (501, "NotImplementedError", "missing_dependency"),
}
"""Error class to (status, ``error.type``, ``error.code``)."""

_RETRY_SECONDS = 1
_OF_QUERY = (errors.InvalidQuery, errors.InvalidCursor)
_NOT_WORTH_RETRYING = (
    errors.QueryTooSlow,
    errors.SearchTooSlow,
    errors.StorageCorrupt,
    errors.MigrationNeeded,
)


class MethodNotAllowed(errors.DesirepathError):
    """This path does not take this method."""

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path takes {allowed}.")
        self.allowed = allowed


class MalformedRequest(errors.DesirepathError):
    """This is not a request of HTTP/1.1."""


ERROR_TO_ANSWER[MalformedRequest] = (400, "BadRequestError", "malformed_request")
ERROR_TO_ANSWER[MethodNotAllowed] = (405, "MethodNotAllowedError", "method_not_allowed")


def answer_of(error: errors.DesirepathError) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and extra headers for an error."""
    status, type_name, code = ERROR_TO_ANSWER[_kind_of(error)]
    headers = {}
    if isinstance(error, errors.LimitExceeded):
        headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    elif status == 503 and not isinstance(error, _NOT_WORTH_RETRYING):
        headers["Retry-After"] = str(_RETRY_SECONDS)
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed
    return status, envelope(status, error.message, type_name, code, _details(error)), headers


def code_of(error: errors.DesirepathError) -> str:
    """What programs call an error."""
    return ERROR_TO_ANSWER[_kind_of(error)][2]


def _kind_of(error: errors.DesirepathError) -> type[errors.DesirepathError]:
    return next(kind for kind in type(error).__mro__ if kind in ERROR_TO_ANSWER)


def envelope(
    status: int, message: str, type_name: str, code: str, details: dict[str, Any] | None = None
) -> bytes:
    """The one shape of every error."""
    return encode_json(
        {
            "success": False,
            "status": status,
            "error": {"message": message, "type": type_name, "code": code, "details": details},
        }
    )


def _details(error: errors.DesirepathError) -> dict[str, Any] | None:
    if isinstance(error, errors.InvalidInput):
        entry = {
            "type": ERROR_TO_ANSWER.get(type(error), (0, "", "invalid_input"))[2],
            "location": ["query" if isinstance(error, _OF_QUERY) else "body", *error.location],
            "message": error.message,
        }
        if isinstance(error, errors.TooManyQueries):
            return {"validation_errors": [entry], "limits": {"max_queries": error.most}}
        return {"validation_errors": [entry]}
    if isinstance(error, errors.NotFound):
        return {"resource": error.resource, "id": error.id if is_plain_id(error.id) else None}
    if isinstance(error, errors.NotEnoughData):
        return {"what": error.what, "needed": error.needed, "found": error.found}
    if isinstance(error, errors.LimitExceeded):
        return {
            "api_name": error.name,
            "limit": error.limit,
            "window": error.window_seconds,
            "retry_after": error.retry_after_seconds,
            "retry_after_seconds": error.retry_after_seconds,
        }
    if isinstance(error, _NOT_WORTH_RETRYING):
        return {"retryable": False}
    if isinstance(error, errors.StorageError | errors.Overloaded | errors.EmbedderUnavailable):
        return {"retryable": True, "retry_after_seconds": _RETRY_SECONDS}
    return None
