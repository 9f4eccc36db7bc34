"""What an import is asked to do, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import Struct

from desirepath.domain.ids import parse_id
from desirepath.domain.interaction import INTERACTION_TYPES
from desirepath.domain.retriever import check_name
from desirepath.engine.importing.field_map import check_field_map
from desirepath.errors import InvalidRetriever, InvalidSetting

__all__ = [
    "ImportFormat",
    "ImportOptions",
    "ImportResult",
    "Progress",
    "Rejected",
    "Report",
    "check_options",
]

MAX_BATCH_ROWS = 100_000


class ImportFormat(StrEnum):
    """What a file holds."""

    METARANK = "metarank"
    UBI = "ubi"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How to read the files.

    Parameters
    ----------
    format
        Metarank's events, User Behavior Insights, or a table in one of three encodings.
    field_map
        Our field to the source's column, a dot path: ``{"position": "attributes.ordinal"}``.
    type_map
        The source's event name to an interaction type: ``{"buy": "purchase"}``.
    position_base
        What the source calls the first position. ``"auto"`` guesses; None guesses where the format
        leaves it open (UBI, and tables that are not of our own shape) and is 0 elsewhere.
    dry_run
        Read and check everything, write nothing.
    retriever
        Name or id of the retriever of everything whose row names none; made if it is missing. By
        default it is named after the format, for UBI after the application.
    batch_rows
        Interactions in a transaction. Other writers wait for one such transaction at a time.
    """

    format: ImportFormat
    field_map: Mapping[str, str] = {}
    type_map: Mapping[str, str] = {}
    position_base: int | Literal["auto"] | None = None
    dry_run: bool = False
    retriever: str | None = None
    batch_rows: int = 10_000


class Rejected(Struct, frozen=True, kw_only=True):
    """A row that was left out, and why."""

    file: str
    line: int
    reason: str
    row: Any


class ImportResult(Struct, kw_only=True):
    """What an import did, or would do.

    Parameters
    ----------
    interactions, executions
        How many are new.
    documents
        How many were stored, new or in place of what was there.
    repeated_interactions, repeated_executions
        How many were there already, from an earlier run or from the row before.
    types
        New interactions by type; one with two types counts in both.
    rejected, first_rejected, rejected_files
        Rows that break a rule: how many, the first ten, and where all of them were written.
    skipped
        Rows that are no executions or interactions, by event name.
    suppressed
        Rows of users who were erased.
    ignored
        Columns that mean nothing here, with how many rows had them.
    position_bases
        What the first position is called: per application, or for the ``file``. Guessed unless
        given.
    moved
        Interactions whose position contradicted the list of their execution; the list is right.
    time_units
        How times were written, with how many rows did.
    advice
        Sentences for the person who runs the import.
    """

    format: str
    files: tuple[str, ...]
    dry_run: bool = False
    interactions: int = 0
    executions: int = 0
    documents: int = 0
    repeated_interactions: int = 0
    repeated_executions: int = 0
    types: dict[str, int] = msgspec.field(default_factory=dict)
    rejected: int = 0
    first_rejected: list[Rejected] = msgspec.field(default_factory=list)
    rejected_files: list[str] = msgspec.field(default_factory=list)
    skipped: dict[str, int] = msgspec.field(default_factory=dict)
    suppressed: int = 0
    ignored: dict[str, int] = msgspec.field(default_factory=dict)
    position_bases: dict[str, int] = msgspec.field(default_factory=dict)
    moved: int = 0
    time_units: dict[str, int] = msgspec.field(default_factory=dict)
    retrievers: dict[str, str] = msgspec.field(default_factory=dict)
    advice: list[str] = msgspec.field(default_factory=list)
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """What was seen and not rejected, new or not."""
        return (
            self.interactions
            + self.executions
            + self.documents
            + self.repeated_interactions
            + self.repeated_executions
        )


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is: ``done`` of ``total`` steps (bytes, once per look at a file)."""

    step: str
    done: int
    total: int
    interactions: int = 0
    executions: int = 0
    documents: int = 0
    rejected: int = 0


Report = Callable[[Progress], None]


def check_options(options: ImportOptions) -> None:
    """Refuse options that could never work, before any file is opened.

    Raises
    ------
    InvalidSetting
        Naming the option.
    """
    check_field_map(options.field_map)
    if options.field_map and options.format in (ImportFormat.METARANK, ImportFormat.UBI):
        raise InvalidSetting(
            f"--map is for tables; the fields of {options.format.value} are known.", ("map",)
        )
    for name in options.type_map.values():
        if name not in INTERACTION_TYPES:
            raise InvalidSetting(
                f"--type-map takes SOURCE=TYPE, and TYPE is one of {', '.join(INTERACTION_TYPES)}.",
                ("type_map",),
            )
    if options.position_base not in (0, 1, "auto", None):
        raise InvalidSetting("--position-base is 0, 1 or auto.", ("position_base",))
    if not 1 <= options.batch_rows <= MAX_BATCH_ROWS:
        raise InvalidSetting(f"A batch has 1 to {MAX_BATCH_ROWS} rows.", ("batch_rows",))
    if options.retriever is not None and parse_id("ret", options.retriever) is None:
        try:
            check_name(options.retriever)
        except InvalidRetriever as error:
            raise InvalidSetting(f"--retriever: {error.message}", ("retriever",)) from error
