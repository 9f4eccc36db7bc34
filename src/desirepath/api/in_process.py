"""The API without HTTP: the same checks, rules and answers, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec
from anyio.to_thread import run_sync

from desirepath.api.adhoc import run_adhoc
from desirepath.api.execute import present_served, usable
from desirepath.api.execution_schemas import present_summary
from desirepath.api.in_process_benchmarks import Benchmarks
from desirepath.api.in_process_evaluations import Evaluations
from desirepath.api.in_process_models import Models, Tasks
from desirepath.api.in_process_what_if import WhatIfs
from desirepath.api.plain import check_plain_values, plain_answer
from desirepath.api.recommendations import documents_for, documents_like, users_like
from desirepath.api.retriever_schemas import present_config, present_retriever, without_shipped
from desirepath.api.schemas import present_document, present_execution, present_interaction
from desirepath.api.search_body import check_search, request_of
from desirepath.domain.checks import is_storable
from desirepath.domain.document import read_document
from desirepath.domain.execution import read_execution
from desirepath.domain.ids import parse_id
from desirepath.domain.interaction import read_interaction
from desirepath.domain.namespace import read_namespace
from desirepath.domain.retriever import ADHOC_ID, Retriever, read_retriever
from desirepath.domain.retriever_changes import read_clone, read_patch
from desirepath.engine import retrievers
from desirepath.engine.deleting import delete_interaction, delete_retriever, erase_user
from desirepath.engine.documents import (
    DocumentsRequest,
    change_document,
    delete_document,
    find_document,
    list_documents,
    store_documents,
)
from desirepath.engine.engine import Engine
from desirepath.engine.executing import execute
from desirepath.engine.execution_list import ExecutionsRequest, list_executions
from desirepath.engine.experiments import find_experiment, list_experiments
from desirepath.engine.gating.shipping import shipped_in
from desirepath.engine.listing import ListRequest, list_interactions
from desirepath.engine.namespaces import make_namespace
from desirepath.engine.recording import Outcome, SentExecution, SentInteraction, Submission
from desirepath.errors import (
    DesirepathError,
    InvalidDocument,
    InvalidExecution,
    InvalidFilter,
    InvalidInteraction,
    InvalidSearch,
    NotFound,
)
from desirepath.extras import needs_extra
from desirepath.storage.base import Namespace

if TYPE_CHECKING:
    from desirepath.engine.analysing.asking import OpenLog

__all__ = ["AsyncDesirepath", "Desirepath"]

_EXACT_FIELDS = {"execution_id", "retriever_id", "session_id", "user_id", "feature_id"}


class Desirepath:
    """A database that is open in this process; close it, or use it in a ``with``."""

    def __init__(self, engine: Engine, namespace: str = "default") -> None:
        self._engine = engine
        found = engine.directory.namespace(namespace)
        if found is None:
            raise NotFound("namespace", namespace)
        self.interactions = Interactions(engine, found.number)
        self.executions = Executions(engine, found.number)
        self.retrievers = Retrievers(engine, found.number)
        self.documents = Documents(engine, found)
        self.recommendations = Recommendations(engine, found.number)
        self.benchmarks = Benchmarks(engine, found)
        self.models = Models(engine, found)
        self.evaluations = Evaluations(engine, found)
        self.tasks = Tasks(engine, found.number)
        self.what_ifs = WhatIfs(engine, found)
        self._number = found.number
        self._space = found

    def namespace(self, id_or_name: str) -> Desirepath:
        """The same database, another namespace.

        Raises
        ------
        NotFound
            There is none of that id or name.
        """
        return Desirepath(self._engine, id_or_name)

    def create_namespace(self, namespace_name: str, **fields: Any) -> Desirepath:
        """Make a namespace in the same database; the fields of the HTTP request.

        Raises
        ------
        InvalidNamespace
            A rule is broken.
        AlreadyExists
            The name is taken.
        """
        draft = read_namespace({"namespace_name": namespace_name, **fields})
        return Desirepath(self._engine, make_namespace(self._engine, draft).namespace_id)

    def erase_user(self, user_id: str) -> dict[str, int]:
        """Remove a user; how many rows went."""
        erased: dict[str, int] = msgspec.to_builtins(
            erase_user(self._engine, self._number, user_id)
        )
        return erased

    def open_log(self, on: str = "duckdb") -> AbstractContextManager[OpenLog]:
        """The log of the namespace, to be asked and drawn; use it in a ``with``.

        Parameters
        ----------
        on
            ``duckdb`` (in this process), ``spark`` (on this machine), or the URL of a Spark master.

        Raises
        ------
        MissingDependency
            The extra ``analysis``, or ``spark``, is not installed.
        """
        with needs_extra("analysis"):
            from desirepath.engine.analysing.asking import open_log
        return open_log(self._engine, self._space, on=on)

    def as_async(self) -> AsyncDesirepath:
        """The same with methods to await."""
        return AsyncDesirepath(self)

    def close(self) -> None:
        """Finish what was submitted and close the database."""
        self._engine.close()

    def __enter__(self) -> Desirepath:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Interactions:
    """Record and read interactions."""

    def __init__(self, engine: Engine, namespace: int) -> None:
        self._engine = engine
        self._namespace = namespace

    def create(self, **fields: Any) -> dict[str, Any]:
        """Record one, durably; the fields of the HTTP request.

        Raises
        ------
        InvalidInteraction
            A rule is broken.
        EventConflict
            The event_id was used with other content.
        """
        draft, ignored = read_interaction(fields)
        (outcome,) = self._submit([SentInteraction(draft, ignored)], deduplicate=True)
        if outcome.interaction is None:
            raise outcome.error or DesirepathError()
        return plain_answer(present_interaction(outcome.interaction, deduplicated=outcome.repeated))

    def create_batch(self, items: Iterable[Mapping[str, Any]]) -> Sequence[dict[str, Any]]:
        """Record many, each by itself: interactions, or ``{"error": …}`` where one was refused."""
        sent = []
        for item in items:
            try:
                sent.append(SentInteraction(*read_interaction(item)))
            except InvalidInteraction as error:
                sent.append(SentInteraction(None, error=error))
        return [
            {"error": str(outcome.error)}
            if outcome.interaction is None
            else plain_answer(
                present_interaction(outcome.interaction, deduplicated=outcome.repeated)
            )
            for outcome in self._submit(sent, deduplicate=False)
        ]

    def get(self, interaction_id: str) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        id = parse_id("int", interaction_id)
        found = None if id is None else self._engine.get_interaction(self._namespace, id)
        if found is None:
            raise NotFound("interaction", interaction_id)
        return plain_answer(present_interaction(found))

    def list(
        self,
        *,
        interaction_type: str | None = None,
        filters: Mapping[str, Any] | None = None,
        search: str | None = None,
        case_sensitive: bool = False,
        page_size: int = 50,
        cursor: str | None = None,
        sort: str = "timestamp",
        descending: bool = True,
        include_total: bool = False,
        **equals: str,
    ) -> dict[str, Any]:
        """A page: ``results``, ``next_cursor``, and ``total`` if it was asked for.

        Raises
        ------
        InvalidFilter
            A keyword is none of the ids that can be asked for, or the filter is not understood.
        """
        unknown = equals.keys() - _EXACT_FIELDS
        if unknown:
            raise InvalidFilter(f"Ask for exact {', '.join(sorted(_EXACT_FIELDS))}.")
        plain = {**equals, "filters": filters and dict(filters), "search": search}
        check_plain_values(plain, InvalidFilter)
        request = ListRequest(
            equals=equals,
            interaction_type=interaction_type,
            filters=filters,
            search=search,
            case_sensitive=case_sensitive,
            page_size=page_size,
            cursor=cursor,
            sort_field=sort,
            descending=descending,
            include_total=include_total,
        )
        page = list_interactions(self._engine, self._namespace, request)
        results = [
            plain_answer(present_interaction(interaction)) for interaction in page.interactions
        ]
        return {"results": results, "next_cursor": page.next_cursor, "total": page.total}

    def delete(self, interaction_id: str) -> bool:
        """Delete one; whether it was there."""
        id = parse_id("int", interaction_id)
        return id is not None and delete_interaction(self._engine, self._namespace, id)

    def _submit(self, sent: Sequence[SentInteraction], *, deduplicate: bool) -> Sequence[Outcome]:
        submission = Submission(
            namespace=self._namespace, interactions=sent, deduplicate=deduplicate
        )
        answer = self._engine.submit(submission)
        assert isinstance(answer, list)  # a replay needs an Idempotency-Key
        return answer


class Executions:
    """Log and read searches."""

    def __init__(self, engine: Engine, namespace: int) -> None:
        self._engine = engine
        self._namespace = namespace

    def create(self, retriever: str, **fields: Any) -> dict[str, Any]:
        """Log a search of a retriever (by id or name).

        Raises
        ------
        NotFound
            There is no such retriever.
        InvalidExecution
            A rule is broken.
        EventConflict
            The execution_id was used with other content.
        """
        draft, _ = read_execution(fields)
        owner = retrievers.find_retriever(self._engine, self._namespace, retriever)
        (outcome,) = self._submit([SentExecution(draft, owner.retriever_id)])
        if outcome.execution is None:
            raise outcome.error or DesirepathError()
        return plain_answer(present_execution(outcome.execution, duplicate=outcome.repeated))

    def create_batch(
        self, retriever: str, items: Iterable[Mapping[str, Any]]
    ) -> Sequence[dict[str, Any]]:
        """Log many, each by itself: executions, or ``{"error": …}`` where one was refused.

        Raises
        ------
        NotFound
            There is no such retriever.
        """
        owner = retrievers.find_retriever(self._engine, self._namespace, retriever).retriever_id
        sent = []
        for item in items:
            try:
                sent.append(SentExecution(read_execution(item)[0], owner))
            except InvalidExecution as error:
                sent.append(SentExecution(None, owner, error))
        return [
            {"error": str(outcome.error)}
            if outcome.execution is None
            else plain_answer(present_execution(outcome.execution, duplicate=outcome.repeated))
            for outcome in self._submit(sent)
        ]

    def _submit(self, sent: Sequence[SentExecution]) -> Sequence[Outcome]:
        answer = self._engine.submit(Submission(namespace=self._namespace, executions=sent))
        assert isinstance(answer, list)  # a replay needs an Idempotency-Key
        return answer

    def get(self, execution_id: str) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        with self._engine.storage.read() as session:
            found = session.executions.get(self._namespace, execution_id)
        if found is None:
            raise NotFound("execution", execution_id)
        return plain_answer(present_execution(found))

    def list(
        self,
        retriever: str | None = None,
        *,
        filters: Mapping[str, Any] | None = None,
        sorts: Sequence[tuple[str, str]] = (),
        case_sensitive: bool = False,
        page_size: int = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A page of a retriever's, or of ad-hoc ones: ``results``, ``next_cursor``, ``total``.

        ``sorts`` are (field, ``"asc"`` or ``"desc"``), the first counts most.

        Raises
        ------
        NotFound
            There is no such retriever.
        InvalidFilter
            The filter or a sort is not understood.
        """
        check_plain_values({"filters": filters and dict(filters)}, InvalidFilter)
        owner = ADHOC_ID
        if retriever is not None:
            owner = retrievers.find_retriever(self._engine, self._namespace, retriever).retriever_id
        request = ExecutionsRequest(
            retriever_id=owner,
            filters=filters,
            case_sensitive=case_sensitive,
            sorts=[(field, direction == "desc") for field, direction in sorts],
            page_size=page_size,
            cursor=cursor,
        )
        page = list_executions(self._engine, self._namespace, request)
        results = [plain_answer(present_summary(one)) for one in page.executions]
        return {"results": results, "next_cursor": page.next_cursor, "total": page.total}


class Retrievers:
    """Name ways to search."""

    def __init__(self, engine: Engine, namespace: int) -> None:
        self._engine = engine
        self._namespace = namespace

    def create(self, retriever_name: str, **fields: Any) -> dict[str, Any]:
        """Create one.

        Raises
        ------
        AlreadyExists
            The name is taken.
        """
        draft = read_retriever({"retriever_name": retriever_name, **fields})
        return plain_answer(
            present_config(retrievers.create_retriever(self._engine, self._namespace, draft))
        )

    def get(self, id_or_name: str) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id or name.
        """
        found = self._find(id_or_name)
        return plain_answer(present_retriever(found, shipped_in(self._engine, found)))

    def update(self, id_or_name: str, **changes: Any) -> dict[str, Any]:
        """Change one; what is left out stays as it is.

        Raises
        ------
        InvalidRetriever
            A rule is broken, or searches that work now would not.
        AlreadyExists
            The new name is taken.
        """
        found = self._find(id_or_name)
        patch = read_patch(without_shipped(changes, shipped_in(self._engine, found)))
        changed = retrievers.change_retriever(self._engine, found, patch)
        return plain_answer(present_config(changed, shipped_in(self._engine, changed)))

    def clone(self, id_or_name: str, retriever_name: str, **changes: Any) -> dict[str, Any]:
        """Copy one under another name, with changes.

        Raises
        ------
        AlreadyExists
            The name is taken.
        """
        clone = read_clone({"retriever_name": retriever_name, **changes})
        return plain_answer(
            present_config(retrievers.clone_retriever(self._engine, self._find(id_or_name), clone))
        )

    def list(self) -> Sequence[dict[str, Any]]:
        """All of them, oldest first."""
        with self._engine.storage.read() as session:
            found = session.catalog.retrievers(self._namespace)
        return [
            plain_answer(present_retriever(one, shipped_in(self._engine, one))) for one in found
        ]

    def execute(self, id_or_name: str, **fields: Any) -> dict[str, Any]:
        """Search; the fields and the answer of the HTTP request. What is shown is logged.

        Raises
        ------
        NotFound
            There is no such retriever.
        InvalidSearch
            The search asks for what the retriever cannot do.
        EmbedderError
            No vector could be made of the query.
        """
        check_plain_values(fields, InvalidSearch)
        retriever = usable(self._find(id_or_name))
        request = request_of(check_search(fields, lenient=False), retriever)
        return plain_answer(present_served(execute(self._engine, retriever, request), retriever))

    def experiments(self, id_or_name: str) -> Sequence[dict[str, Any]]:
        """The experiments of one, the last begun first.

        Raises
        ------
        NotFound
            There is no such retriever.
        """
        found = list_experiments(self._engine, self._find(id_or_name))
        return [plain_answer(one) for one in found]

    def experiment(self, id_or_name: str, experiment_id: str) -> dict[str, Any]:
        """What an experiment has come to; a decision that is new is stored.

        Raises
        ------
        NotFound
            There is no such retriever, or it has no such experiment.
        """
        return plain_answer(find_experiment(self._engine, self._find(id_or_name), experiment_id))

    def execute_adhoc(self, stages: Sequence[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
        """Search by stages that no retriever has.

        Raises
        ------
        InvalidRetriever
            The stages break a rule.
        InvalidSearch
            The search asks for what its stages cannot do.
        """
        body = {"stages": list(stages), **fields}
        check_plain_values(body, InvalidSearch)
        return plain_answer(run_adhoc(self._engine, self._namespace, body, lenient=False))

    def delete(self, id_or_name: str) -> None:
        """Delete one with its executions and interactions.

        Raises
        ------
        Conflict
            It is the challenger of another one.
        """
        delete_retriever(self._engine, self._find(id_or_name))

    def _find(self, id_or_name: str) -> Retriever:
        return retrievers.find_retriever(self._engine, self._namespace, id_or_name)


class Documents:
    """Store and read what searches return."""

    def __init__(self, engine: Engine, namespace: Namespace) -> None:
        self._engine = engine
        self._namespace = namespace

    def upsert(self, documents: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Store documents, all or none, each instead of the one of its id.

        Raises
        ------
        InvalidDocument
            One breaks a rule; the location begins with its number.
        EmbedderError
            A vector that one came without could not be made.
        """
        drafts = []
        for number, document in enumerate(documents):
            try:
                drafts.append(read_document(document)[0])
            except InvalidDocument as error:
                raise InvalidDocument(error.message, (number, *error.location)) from error
        store_documents(self._engine, self._namespace, drafts)
        return {"inserted": len(drafts), "document_ids": [one.document_id for one in drafts]}

    def get(self, document_id: str, *, return_vectors: bool = False) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        if not is_storable(document_id):
            raise NotFound("document")
        found = find_document(
            self._engine, self._namespace.number, document_id, with_vectors=return_vectors
        )
        return plain_answer(present_document(found, self._namespace))

    def list(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        case_sensitive: bool = False,
        page_size: int = 100,
        cursor: str | None = None,
        include_total: bool = False,
        return_vectors: bool = False,
    ) -> dict[str, Any]:
        """A page by document_id: ``results``, ``next_cursor``, and ``total`` if asked for.

        Raises
        ------
        InvalidFilter
            The filter is not understood.
        """
        check_plain_values({"filters": filters and dict(filters)}, InvalidFilter)
        request = DocumentsRequest(
            filters=filters,
            case_sensitive=case_sensitive,
            page_size=page_size,
            cursor=cursor,
            include_total=include_total,
            with_vectors=return_vectors,
        )
        page = list_documents(self._engine, self._namespace.number, request)
        results = [plain_answer(present_document(one, self._namespace)) for one in page.documents]
        return {"results": results, "next_cursor": page.next_cursor, "total": page.total}

    def update(self, document_id: str, **changes: Any) -> dict[str, Any]:
        """Change parts of one: keys that are sent are set, or removed when they are None.

        Raises
        ------
        NotFound
            There is none of that id.
        InvalidDocument
            What it would become breaks a rule.
        """
        check_plain_values(changes, InvalidDocument)
        if not is_storable(document_id):
            raise NotFound("document")
        changed = change_document(self._engine, self._namespace, document_id, changes)
        return plain_answer(present_document(changed, self._namespace))

    def delete(self, document_id: str) -> bool:
        """Delete one; whether it was there."""
        return is_storable(document_id) and delete_document(
            self._engine, self._namespace.number, document_id
        )


class Recommendations:
    """Ask a recommender that is deployed; keywords and answers are those of the HTTP requests."""

    def __init__(self, engine: Engine, namespace: int) -> None:
        self._engine = engine
        self._namespace = namespace

    def documents(self, **fields: Any) -> dict[str, Any]:
        """Documents for ``user_id``, or for ``session_id``.

        Raises
        ------
        NotFound
            No such recommender is deployed.
        InvalidSearch, InvalidFilter
            A rule is broken.
        """
        return self._answer(documents_for, fields)

    def similar_documents(self, document_id: str, **fields: Any) -> dict[str, Any]:
        """Documents like another one.

        Raises
        ------
        NotFound
            No such recommender is deployed, or it is no document.
        InvalidSearch, InvalidFilter
            A rule is broken.
        """
        return self._answer(documents_like, {"document_id": document_id, **fields})

    def similar_users(self, **fields: Any) -> dict[str, Any]:
        """People like ``user_id``, or like ``session_id``.

        Raises
        ------
        NotFound
            No such recommender is deployed.
        Conflict
            It was trained without similar_users.
        InvalidSearch
            A rule is broken.
        """
        return self._answer(users_like, fields)

    def _answer(self, answer: Callable[..., Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        check_plain_values(dict(fields), InvalidSearch)
        found: dict[str, Any] = msgspec.to_builtins(answer(self._engine, self._namespace, fields))
        return found


class _Awaitable:
    """Calls the methods of another object in a thread."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await run_sync(lambda: method(*arguments, **named))

        return call


class AsyncDesirepath:
    """:class:`Desirepath` for an event loop: each method is awaited."""

    def __init__(self, inner: Desirepath) -> None:
        self._inner = inner
        self.interactions = _Awaitable(inner.interactions)
        self.executions = _Awaitable(inner.executions)
        self.retrievers = _Awaitable(inner.retrievers)
        self.documents = _Awaitable(inner.documents)
        self.recommendations = _Awaitable(inner.recommendations)
        self.benchmarks = _Awaitable(inner.benchmarks)
        self.models = _Awaitable(inner.models)
        self.evaluations = _Awaitable(inner.evaluations)
        self.tasks = _Awaitable(inner.tasks)

    async def namespace(self, id_or_name: str) -> AsyncDesirepath:
        """The same database, another namespace.

        Raises
        ------
        NotFound
            There is none of that id or name.
        """
        return AsyncDesirepath(await run_sync(self._inner.namespace, id_or_name))

    async def create_namespace(self, namespace_name: str, **fields: Any) -> AsyncDesirepath:
        """:meth:`Desirepath.create_namespace`, awaited."""
        make = self._inner.create_namespace
        return AsyncDesirepath(await run_sync(lambda: make(namespace_name, **fields)))

    async def erase_user(self, user_id: str) -> dict[str, int]:
        """Remove a user; how many rows went."""
        return await run_sync(self._inner.erase_user, user_id)

    async def close(self) -> None:
        """Finish what was submitted and close the database."""
        await run_sync(self._inner.close)

    async def __aenter__(self) -> AsyncDesirepath:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
