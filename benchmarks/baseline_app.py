"""The baseline: what a user would write in an afternoon with FastAPI and the SQLAlchemy ORM.

Idiomatic, not tuned and not crippled: pydantic models in and out, plain ``def`` endpoints, an ORM
session and a durable commit per request, SQLite in WAL mode with ``synchronous=FULL``. It does the
same work as the measured requests of the product: authentication (one SELECT per request, not
cached), the known execution (one SELECT), deduplication (one SELECT) and the same secondary
indexes. Where a choice was open, the one that is faster for the baseline was taken: an integer
primary key, no reload after commit, no session held by a dependency (with 64 concurrent requests
that starves the connection pool), a busy timeout long enough that no request fails.

Run by ``python -m benchmarks``; by hand::

    BASELINE_DATABASE=/tmp/baseline.db BASELINE_KEY=secret \\
        python -m uvicorn --factory benchmarks.baseline_app:create_app --port 8001
"""

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import JSON, Engine, ForeignKey, Index, create_engine, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

DEDUP_WINDOW = timedelta(minutes=5)
BUSY_TIMEOUT_SECONDS = 60


class Base(DeclarativeBase):
    """The tables of the baseline."""


class ApiKey(Base):
    """A key that may call the API; only its hash is stored."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(unique=True)


class Execution(Base):
    """One search request that was served."""

    __tablename__ = "executions"

    execution_id: Mapped[str] = mapped_column(primary_key=True)
    retriever_id: Mapped[str]
    user_id: Mapped[str | None]
    session_id: Mapped[str | None]
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON)


class Interaction(Base):
    """One thing a person did with a search result."""

    __tablename__ = "interactions"
    __table_args__ = (
        Index("ix_interactions_retriever", "retriever_id", "id"),
        Index("ix_interactions_session", "session_id", "id"),
        Index("ix_interactions_execution", "execution_id"),
        Index("ix_interactions_user", "user_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str | None] = mapped_column(unique=True)
    feature_id: Mapped[str]
    interaction_type: Mapped[list[str]] = mapped_column(JSON)
    position: Mapped[int]
    details: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSON)
    user_id: Mapped[str | None]
    session_id: Mapped[str | None]
    execution_id: Mapped[str | None] = mapped_column(ForeignKey("executions.execution_id"))
    retriever_id: Mapped[str | None]
    query_snapshot: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    document_score: Mapped[float | None]
    result_set_size: Mapped[int | None]
    feature_uri: Mapped[str | None]
    timestamp: Mapped[datetime]
    occurred_at: Mapped[datetime]
    live: Mapped[bool]


class InteractionIn(BaseModel):
    """An interaction as the client sends it."""

    feature_id: str = Field(min_length=1, max_length=256)
    interaction_type: list[str] = Field(min_length=1)
    position: int = Field(ge=0)
    metadata: dict[str, Any] | None = None
    user_id: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    retriever_id: str | None = None
    query_snapshot: dict[str, Any] | None = None
    document_score: float | None = None
    result_set_size: int | None = Field(default=None, ge=1)
    feature_uri: str | None = None
    occurred_at: AwareDatetime | None = None
    event_id: str | None = None


class InteractionOut(InteractionIn):
    """An interaction as the service answers it."""

    interaction_id: str | None
    timestamp: datetime | None = None
    deduplicated: bool = False

    @classmethod
    def of_row(cls, row: Interaction) -> Self:
        return cls(
            interaction_id=str(row.id),
            event_id=row.event_id,
            feature_id=row.feature_id,
            interaction_type=row.interaction_type,
            position=row.position,
            metadata=row.details,
            user_id=row.user_id,
            session_id=row.session_id,
            execution_id=row.execution_id,
            retriever_id=row.retriever_id,
            query_snapshot=row.query_snapshot,
            document_score=row.document_score,
            result_set_size=row.result_set_size,
            feature_uri=row.feature_uri,
            timestamp=row.timestamp.replace(tzinfo=UTC),
            occurred_at=row.occurred_at.replace(tzinfo=UTC),
        )

    @classmethod
    def of_repeat(cls, sent: InteractionIn) -> Self:
        return cls(**sent.model_dump(), interaction_id=None, deduplicated=True)


class BatchIn(BaseModel):
    """Up to 1,000 interactions in one request."""

    interactions: list[InteractionIn] = Field(min_length=1, max_length=1000)


class BatchResult(BaseModel):
    """What became of one interaction of a batch."""

    index: int
    interaction_id: str
    status: str = "created"


class BatchOut(BaseModel):
    """What became of a batch."""

    created: int
    failed: int = 0
    results: list[BatchResult]


def open_engine(path: str) -> Engine:
    """Open the SQLite file in WAL mode, with every commit synced to disk."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def prepare_database(path: str, key: str) -> None:
    """Create the tables and the API key where they are missing."""
    engine = open_engine(path)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        if session.scalar(select(ApiKey.id).where(ApiKey.key_hash == hash_key(key))) is None:
            session.add(ApiKey(key_hash=hash_key(key)))
            session.commit()
    engine.dispose()


async def get_sessions(request: Request) -> sessionmaker[Session]:
    sessions: sessionmaker[Session] = request.app.state.sessions
    return sessions


Sessions = Annotated[sessionmaker[Session], Depends(get_sessions)]
Credentials = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]


def require_key(sessions: Sessions, credentials: Credentials) -> None:
    query = select(ApiKey.id).where(ApiKey.key_hash == hash_key(credentials.credentials))
    with sessions() as session:
        known = session.scalar(query)
    if known is None:
        raise HTTPException(401, "Unknown API key")


def find_repeat(session: Session, sent: InteractionIn, now: datetime) -> Interaction | None:
    """Find the same action on the same result within the deduplication window."""
    if sent.execution_id is None:
        return None
    query = select(Interaction).where(
        Interaction.execution_id == sent.execution_id,
        Interaction.feature_id == sent.feature_id,
        Interaction.timestamp >= now - DEDUP_WINDOW,
    )
    types = set(sent.interaction_type)
    return next((row for row in session.scalars(query) if set(row.interaction_type) == types), None)


def find_event(session: Session, event_id: str | None) -> Interaction | None:
    if event_id is None:
        return None
    return session.scalar(select(Interaction).where(Interaction.event_id == event_id))


def find_executions(session: Session, sent: Sequence[InteractionIn]) -> dict[str, Execution]:
    ids = {item.execution_id for item in sent if item.execution_id is not None}
    query = select(Execution).where(Execution.execution_id.in_(ids))
    return {execution.execution_id: execution for execution in session.scalars(query)}


def new_row(sent: InteractionIn, execution: Execution | None, now: datetime) -> Interaction:
    """Make the row to store, filled up from its execution."""
    fields = sent.model_dump(exclude={"metadata", "occurred_at"})
    row = Interaction(**fields, details=sent.metadata, timestamp=now, live=sent.occurred_at is None)
    row.occurred_at = min(sent.occurred_at, now) if sent.occurred_at else now
    if execution is not None:
        row.retriever_id = row.retriever_id or execution.retriever_id
        row.query_snapshot = row.query_snapshot or execution.inputs
    return row


router = APIRouter(prefix="/v1/retrievers/interactions", dependencies=[Depends(require_key)])


@router.post("")
def create_interaction(sent: InteractionIn, sessions: Sessions) -> InteractionOut:
    now = datetime.now(UTC)
    with sessions() as session:
        if known := find_event(session, sent.event_id):
            return InteractionOut.of_row(known)
        if find_repeat(session, sent, now):
            return InteractionOut.of_repeat(sent)
        execution = session.get(Execution, sent.execution_id) if sent.execution_id else None
        row = new_row(sent, execution, now)
        session.add(row)
        try:
            session.commit()
        except IntegrityError:  # another request stored the same event_id meanwhile
            session.rollback()
            known = find_event(session, sent.event_id)
            if known is None:
                raise
            return InteractionOut.of_row(known)
        return InteractionOut.of_row(row)


@router.post("/batch")
def create_batch(sent: BatchIn, sessions: Sessions) -> BatchOut:
    now = datetime.now(UTC)
    with sessions() as session:
        executions = find_executions(session, sent.interactions)
        rows = [
            new_row(item, executions.get(item.execution_id or ""), now)
            for item in sent.interactions
        ]
        session.add_all(rows)
        session.commit()
    results = [
        BatchResult(index=index, interaction_id=str(row.id)) for index, row in enumerate(rows)
    ]
    return BatchOut(created=len(rows), results=results)


@router.get("/{interaction_id}")
def get_interaction(interaction_id: int, sessions: Sessions) -> InteractionOut:
    with sessions() as session:
        row = session.get(Interaction, interaction_id)
        if row is None:
            raise HTTPException(404, "No such interaction")
        return InteractionOut.of_row(row)


def create_app() -> FastAPI:
    """Build the service on the file named by ``BASELINE_DATABASE``, open to ``BASELINE_KEY``."""
    path = os.environ["BASELINE_DATABASE"]
    prepare_database(path, os.environ["BASELINE_KEY"])
    app = FastAPI()
    app.state.sessions = sessionmaker(open_engine(path), expire_on_commit=False)
    app.include_router(router)
    return app
