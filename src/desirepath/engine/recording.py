"""Record executions and interactions: exactly once, joined to each other, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.execution import Execution, ExecutionDraft, ShownList
from desirepath.domain.ids import IdGenerator, format_id
from desirepath.domain.interaction import Interaction, InteractionDraft, dedup_key
from desirepath.domain.plain_json import object_text
from desirepath.domain.ranking import Ranking
from desirepath.domain.reward import Reward, default_reward
from desirepath.domain.warnings import warning_for
from desirepath.errors import (
    DesirepathError,
    EventConflict,
    IdempotencyConflict,
    InvalidExecution,
    InvalidInteraction,
)
from desirepath.storage.base import Receipt, Session

__all__ = [
    "Idempotency",
    "Learning",
    "Outcome",
    "RecordingRules",
    "Replay",
    "SentExecution",
    "SentInteraction",
    "Submission",
    "record",
    "user_digest",
]


class Learning(Struct, frozen=True):
    """What learns from what is recorded, in the same transaction.

    Parameters
    ----------
    learn
        From executions (namespace, execution_id) that are new, or whose interactions changed, at
        a moment.
    rank
        Says how an execution of another engine was ranked, from its scores; None: not known.
    reward
        What interactions of a retriever (namespace, retriever_id) are worth.
    learn_lone
        From new interactions that name a feature and whose execution is not known.
    unlearn_lone
        What interactions taught by themselves, as executions (namespace, execution_id) arrive that
        they name.
    """

    learn: Callable[[Session, Set[tuple[int, str]], int], None]
    rank: Callable[[Session, Execution], Ranking | None]
    reward: Callable[[int, str], Reward]
    learn_lone: Callable[[Session, Sequence[Interaction], int], None]
    unlearn_lone: Callable[[Session, Set[tuple[int, str]], int], None]


NOTHING_LEARNS = Learning(
    learn=lambda *_: None,
    rank=lambda *_: None,
    reward=lambda *_: default_reward,
    learn_lone=lambda *_: None,
    unlearn_lone=lambda *_: None,
)


class RecordingRules(Struct, frozen=True, kw_only=True):
    """The settings that recording follows.

    Parameters
    ----------
    dedup_window
        Microseconds in which a repeat of (execution, document, types) is dropped.
    session_window
        Microseconds after which an interaction, by its age, is no longer live.
    require_execution_id
        Whether an interaction with a retriever_id must name its execution.
    pool_window
        Microseconds after which candidates that were not shown are forgotten; 0: never.
    """

    dedup_window: int = 300_000_000
    session_window: int = 3_600_000_000
    require_execution_id: bool = False
    pool_window: int = 0


class SentInteraction(Struct, frozen=True):
    """An interaction that passed its checks, or why it did not."""

    draft: InteractionDraft | None
    ignored_keys: tuple[str, ...] = ()
    error: DesirepathError | None = None


class SentExecution(Struct, frozen=True):
    """An execution that passed its checks, or why it did not."""

    draft: ExecutionDraft | None
    retriever_id: str
    error: DesirepathError | None = None


class Idempotency(Struct, frozen=True):
    """An Idempotency-Key with the digest of its request and how its answer is written down."""

    key: str
    digest: bytes
    write: Callable[[Sequence[Outcome]], str]


class Submission(Struct, frozen=True, kw_only=True):
    """What one request brings.

    ``served`` are executions of our own, with ids of our own. ``deduplicate`` drops repeats within
    the window (single creates); ``suppress`` refuses erased users (imports).
    """

    namespace: int
    executions: Sequence[SentExecution] = ()
    served: Sequence[Execution] = ()
    interactions: Sequence[SentInteraction] = ()
    deduplicate: bool = False
    suppress: bool = False
    idempotency: Idempotency | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one execution or interaction.

    Exactly one of ``error``, ``interaction`` and ``execution`` is set. ``repeated`` says that
    nothing new was stored: with ``interaction.id`` empty it repeated another one within the
    window, else it is the one that was stored when its event_id (or execution_id) came first.
    """

    interaction: Interaction | None = None
    execution: Execution | None = None
    repeated: bool = False
    error: DesirepathError | None = None


class Replay(Struct, frozen=True):
    """The answer that the same Idempotency-Key got before."""

    body: str


def record(
    session: Session,
    submissions: Sequence[Submission],
    rules: RecordingRules,
    make_id: IdGenerator,
    retriever_id_of: Callable[[int, str], str | None],
    learning: Learning = NOTHING_LEARNS,
) -> list[list[Outcome] | Replay | DesirepathError]:
    """Record what several requests brought, in the session's transaction.

    Executions come first, so that interactions of the same group find them.

    Parameters
    ----------
    learning
        What learns from it.

    Returns
    -------
    list
        Per submission: its outcomes, executions before interactions, in the order sent; or the
        answer its Idempotency-Key already has, or why that key cannot be used.
    """
    now = session.now()
    first_of_key, answers = _claim_keys(session, submissions, now)
    fresh = [index for index in range(len(submissions)) if index not in answers]
    group = _Group(
        session,
        [submissions[index] for index in fresh],
        rules,
        make_id,
        retriever_id_of,
        now,
        learning,
    )
    outcomes = dict(zip(fresh, group.record(), strict=True))
    key_to_receipt = {}
    for key, index in first_of_key.items():
        idempotency = submissions[index].idempotency
        assert idempotency is not None
        body = idempotency.write(outcomes[index])
        session.receipts.keep_answer(*key, body)
        key_to_receipt[key] = Receipt(idempotency.digest, body)
    return [
        outcomes[index]
        if index in outcomes
        else _answer(submission, answers[index], key_to_receipt)
        for index, submission in enumerate(submissions)
    ]


_Key = tuple[int, str]


def _claim_keys(
    session: Session, submissions: Sequence[Submission], now: int
) -> tuple[dict[_Key, int], dict[int, Receipt | None]]:
    """Claim the Idempotency-Keys, in one order for all processes.

    Returns
    -------
    tuple
        By key which submission comes first with it; by submission that comes later the receipt
        that its key already has, None when that will be the receipt of one in this group.
    """
    keyed = [
        ((submission.namespace, submission.idempotency.key), index, submission.idempotency.digest)
        for index, submission in enumerate(submissions)
        if submission.idempotency is not None
    ]
    first_of_key: dict[_Key, int] = {}
    later: dict[int, Receipt | None] = {}
    for key, index, digest in sorted(keyed):
        if key in first_of_key:
            later[index] = None
        else:
            receipt = session.receipts.claim_key(*key, digest, now)
            if receipt is None:
                first_of_key[key] = index
            else:
                later[index] = receipt
    return first_of_key, later


def _answer(
    submission: Submission, receipt: Receipt | None, key_to_receipt: dict[_Key, Receipt]
) -> Replay | DesirepathError:
    """The answer to a submission whose Idempotency-Key was used before."""
    idempotency = submission.idempotency
    assert idempotency is not None
    receipt = receipt or key_to_receipt[submission.namespace, idempotency.key]
    return Replay(receipt.body) if receipt.digest == idempotency.digest else IdempotencyConflict()


class _Slot:
    """One execution or interaction on its way: what was sent, and what becomes of it."""

    __slots__ = ("digest", "mark", "name", "namespace", "outcome", "sent", "submission")

    def __init__(self, submission: Submission, sent: SentInteraction | SentExecution) -> None:
        self.submission = submission
        self.namespace = submission.namespace
        self.sent = sent
        self.name: tuple[int, str] | None = None  # what must be unique: event or execution id
        self.mark: bytes | None = None  # what must not repeat within the window
        self.digest = b""
        self.outcome: Outcome | None = None if sent.error is None else Outcome(error=sent.error)


class _Group:
    """The steps of recording a group; each step is one or two statements for all of it."""

    def __init__(
        self,
        session: Session,
        submissions: Sequence[Submission],
        rules: RecordingRules,
        make_id: IdGenerator,
        retriever_id_of: Callable[[int, str], str | None],
        now: int,
        learning: Learning,
    ) -> None:
        self._session = session
        self._submissions = submissions
        self._rules = rules
        self._make_id = make_id
        self._retriever_id_of = retriever_id_of
        self._now = now
        self._learning = learning
        self._taught: set[tuple[int, str]] = set()
        self._lone: list[Interaction] = []
        self._shown: dict[tuple[int, str], ShownList] = {}
        self._suppressed = {
            submission.namespace: session.receipts.suppressed_users(submission.namespace)
            for submission in submissions
            if submission.suppress
        }

    def record(self) -> list[list[Outcome]]:
        self._append_served()
        executions = [[_Slot(s, sent) for sent in s.executions] for s in self._submissions]
        interactions = [[_Slot(s, sent) for sent in s.interactions] for s in self._submissions]
        arriving = _prepared(executions, self._prepare_execution)
        acting = _prepared(interactions, self._prepare_interaction)
        named = _executions_of(acting)
        self._meet(arriving, named)
        for wave in _waves(arriving):
            self._record_executions(wave)
        self._find_shown(named)
        for wave in _waves(acting):
            self._record_interactions(wave)
        if self._taught:
            self._learning.learn(self._session, self._taught, self._now)
        if self._lone:
            self._learning.learn_lone(self._session, self._lone, self._now)
        return [
            [slot.outcome for slot in (*ahead, *row) if slot.outcome is not None]
            for ahead, row in zip(executions, interactions, strict=True)
        ]

    def _append_served(self) -> None:
        served = [execution for s in self._submissions for execution in s.served]
        if served:
            self._session.executions.claim(
                [(e.namespace, e.execution_id, b"", e.id) for e in served]
            )
            self._session.executions.append(served)

    def _meet(self, arriving: Sequence[_Slot], named: Set[tuple[int, str]]) -> None:
        """Go on once nobody else is storing one half of a pair of which we have the other.

        An execution and its interaction that arrive in two transactions at once would not see each
        other, and nobody would join them.
        """
        self._find_shown(named)
        self._session.executions.meet(
            {slot.name for slot in arriving if slot.name is not None}, named - self._shown.keys()
        )

    def _find_shown(self, named: Set[tuple[int, str]]) -> None:
        """Look up what executions showed, of those that are not known already."""
        missing = named - self._shown.keys()
        if missing:
            self._shown |= self._session.executions.shown_lists(missing)

    # Executions

    def _prepare_execution(self, slot: _Slot) -> None:
        draft = slot.sent.draft
        assert isinstance(draft, ExecutionDraft)
        assert isinstance(slot.sent, SentExecution)
        if self._is_suppressed(slot, draft.user_id):
            slot.outcome = Outcome(
                error=InvalidExecution("The user of this execution was erased.", ("user_id",))
            )
        elif draft.execution_id is not None:
            slot.name = (slot.namespace, draft.execution_id)
            slot.digest = _execution_digest(draft, slot.sent.retriever_id)

    def _record_executions(self, slots: Sequence[_Slot]) -> None:
        slot_and_new = [(slot, self._execution(slot)) for slot in slots]
        taken = self._session.executions.claim(
            [(e.namespace, e.execution_id, slot.digest, e.id) for slot, e in slot_and_new]
        )
        new = []
        for slot, execution in slot_and_new:
            event = taken.get((execution.namespace, execution.execution_id))
            if event is None:
                new.append(execution)
                slot.outcome = Outcome(execution=execution)
            elif event.digest != slot.digest:
                slot.outcome = Outcome(error=EventConflict(_EXECUTION_CONFLICT))
            else:
                stored = self._session.executions.get(execution.namespace, execution.execution_id)
                slot.outcome = Outcome(execution=stored or execution, repeated=True)
        new = [self._ranked(execution) for execution in new]
        self._session.executions.append(new)
        self._link(new)
        named = {slot.name for slot, _ in slot_and_new if slot.name is not None}
        if named:  # whose id is ours, nobody knew before
            self._learning.unlearn_lone(self._session, named, self._now)
        self._taught |= {
            (e.namespace, e.execution_id)
            for e in new
            if e.ranking is not None and e.ranking.algorithm is not None
        }

    def _ranked(self, execution: Execution) -> Execution:
        ranking = self._learning.rank(self._session, execution)
        return execution if ranking is None else replace(execution, ranking=ranking)

    def _execution(self, slot: _Slot) -> Execution:
        draft = slot.sent.draft
        assert isinstance(draft, ExecutionDraft)
        assert isinstance(slot.sent, SentExecution)
        id = self._make_id.next(self._now)
        occurred_at = draft.occurred_at_us
        return Execution(
            id=id,
            namespace=slot.namespace,
            execution_id=draft.execution_id or format_id("exec", id),
            retriever_id=slot.sent.retriever_id,
            documents=tuple(draft.documents),
            inputs=draft.inputs,
            user_id=draft.user_id,
            session_id=draft.session_id,
            configuration=draft.configuration,
            metadata=draft.metadata,
            offset=draft.offset,
            total=draft.total,
            occurred_at=self._now if occurred_at is None else min(occurred_at, self._now),
            live=occurred_at is None,
        )

    def _link(self, executions: Sequence[Execution]) -> None:
        """Join interactions that came before their execution."""
        log = self._session.interactions
        by_namespace: dict[int, dict[str, Execution]] = {}
        for execution in executions:
            by_namespace.setdefault(execution.namespace, {})[execution.execution_id] = execution
        for namespace, name_to_execution in by_namespace.items():
            for name in log.unlinked(namespace, list(name_to_execution)):
                execution = name_to_execution[name]
                log.link_execution(
                    namespace, name, execution.retriever_id, object_text(execution.inputs)
                )

    # Interactions

    def _prepare_interaction(self, slot: _Slot) -> None:
        draft = slot.sent.draft
        assert isinstance(draft, InteractionDraft)
        if (
            self._rules.require_execution_id
            and draft.retriever_id is not None
            and draft.execution_id is None
        ):
            error = InvalidInteraction(
                "execution_id is required with retriever_id.", ("execution_id",)
            )
            slot.outcome = Outcome(error=error)
        elif self._is_suppressed(slot, draft.user_id):
            error = InvalidInteraction("The user of this interaction was erased.", ("user_id",))
            slot.outcome = Outcome(error=error)
        if draft.event_id is not None:
            slot.name = (slot.namespace, draft.event_id)
            slot.digest = draft.digest()
        if slot.submission.deduplicate:
            slot.mark = dedup_key(slot.namespace, draft.execution_id, draft.feature_id, draft.types)

    def _record_interactions(self, slots: Sequence[_Slot]) -> None:
        slot_to_id = dict(zip(slots, self._make_id.take(self._now, len(slots)), strict=True))
        self._claim_events(slot_to_id)
        fresh = [slot for slot in slots if slot.outcome is None]
        lost = self._claim_marks(fresh, slot_to_id)
        new = []
        for slot in fresh:
            interaction = self._interaction(slot, slot_to_id[slot])
            if slot.mark in lost:
                repeat = replace(interaction, id=b"", warning=None)
                slot.outcome = Outcome(interaction=repeat, repeated=True)
            else:
                slot.outcome = Outcome(interaction=interaction)
                new.append(interaction)
                self._note_taught(interaction)
        self._session.interactions.append(new)

    def _note_taught(self, interaction: Interaction) -> None:
        key = (interaction.namespace, interaction.execution_id or "")
        shown = self._shown.get(key)
        if shown is None:
            if interaction.feature_uri is not None and interaction.retriever_id is not None:
                self._lone.append(interaction)
        elif shown.teaches:
            self._taught.add(key)

    def _claim_events(self, slot_to_id: dict[_Slot, bytes]) -> None:
        named = {slot.name: slot for slot in slot_to_id if slot.name is not None}
        taken = self._session.receipts.claim_events(
            [(*name, slot.digest, slot_to_id[slot]) for name, slot in named.items()]
        )
        same = {
            named[name]: (name[0], event.id)
            for name, event in taken.items()
            if event.digest == named[name].digest
        }
        stored = self._session.interactions.get(list(same.values())) if same else {}
        for name in taken:
            slot = named[name]
            if slot in same:
                slot.outcome = Outcome(interaction=stored[same[slot]], repeated=True)
            else:
                slot.outcome = Outcome(error=EventConflict(_EVENT_CONFLICT))

    def _claim_marks(self, slots: Sequence[_Slot], slot_to_id: dict[_Slot, bytes]) -> set[bytes]:
        claims = [(slot.mark, slot_to_id[slot]) for slot in slots if slot.mark is not None]
        lost = self._session.receipts.claim_marks(claims, self._now, self._rules.dedup_window)
        for slot in slots:
            if slot.mark in lost and slot.name is not None:
                namespace, event_id = slot.name
                self._session.receipts.release_events(namespace, [event_id])
        return lost

    def _interaction(self, slot: _Slot, id: bytes) -> Interaction:
        sent = slot.sent
        assert isinstance(sent, SentInteraction)
        assert sent.draft is not None
        draft = sent.draft
        shown = None
        if draft.execution_id is not None:
            shown = self._shown.get((slot.namespace, draft.execution_id))
        occurred_at, live, clamped = self._time_of(draft)
        resolved = self._retriever_id(slot.namespace, draft.retriever_id, shown)
        retriever_id = resolved or draft.retriever_id or (shown.retriever_id if shown else None)
        types = draft.types
        return Interaction(
            id=id,
            namespace=slot.namespace,
            feature_id=draft.feature_id,
            types=types,
            position=draft.position,
            metadata_json=_without_reward(draft.metadata),
            user_id=draft.user_id,
            session_id=draft.session_id,
            execution_id=draft.execution_id,
            retriever_id=retriever_id,
            query_json=(
                object_text(draft.query_snapshot)
                if draft.query_snapshot is not None or shown is None
                else shown.inputs_json
            ),
            document_score=_unsigned_zero(draft.document_score),
            result_set_size=draft.result_set_size,
            feature_uri=draft.feature_uri,
            event_id=draft.event_id,
            occurred_at=occurred_at,
            live=live,
            reward=self._reward_of(slot.namespace, retriever_id)(types),
            warning=warning_for(
                draft,
                shown=shown,
                retriever_id=resolved,
                clamped=clamped,
                ignored_keys=sent.ignored_keys,
            ),
        )

    def _reward_of(self, namespace: int, retriever_id: str | None) -> Reward:
        if retriever_id is None:
            return default_reward
        return self._learning.reward(namespace, retriever_id)

    def _retriever_id(
        self, namespace: int, sent: str | None, shown: ShownList | None
    ) -> str | None:
        """The id of the retriever that was named, by id or name; None when there is none."""
        if sent is None or (shown is not None and shown.retriever_id == sent):
            return sent
        return self._retriever_id_of(namespace, sent)

    def _time_of(self, draft: InteractionDraft) -> tuple[int, bool, bool]:
        """(occurred_at, live, clamped)"""
        if draft.age_ms is not None:
            age = draft.age_ms * 1000
            return max(self._now - age, 0), age <= self._rules.session_window, False
        occurred_at = draft.occurred_at_us
        if occurred_at is None:
            return self._now, True, False
        return min(occurred_at, self._now), False, occurred_at > self._now

    def _is_suppressed(self, slot: _Slot, user_id: str | None) -> bool:
        return (
            user_id is not None
            and slot.submission.suppress
            and user_digest(slot.namespace, user_id) in self._suppressed[slot.namespace]
        )


_EVENT_CONFLICT = "This event_id was used before with other content; nothing was stored."
_EXECUTION_CONFLICT = "This execution_id was used before with other content; nothing was stored."


def _prepared(rows: Sequence[Sequence[_Slot]], prepare: Callable[[_Slot], None]) -> list[_Slot]:
    for row in rows:
        for slot in row:
            if slot.outcome is None:
                prepare(slot)
    return [slot for row in rows for slot in row if slot.outcome is None]


def _executions_of(slots: Sequence[_Slot]) -> set[tuple[int, str]]:
    return {
        (slot.namespace, slot.sent.draft.execution_id)
        for slot in slots
        if slot.sent.draft is not None and slot.sent.draft.execution_id is not None
    }


def _waves(slots: list[_Slot]) -> Iterator[list[_Slot]]:
    """Split so that no wave has the same name or mark twice; nearly always one wave."""
    if slots and all(slot.name is None and slot.mark is None for slot in slots):
        yield slots
        return
    while slots:
        used: set[object] = set()
        wave, later = [], []
        for slot in slots:
            keys = {key for key in (slot.name, slot.mark) if key is not None}
            if used.isdisjoint(keys):
                used |= keys
                wave.append(slot)
            else:
                later.append(slot)
        yield wave
        slots = later


def _without_reward(metadata: dict[str, Any] | None) -> str | None:
    """As JSON text; ``reward_value`` is the server's to set: a client's is dropped."""
    if metadata is not None and "reward_value" in metadata:
        metadata = {key: value for key, value in metadata.items() if key != "reward_value"}
    return object_text(metadata)


def _unsigned_zero(number: float | None) -> float | None:
    """-0.0 is 0.0: in a column SQLite does not keep the sign of a zero."""
    return None if number is None else number + 0.0


def _execution_digest(draft: ExecutionDraft, retriever_id: str) -> bytes:
    return hashlib.sha256(draft.digest() + retriever_id.encode()).digest()


def user_digest(namespace: int, user_id: str) -> bytes:
    """How an erased user is remembered without being known."""
    return hashlib.sha256(f"{namespace}\x00{user_id}".encode()).digest()
