"""The API without HTTP: the same checks, rules and answers, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import msgspec
from anyio.to_thread import run_sync

from desirepath.api.schemas import present_execution, present_interaction, present_retriever
from desirepath.domain.execution import read_execution
from desirepath.domain.ids import parse_id
from desirepath.domain.interaction import read_interaction
from desirepath.domain.plain_json import encode_json
from desirepath.domain.retriever import Retriever, read_retriever
from desirepath.engine.deleting import delete_interaction, delete_retriever, erase_user
from desirepath.engine.engine import Engine
from desirepath.engine.listing import ListRequest, list_interactions
from desirepath.engine.recording import Outcome, SentExecution, SentInteraction, Submission
from desirepath.errors import DesirepathError, InvalidFilter, InvalidInteraction, NotFound

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
        self._number = found.number

    def namespace(self, id_or_name: str) -> Desirepath:
        """The same database, another namespace.

        Raises
        ------
        NotFound
            There is none of that id or name.
        """
        return Desirepath(self._engine, id_or_name)

    def erase_user(self, user_id: str) -> dict[str, int]:
        """Remove a user; how many rows went."""
        erased: dict[str, int] = msgspec.to_builtins(
            erase_user(self._engine, self._number, user_id)
        )
        return erased

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
        return _plain(present_interaction(outcome.interaction, deduplicated=outcome.repeated))

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
            else _plain(present_interaction(outcome.interaction, deduplicated=outcome.repeated))
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
        return _plain(present_interaction(found))

    def list(
        self,
        *,
        interaction_type: str | None = None,
        filters: Mapping[str, Any] | None = None,
        page_size: int = 50,
        cursor: str | None = None,
        sort: str = "timestamp",
        descending: bool = True,
        **equals: str,
    ) -> dict[str, Any]:
        """A page: ``results`` and ``next_cursor``.

        Raises
        ------
        InvalidFilter
            A keyword is none of the ids that can be asked for, or the filter is not understood.
        """
        unknown = equals.keys() - _EXACT_FIELDS
        if unknown:
            raise InvalidFilter(f"Ask for exact {', '.join(sorted(_EXACT_FIELDS))}.")
        request = ListRequest(
            equals=equals,
            interaction_type=interaction_type,
            filters=filters,
            page_size=page_size,
            cursor=cursor,
            sort_field=sort,
            descending=descending,
        )
        page = list_interactions(self._engine, self._namespace, request)
        results = [_plain(present_interaction(interaction)) for interaction in page.interactions]
        return {"results": results, "next_cursor": page.next_cursor}

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
        owner = _find_retriever(self._engine, self._namespace, retriever)
        sent = SentExecution(draft, owner.retriever_id)
        answer = self._engine.submit(Submission(namespace=self._namespace, executions=(sent,)))
        assert isinstance(answer, list)  # a replay needs an Idempotency-Key
        if answer[0].execution is None:
            raise answer[0].error or DesirepathError()
        return _plain(present_execution(answer[0].execution, duplicate=answer[0].repeated))

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
        return _plain(present_execution(found))


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
        with self._engine.storage.write() as session:
            now = session.now()
            id = self._engine.make_id.next(now)
            made = session.catalog.create_retriever(self._namespace, id, draft, now)
        self._engine.directory.forget()
        return _plain(present_retriever(made))

    def get(self, id_or_name: str) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id or name.
        """
        return _plain(present_retriever(_find_retriever(self._engine, self._namespace, id_or_name)))

    def delete(self, id_or_name: str) -> None:
        """Delete one with its executions and interactions."""
        delete_retriever(self._engine, _find_retriever(self._engine, self._namespace, id_or_name))


def _find_retriever(engine: Engine, namespace: int, id_or_name: str) -> Retriever:
    with engine.storage.read() as session:
        found = session.catalog.find_retriever(namespace, id_or_name)
    if found is None:
        raise NotFound("retriever", id_or_name)
    return found


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(encode_json(value))
    return plain


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
