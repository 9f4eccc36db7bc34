"""What the engine asks of a database, by role.

The docstrings are the contract; ``tests/contracts`` runs one suite of it over every back end.
Unless a method says otherwise: it may be called from any thread inside the ``with`` of its
session, everything is keyed by namespace, an unknown id is None or 0 and never an error, and what
a writing session did is visible to others after its commit, all of it or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from desirepath.domain.access import Key
from desirepath.domain.document import Document, VectorIndex
from desirepath.domain.execution import Execution, ExecutionSummary, ShownList
from desirepath.domain.filters import Filter
from desirepath.domain.interaction import Interaction
from desirepath.domain.retriever import Retriever, RetrieverDraft
from desirepath.storage.artifacts import Artifacts
from desirepath.storage.assessments import Assessments
from desirepath.storage.evaluations import Evaluations
from desirepath.storage.experiments import Experiments
from desirepath.storage.extracts import Extracts
from desirepath.storage.jobs import Jobs
from desirepath.storage.learned import Learned

__all__ = [
    "Catalog",
    "DocumentIndex",
    "Event",
    "ExecutionLog",
    "ExecutionQuery",
    "Figures",
    "Health",
    "InteractionLog",
    "InteractionQuery",
    "ListChecks",
    "Namespace",
    "QueryCount",
    "Receipt",
    "Receipts",
    "Rejection",
    "Rejections",
    "Session",
    "Storage",
    "Summaries",
    "Tally",
]


class Namespace(Struct, frozen=True, kw_only=True):
    """A tenant. ``number`` is what rows carry.

    ``text_fields`` are the payload fields to search, None for every text at a payload's top level.
    With ``fixed_vectors`` documents have no vectors but those of the indexes there are.
    """

    number: int
    namespace_id: str
    name: str
    created_at: int
    retention_days: int | None = None
    description: str | None = None
    text_fields: tuple[str, ...] | None = None
    fixed_vectors: bool = False


class InteractionQuery(Struct, frozen=True, kw_only=True):
    """Which interactions, in which order.

    ``equals`` are exact matches on id columns. ``filter`` narrows as far as SQL can without
    dropping a match; the caller decides on each row that comes back. ``sort`` is ``"id"``
    (recording time) or ``"occurred_at"``; ``after`` is the last (occurred_at, id) already seen.
    """

    namespace: int
    equals: Mapping[str, str] = {}
    interaction_type: str | None = None
    filter: Filter | None = None
    sort: str = "id"
    descending: bool = True
    after: tuple[int, bytes] | None = None
    ceiling: bytes | None = None


class ExecutionQuery(Struct, frozen=True, kw_only=True):
    """Which executions of a retriever, by the time they were recorded.

    ``filter`` narrows as that of an :class:`InteractionQuery`; ``after`` is the last id seen, and
    none is later than ``ceiling``.
    """

    namespace: int
    retriever_id: str
    filter: Filter | None = None
    descending: bool = True
    after: bytes | None = None
    ceiling: bytes | None = None


class Event(Struct, frozen=True):
    """A sender's id that was used: the digest of its content and the interaction it became."""

    digest: bytes
    id: bytes


class Receipt(Struct, frozen=True):
    """The answer that an Idempotency-Key got."""

    digest: bytes
    body: str


class Rejection(Struct, frozen=True, kw_only=True):
    """Something that was sent with a good key and refused."""

    id: bytes
    source: str
    reason: str
    raw: str


class InteractionLog(Protocol):
    """Interactions, append-only but for deletion."""

    def append(self, interactions: Sequence[Interaction]) -> None:
        """Store new interactions; their ids are new."""
        ...

    def get(self, keys: Sequence[tuple[int, bytes]]) -> dict[tuple[int, bytes], Interaction]:
        """By (namespace, id); unknown ones are left out."""
        ...

    def find(self, query: InteractionQuery, limit: int, offset: int = 0) -> list[Interaction]:
        """A superset of the matches among the next rows in order, at most ``limit`` of them."""
        ...

    def count(self, query: InteractionQuery) -> int:
        """How many rows :meth:`find` would return without limit."""
        ...

    def is_exact(self, query: InteractionQuery) -> bool:
        """Whether :meth:`find` returns the matches and nothing else."""
        ...

    def is_narrowed(self, query: InteractionQuery) -> bool:
        """Whether some condition keeps :meth:`find` from passing every row of the namespace."""
        ...

    def last_clicks(
        self, namespace: int, column: str, value: str, before: int, limit: int
    ) -> list[str]:
        """What was clicked last: feature_ids, one for each click, the last click first.

        Parameters
        ----------
        column, value
            ``"user_id"`` or ``"session_id"``, and what interactions were sent with there.
        before
            Microseconds since 1970. A click counts from when it was recorded, if live, else from
            when it occurred.
        limit
            How many. Clicks that are not live are put in order among the last recorded
            ``4 * limit``.
        """
        ...

    def scan(self, namespace: int, chunk: int = 2000) -> Iterator[Interaction]:
        """All of them in id order, in constant memory."""
        ...

    def unlinked(self, namespace: int, execution_ids: Sequence[str]) -> set[str]:
        """Which of these executions have interactions that lack retriever or query."""
        ...

    def link_execution(
        self, namespace: int, execution_id: str, retriever_id: str, query_snapshot: str | None
    ) -> None:
        """Fill retriever and query of interactions that came before their execution."""
        ...

    def delete(self, namespace: int, ids: Sequence[bytes]) -> int:
        """Remove interactions with their dedup marks and event ids; how many there were."""
        ...

    def ids_of_user(self, namespace: int, user_id: str, limit: int) -> list[bytes]:
        """Interactions of a user, and of that user's executions."""
        ...

    def latest_of_user(self, namespace: int, user_id: str, limit: int) -> list[Interaction]:
        """What a user did, the last recorded first.

        That is what was sent with the user_id, and what was sent with none and names one of the
        last ``limit`` executions of the user.
        """
        ...

    def ids_of_retriever(self, namespace: int, retriever_id: str, limit: int) -> list[bytes]:
        """Interactions of a retriever."""
        ...

    def ids_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        """Interactions recorded before the moment of an id."""
        ...

    def ids_before_execution(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        """Interactions from before an id whose execution was recorded after it."""
        ...


class ExecutionLog(Protocol):
    """Executions, append-only but for deletion; ``execution_id`` is unique in a namespace."""

    def claim(
        self, claims: Sequence[tuple[int, str, bytes, bytes]]
    ) -> dict[tuple[int, str], Event]:
        """Reserve (namespace, execution_id, digest, id); returns those that were taken before."""
        ...

    def append(self, executions: Sequence[Execution]) -> None:
        """Store executions whose ids were claimed in this session."""
        ...

    def get(self, namespace: int, execution_id: str) -> Execution | None:
        """One execution."""
        ...

    def meet(self, arriving: Set[tuple[int, str]], awaited: Set[tuple[int, str]]) -> None:
        """Wait for whoever is storing the other half of a pair, and make them wait for us.

        ``arriving`` are executions that this session stores, ``awaited`` executions that its
        interactions name and that it did not find. Called once, before anything is claimed.
        """
        ...

    def shown_lists(self, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], ShownList]:
        """What was shown, for many (namespace, execution_id) at once."""
        ...

    def untrimmed(
        self, namespace: int, before: bytes, limit: int
    ) -> list[tuple[bytes, str, bytes]]:
        """The next (id, shown, ranking), before an id, of those that no :meth:`trim` went over."""
        ...

    def trim(self, namespace: int, rankings: Mapping[bytes, bytes], upto: bytes) -> None:
        """Write rankings over, by id; from now on all executions up to an id are trimmed."""
        ...

    def names(self, namespace: int, ids: Sequence[bytes]) -> set[tuple[int, str]]:
        """The (namespace, execution_id) of executions."""
        ...

    def find(self, query: ExecutionQuery, limit: int, offset: int = 0) -> list[ExecutionSummary]:
        """A superset of the matches among the next rows in order, at most ``limit`` of them."""
        ...

    def count(self, query: ExecutionQuery) -> int:
        """How many rows :meth:`find` would return without limit."""
        ...

    def is_exact(self, query: ExecutionQuery) -> bool:
        """Whether :meth:`find` returns the matches and nothing else."""
        ...

    def scan(self, namespace: int, chunk: int = 500) -> Iterator[Execution]:
        """All of them in id order, in constant memory."""
        ...

    def delete(self, namespace: int, ids: Sequence[bytes]) -> int:
        """Remove executions; how many there were."""
        ...

    def ids_of_user(self, namespace: int, user_id: str, limit: int) -> list[bytes]:
        """Executions of a user."""
        ...

    def ids_of_retriever(self, namespace: int, retriever_id: str, limit: int) -> list[bytes]:
        """Executions of a retriever."""
        ...

    def ids_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        """Executions recorded before the moment of an id."""
        ...


class Receipts(Protocol):
    """What decides, in the writing transaction, whether something is new."""

    def claim_events(
        self, claims: Sequence[tuple[int, str, bytes, bytes]]
    ) -> dict[tuple[int, str], Event]:
        """Reserve (namespace, event_id, digest, id); returns those that were taken before.

        Exact for as long as the interaction is kept. Claims of one call have distinct event ids.
        """
        ...

    def release_events(self, namespace: int, event_ids: Sequence[str]) -> None:
        """Give back event ids that were claimed in this session and not used."""
        ...

    def claim_marks(
        self, claims: Sequence[tuple[bytes, bytes]], now: int, window: int
    ) -> set[bytes]:
        """Mark (dedup key, id) as stored now; returns the keys marked within ``window`` before.

        A dropped repeat does not extend the window. Keys of one call are distinct.
        """
        ...

    def claim_key(self, namespace: int, key: str, digest: bytes, now: int) -> Receipt | None:
        """Reserve an Idempotency-Key, or return the receipt it already has."""
        ...

    def keep_answer(self, namespace: int, key: str, body: str) -> None:
        """Store the answer of a key reserved in this session."""
        ...

    def expire(self, marks_before: int, keys_before: int) -> None:
        """Forget old marks and Idempotency-Keys."""
        ...

    def suppress_user(self, namespace: int, digest: bytes, now: int) -> None:
        """Remember, by digest, that a user was erased."""
        ...

    def suppressed_users(self, namespace: int) -> frozenset[bytes]:
        """Digests of erased users."""
        ...


class Catalog(Protocol):
    """Namespaces, keys, retrievers, and secrets of the instance."""

    def secret(self, name: str) -> bytes:
        """32 random bytes of this instance, made on first use by a writing session."""
        ...

    def has_secret(self, name: str) -> bool:
        """Whether it was made already."""
        ...

    def create_namespace(
        self,
        namespace_id: str,
        name: str,
        now: int,
        *,
        description: str | None = None,
        text_fields: Sequence[str] | None = None,
        fixed_vectors: bool = False,
    ) -> Namespace:
        """Raises AlreadyExists: no id or name may be another one's id or name.

        Its number is new: not even a deleted namespace had it.
        """
        ...

    def namespaces(self) -> list[Namespace]: ...

    def find_namespace(self, id_or_name: str, *, hold: bool = False) -> Namespace | None:
        """One that is held (in a writing session) is not deleted before the session ends."""
        ...

    def set_retention(self, number: int, days: int | None) -> None: ...

    def delete_namespace(self, number: int) -> None:
        """The namespace's row and its keys; the caller has emptied the logs.

        Waits for sessions that hold the namespace; whoever comes later finds none.
        """
        ...

    def add_key(self, key: Key, digest: bytes) -> None: ...

    def find_key(self, digest: bytes) -> Key | None:
        """Revoked keys are not found."""
        ...

    def api_keys(self) -> list[Key]: ...

    def revoke_key(self, key_id: str, now: int) -> bool: ...

    def create_retriever(
        self, namespace: int, id: bytes, draft: RetrieverDraft, now: int
    ) -> Retriever:
        """Raises AlreadyExists."""
        ...

    def find_retriever(
        self, namespace: int, id_or_name: str, *, hold: bool = False
    ) -> Retriever | None:
        """One that is held (in a writing session) is as it is until the session ends."""
        ...

    def retrievers(self, namespace: int) -> list[Retriever]: ...

    def with_experiment(self, namespace: int | None = None) -> list[Retriever]:
        """Retrievers that name a challenger: of a namespace, or of all."""
        ...

    def update_retriever(
        self, namespace: int, id: bytes, draft: RetrieverDraft, version: int, now: int
    ) -> Retriever | None:
        """Replace a retriever whose version is ``version``; it then has the next one.

        None when it has another version, or is not there any more: read it and try again. Raises
        AlreadyExists when another retriever has the draft's name.
        """
        ...

    def hide_retriever(self, namespace: int, id: bytes, now: int) -> None:
        """It can no longer be found and its name is free; its rows are still there."""
        ...

    def hidden_retrievers(self) -> list[tuple[int, bytes]]: ...

    def delete_retriever(self, namespace: int, id: bytes) -> None:
        """The row of a hidden retriever."""
        ...


class DocumentIndex(Protocol):
    """Documents, found by id, by filter, by words and by vectors; ``document_id`` is unique.

    Scores are larger for what fits better. Results are the best of all there are, in order, equal
    scores by document_id; a filter is decided by the one evaluator before they are counted, so that
    ``limit`` matches come back if there are as many. An index that may leave out one of the best
    (an approximate one) does so only without a filter.
    """

    def vector_indexes(self, namespace: int) -> list[VectorIndex]:
        """By name."""
        ...

    def define_vector(self, namespace: int, index: VectorIndex) -> None:
        """Raises AlreadyExists, and InvalidDocument when there are as many as there may be."""
        ...

    def text_fields(self, namespace: int) -> list[str]:
        """Those that hold something, by name."""
        ...

    def upsert(
        self,
        namespace: int,
        documents: Sequence[Document],
        *,
        text_fields: Sequence[str] | None = None,
    ) -> None:
        """Store whole documents, each instead of the one of its id; the ids are distinct.

        A document that is there keeps its ``created_at``. It is found by
        :func:`~desirepath.domain.document.texts_of` it with ``text_fields``.

        Raises
        ------
        NotFound
            A vector has the name of no index.
        InvalidDocument
            A vector does not fit its index, or there are too many text fields. The location begins
            with the number of the document.
        """
        ...

    def get(
        self,
        namespace: int,
        document_ids: Sequence[str],
        *,
        with_vectors: bool = False,
        hold: bool = False,
    ) -> dict[str, Document]:
        """By document_id; unknown ones are left out.

        What is held (in a writing session) nobody else changes before the session ends.
        """
        ...

    def delete(self, namespace: int, document_ids: Sequence[str]) -> int:
        """Remove documents; how many there were."""
        ...

    def find(
        self, namespace: int, *, filter: Filter | None = None, after: str | None = None, limit: int
    ) -> list[Document]:
        """A superset of the matches among the next documents by document_id, without vectors."""
        ...

    def is_narrowed(self, filter: Filter) -> bool:
        """Whether some condition keeps :meth:`find` from passing every document."""
        ...

    def count(self, namespace: int) -> int:
        """How many documents there are."""
        ...

    def sample(self, namespace: int, limit: int, filter: Filter | None = None) -> list[str]:
        """Ids of documents drawn at random, each as likely as any other that the filter lets pass.

        It looks at every document's id, so it is for namespaces of some 100,000 at most.
        """
        ...

    def search_text(
        self,
        namespace: int,
        fields: Sequence[str],
        query: str,
        limit: int,
        filter: Filter | None = None,
    ) -> list[tuple[str, float]]:
        """The documents with any of the query's words, by the sum of their BM25 over the fields.

        BM25 has k1 = 1.2 and b = 0.75, over the texts of one field in this namespace. Words are
        compared without case and diacritics, by their English stem. The first 64 different words
        of a query count.

        Raises
        ------
        NotFound
            No document ever had such a field.
        """
        ...

    def search_vector(
        self,
        namespace: int,
        index: str,
        vector: Sequence[float],
        limit: int,
        filter: Filter | None = None,
    ) -> list[tuple[str, float]]:
        """The documents with the nearest vectors: cosine, dot product, or 1 / (1 + distance).

        Raises
        ------
        NotFound
            There is no such index.
        InvalidDocument
            The vector does not fit the index.
        """
        ...

    def clear(self, namespace: int) -> None:
        """Remove all documents, text fields and vector indexes."""
        ...


class Rejections(Protocol):
    """What was refused, for a while."""

    def keep(self, namespace: int, rejections: Sequence[Rejection]) -> None: ...

    def find(self, namespace: int, limit: int, before: bytes | None = None) -> list[Rejection]:
        """Newest first."""
        ...

    def expire(self, before: bytes, keep: int) -> None:
        """Remove what is older than an id, and all but the newest ``keep`` of each namespace."""
        ...

    def delete_mentions(self, namespace: int, text: str) -> int:
        """Remove rejections and stored answers whose text contains this text."""
        ...


class Tally(Struct, frozen=True, kw_only=True):
    """Interactions with the same types and retriever, counted; see :class:`Summaries`.

    Of the ``n`` interactions: ``no_execution`` name none; ``no_session`` have no session_id;
    ``first_position`` and ``second_position`` are at positions 0 and 1; ``beyond_results`` are at
    a position outside their result_set_size; ``clamped`` came with a time in the future.
    """

    types: str
    retriever_id: str | None
    n: int
    no_execution: int
    no_session: int
    first_position: int
    second_position: int
    beyond_results: int
    clamped: int
    first_occurred_at: int
    last_occurred_at: int


class QueryCount(Struct, frozen=True):
    """A query with two counts; which ones, the method says.

    ``query`` is the text under "query", "q" or "text", the first of them that is a text; else the
    whole object as compact JSON.
    """

    query: str
    n: int
    m: int


class ListChecks(Struct, frozen=True):
    """Interactions held against the list of their execution.

    Of ``n`` whose execution is known: ``not_listed`` name a document that it did not list,
    ``beyond_list`` have no result_set_size and a position that the list does not have.
    """

    n: int
    not_listed: int
    beyond_list: int


class Summaries(Protocol):
    """Grouped counts over a namespace's log, computed in the database.

    ``types`` parameters are comma-joined types as :meth:`tally` returns them. Each method reads
    the log once at most.
    """

    def tally(self, namespace: int) -> list[Tally]:
        """Every interaction is counted in exactly one tally."""
        ...

    def by_hour(self, namespace: int, since: int) -> list[tuple[int, str, int]]:
        """(hour of occurred_at in microseconds, comma-joined types, interactions)."""
        ...

    def lists(self, namespace: int) -> list[tuple[str, int, int, int]]:
        """(retriever_id, offset, number of documents, executions)."""
        ...

    def zero_results(self, namespace: int) -> tuple[int, int]:
        """Executions with inputs, and of these those that found nothing.

        They have no document, from the first position on, and no ``total`` that says otherwise.
        """
        ...

    def by_position(
        self,
        namespace: int,
        types: Sequence[str],
        wanted: Sequence[str],
        retrievers: Sequence[str | None],
        since: Mapping[str | None, int],
        below: int,
        *,
        known: bool,
    ) -> list[tuple[int, int, int]]:
        """(position, distinct (execution, document) pairs, of these with one of ``wanted``).

        Of interactions with one of ``types``, of these retrievers, that name an execution (with
        ``known``: one that is known) and a position less than ``below``; for a retriever in
        ``since``, that occurred then or later. A pair with several positions has the least.
        """
        ...

    def list_checks(self, namespace: int, types: Sequence[str], limit: int) -> ListChecks:
        """The last recorded interactions with one of ``types``, against their lists."""
        ...

    def unknown_executions(self, namespace: int) -> int:
        """Interactions that name an execution which is not known."""
        ...

    def sessions_of_executions(self, namespace: int) -> int:
        """Interactions without session_id whose execution has one."""
        ...

    def searches(self, namespace: int, limit: int, *, empty_only: bool = False) -> list[QueryCount]:
        """Executions by query, and of these those that found nothing; most first.

        ``empty_only`` counts none but those.
        """
        ...

    def recent_searches(self, namespace: int, limit: int) -> list[tuple[str, str]]:
        """(query, user_id, else session_id, else execution_id) of the last executions.

        Newest first; those without inputs are left out of the ``limit``.
        """
        ...

    def interaction_counts(
        self,
        namespace: int,
        types: Sequence[str],
        since: int,
        limit: int,
        document_ids: Sequence[str] | None = None,
    ) -> dict[str, int]:
        """How many identities reacted to each of some documents, or of all.

        Of the last ``limit`` interactions recorded at ``since`` or later, those count that occurred
        then or later and have one of ``types`` among theirs (single types, not joined ones). An
        identity is a user_id, else a session_id, else one interaction. Documents that nobody
        reacted to are left out.
        """
        ...

    def reactions(
        self, namespace: int, types: Sequence[str], limit: int, queries: Sequence[str] | None
    ) -> list[QueryCount]:
        """Distinct (execution, document) pairs by query, and distinct executions; most first.

        Of interactions with one of ``types`` and a query_snapshot; with ``queries``, of these
        only. An interaction that names no execution is a pair of its own.
        """
        ...

    def misses(self, namespace: int, types: Sequence[str], limit: int) -> list[tuple[str, int]]:
        """(query, searches) of interactions with one of ``types``, most first.

        Several of one execution are one search; executions known to have found nothing are left
        out, as by :meth:`zero_results`.
        """
        ...

    def documents(self, namespace: int, types: Sequence[str], limit: int) -> list[tuple[str, int]]:
        """(feature_id, interactions with one of ``types``), most first."""
        ...

    def identities(self, namespace: int, limit: int) -> list[tuple[str, int]]:
        """(user_id, or session_id where there is none; interactions), most first."""
        ...


class Health(Struct, frozen=True, kw_only=True):
    """What the database will do with a write."""

    backend: str
    version: str
    schema: str
    durability: str
    file_system: str | None = None
    size_bytes: int | None = None
    free_bytes: int | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """What a monitor asks every few seconds; None where it does not apply."""

    connections_in_use: int | None = None
    wal_bytes: int | None = None
    free_bytes: int | None = None


class Session(Protocol):
    """A transaction: the roles, and the database's clock."""

    @property
    def interactions(self) -> InteractionLog: ...
    @property
    def executions(self) -> ExecutionLog: ...
    @property
    def receipts(self) -> Receipts: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def documents(self) -> DocumentIndex: ...
    @property
    def rejections(self) -> Rejections: ...
    @property
    def summaries(self) -> Summaries: ...
    @property
    def learned(self) -> Learned: ...
    @property
    def extracts(self) -> Extracts: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def assessments(self) -> Assessments: ...

    @property
    def experiments(self) -> Experiments: ...
    @property
    def jobs(self) -> Jobs: ...

    def now(self) -> int:
        """The time of the clock that all processes on this database share, microseconds."""
        ...


class Storage(Protocol):
    """A database that is open.

    Raises everywhere: StorageUnavailable when the database cannot be reached or is locked,
    StorageFull when the disk is, StorageCorrupt when the file is damaged. Each of the first two
    means that nothing of the session was stored.
    """

    cheap_reads: bool
    """Whether a read by key is so quick that an event loop may wait for it."""

    def read(self, seconds: float | None = None) -> AbstractContextManager[Session]:
        """A session that sees one moment and changes nothing.

        A statement that runs longer than ``seconds`` ends with QueryTooSlow.
        """
        ...

    def write(self) -> AbstractContextManager[Session]:
        """A session that is durable, whole, once its ``with`` has ended without an error."""
        ...

    def health(self) -> Health: ...

    def figures(self) -> Figures:
        """How it stands, without asking the database anything."""
        ...

    def tidy(self, now: int) -> None:
        """Back-end housekeeping: partitions ahead, checkpoints."""
        ...

    def drop_before(self, bound: bytes) -> None:
        """Remove rows of all namespaces recorded before the moment of an id, where that is cheap.

        Only whole partitions go; what is left is deleted row by row by the caller.
        """
        ...

    def scrub(self, trace: str = "") -> None:
        """Make what was deleted unreadable in the files, as far as this back end can.

        Parameters
        ----------
        trace
            A text that was deleted everywhere and must not be found any more.
        """
        ...

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        """Copy into a new file, which appears when it is whole.

        ``progress`` is told (bytes done, bytes in all) now and then.
        """
        ...

    def close(self) -> None: ...
