"""Pairs to train models of vectors on, as files that sentence-transformers reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from desirepath.domain.query_sides import SIDES
from desirepath.domain.scope import Scope
from desirepath.engine.analysing.asking import open_log
from desirepath.engine.analysing.copying import CopyProgress
from desirepath.engine.analysing.part import part_of
from desirepath.engine.engine import Engine
from desirepath.engine.output_files import open_output
from desirepath.engine.parquet import load_pyarrow
from desirepath.engine.training.embedding_pairs import (
    EmbeddingPair,
    PairReport,
    PairSettings,
    read_pairs,
)
from desirepath.errors import InvalidSetting
from desirepath.storage.base import Namespace

__all__ = ["PairFiles", "export_pairs", "write_pairs"]

_ENDINGS = (".jsonl", ".parquet")


class PairFiles(Struct, frozen=True, kw_only=True):
    """What was written; ``files`` are by side: train, dev and test."""

    report: PairReport
    files: Mapping[str, Path]


def export_pairs(
    engine: Engine,
    namespace: Namespace,
    target: Path,
    settings: PairSettings,
    scope: Scope,
    *,
    on: str = "duckdb",
    progress: CopyProgress | None = None,
) -> PairFiles:
    """Find the pairs of a part of the log and write them; see :func:`write_pairs`.

    Parameters
    ----------
    on, progress
        See :func:`~desirepath.engine.analysing.asking.open_log`.

    Raises
    ------
    NotEnoughData
        There are no pairs; it says what is missing.
    InvalidSetting
        The name of the file does not tell a format, or a text field is one that no document has.
    InvalidFile
        A file cannot be written.
    """
    _check_target(target)
    window = engine.rules.session_window
    with (
        open_log(engine, namespace, on=on, progress=progress) as opened,
        engine.storage.read() as session,
    ):
        pairs, report = read_pairs(
            part_of(opened, scope), session, namespace.number, settings, window
        )
    return PairFiles(report=report, files=write_pairs(pairs, target))


def _check_target(target: Path) -> None:
    """Refuse a name that tells no format (InvalidSetting)."""
    if target.suffix not in _ENDINGS:
        raise InvalidSetting(
            f"Pairs are written to files that end in {' or '.join(_ENDINGS)}.", ("file",)
        )


def write_pairs(pairs: Iterable[EmbeddingPair], target: Path) -> Mapping[str, Path]:
    """Write a file for each side that has pairs, as sentence-transformers reads it.

    Its columns are ``anchor``, ``positive``, ``negative_1`` and so on, in the order that losses
    take them, then ``score``, the weight: a trainer hands a column of that name to the loss as its
    label, and would take one of any other name for a text.

    Parameters
    ----------
    target
        ``pairs.jsonl`` or ``pairs.parquet`` stands for ``pairs.train.jsonl`` and so on.

    Raises
    ------
    InvalidSetting
        The name tells no format.
    InvalidFile
        A file cannot be written.
    MissingDependency
        What writes Parquet files is not installed.
    """
    _check_target(target)
    rows: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for pair in pairs:
        negatives = {f"negative_{n}": text for n, text in enumerate(pair.negatives, start=1)}
        rows[pair.side].append(
            {
                "anchor": pair.anchor,
                "positive": pair.positive,
                **negatives,
                "score": pair.weight,
            }
        )
    side_to_path = {
        side: target.with_name(f"{target.stem}.{side}{target.suffix}")
        for side in SIDES
        if rows[side]
    }
    for side, path in side_to_path.items():
        with open_output(str(path)) as stream:
            if target.suffix == ".jsonl":
                stream.write(msgspec.json.Encoder().encode_lines(rows[side]))
            else:
                pyarrow, parquet = load_pyarrow()
                parquet.write_table(pyarrow.Table.from_pylist(rows[side]), stream)
    return side_to_path
