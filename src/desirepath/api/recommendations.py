"""Recommendations: documents for somebody, documents like another one, people like another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.domain.access import Access
from desirepath.domain.checks import Id, check_id, convert, refuse_unknown
from desirepath.engine.engine import Engine
from desirepath.engine.recommendations import (
    DEFAULT_MODEL,
    recommend_documents,
    recommend_similar_documents,
    recommend_similar_users,
)
from desirepath.engine.recommending.answers import (
    Choice,
    RecommendedDocuments,
    SimilarDocuments,
    SimilarUsers,
)
from desirepath.engine.recommending.history import Asker
from desirepath.errors import (
    Conflict,
    InvalidFile,
    InvalidFilter,
    InvalidSearch,
    MalformedJSON,
    NotFound,
)

__all__ = ["ENDPOINTS", "documents_for", "documents_like", "users_like"]

TAG = "Recommendations"
_MOST = 1_000
_ERRORS = (InvalidSearch, InvalidFilter, MalformedJSON, NotFound, InvalidFile)

_Limit = Annotated[int, Meta(ge=1, le=_MOST, description="How many at most.")]
_Model = Annotated[str, Meta(min_length=1, max_length=200, description="Its name.")]
_Version = Annotated[
    Annotated[int, Meta(ge=1, le=(1 << 31) - 1)] | None,
    Meta(description="Of the model; left out: the one that is deployed."),
]
_User = Annotated[Id | None, Meta(description="A user. Send one of user_id and session_id.")]
_Session = Annotated[Id | None, Meta(description="A session, of somebody who is not known.")]

B = TypeVar("B", bound=Struct)


class _ChoosingBody(Struct, frozen=True, kw_only=True):
    limit: _Limit = 10
    filters: Annotated[
        dict[str, Any] | None,
        Meta(description="A filter over document_id, fields of the payload, and metadata.…"),
    ] = None
    case_sensitive: bool = False
    exclude_document_ids: Annotated[
        list[Id], Meta(max_length=_MOST, description="Documents that are left out.")
    ] = []
    return_payload: bool = False
    model: _Model = DEFAULT_MODEL
    version: _Version = None

    @property
    def choice(self) -> Choice:
        return Choice(
            limit=self.limit,
            filters=self.filters,
            case_sensitive=self.case_sensitive,
            exclude_document_ids=tuple(self.exclude_document_ids),
            return_payload=self.return_payload,
        )


class RecommendDocumentsRequest(_ChoosingBody, frozen=True, kw_only=True):
    """For whom, and which documents may come."""

    user_id: _User = None
    session_id: _Session = None
    exclude_seen: Annotated[
        bool,
        Meta(description="Leave out what they did anything with, or what was shown to them."),
    ] = False
    exclude_purchased: Annotated[bool, Meta(description="Leave out what they bought.")] = True


class SimilarDocumentsRequest(_ChoosingBody, frozen=True, kw_only=True):
    """Like which document, and which may come."""

    document_id: Id


class SimilarUsersRequest(Struct, frozen=True, kw_only=True):
    """Like whom."""

    user_id: _User = None
    session_id: _Session = None
    limit: _Limit = 10
    model: _Model = DEFAULT_MODEL
    version: _Version = None


def documents_for(
    engine: Engine, namespace: int, plain: object, *, lenient: bool = False
) -> RecommendedDocuments:
    """Read a request and answer it.

    Raises
    ------
    InvalidSearch, InvalidFilter
        It breaks a rule.
    NotFound
        No such recommender is deployed.
    """
    body = _read(plain, RecommendDocumentsRequest, lenient)
    return recommend_documents(
        engine,
        namespace,
        _asker(body.user_id, body.session_id),
        body.choice,
        model=body.model,
        version=body.version,
        exclude_seen=body.exclude_seen,
        exclude_purchased=body.exclude_purchased,
    )


def documents_like(
    engine: Engine, namespace: int, plain: object, *, lenient: bool = False
) -> SimilarDocuments:
    """Read a request and answer it.

    Raises
    ------
    InvalidSearch, InvalidFilter
        It breaks a rule.
    NotFound
        No such recommender is deployed, or it is no document.
    """
    body = _read(plain, SimilarDocumentsRequest, lenient)
    check_id(body.document_id, "document_id", InvalidSearch)
    return recommend_similar_documents(
        engine, namespace, body.document_id, body.choice, model=body.model, version=body.version
    )


def users_like(
    engine: Engine, namespace: int, plain: object, *, lenient: bool = False
) -> SimilarUsers:
    """Read a request and answer it.

    Raises
    ------
    InvalidSearch
        It breaks a rule.
    NotFound
        No such recommender is deployed.
    Conflict
        It keeps nobody.
    """
    body = _read(plain, SimilarUsersRequest, lenient)
    asker = _asker(body.user_id, body.session_id)
    return recommend_similar_users(
        engine, namespace, asker, body.limit, model=body.model, version=body.version
    )


def _read(plain: object, kind: type[B], lenient: bool) -> B:
    if not isinstance(plain, Mapping):
        raise InvalidSearch("The body is an object.")
    values = dict(plain)
    refuse_unknown(values, kind.__struct_fields__, InvalidSearch, lenient)
    return convert(values, kind, InvalidSearch)


def _asker(user_id: str | None, session_id: str | None) -> Asker:
    if (user_id is None) == (session_id is None):
        raise InvalidSearch("Send one of user_id and session_id.", ("user_id",))
    for name, value in (("user_id", user_id), ("session_id", session_id)):
        if value is not None:
            check_id(value, name, InvalidSearch)
    return Asker(user_id=user_id, session_id=session_id)


@endpoint(
    "POST",
    "/v1/recommendations/documents",
    access=Access.READ,
    tag=TAG,
    body=RecommendDocumentsRequest,
    response=RecommendedDocuments,
    errors=_ERRORS,
)
def search_recommended_documents(call: Call) -> object:
    """Documents for a user.

    By what they reacted to until now, also since the recommender was trained: a model knows
    documents, and people are worked out when they ask. Of whom nothing is known gets what is
    popular, and a note says so. What they bought is left out unless `exclude_purchased` is false.
    Where the namespace stores documents, only those come.
    """
    return _answer(call, documents_for)


@endpoint(
    "POST",
    "/v1/recommendations/similar-documents",
    access=Access.READ,
    tag=TAG,
    body=SimilarDocumentsRequest,
    response=SimilarDocuments,
    errors=_ERRORS,
)
def search_similar_documents(call: Call) -> object:
    """Documents like another one: the same people react to them."""
    return _answer(call, documents_like)


@endpoint(
    "POST",
    "/v1/recommendations/similar-users",
    access=Access.READ,
    tag=TAG,
    body=SimilarUsersRequest,
    response=SimilarUsers,
    errors=(*_ERRORS, Conflict),
)
def search_similar_users(call: Call) -> object:
    """People who reacted to the same documents.

    Of a recommender that was trained with `similar_users`; others know nobody.
    """
    return _answer(call, users_like)


def _answer(call: Call, answer: Callable[..., object]) -> object:
    try:
        number, lenient = call.namespace.number, call.rules.lenient
        return answer(call.engine, number, call.json(), lenient=lenient)
    except NotFound as error:  # what a body says is not sent back
        raise NotFound(error.resource) from error


ENDPOINTS = (search_recommended_documents, search_similar_documents, search_similar_users)
