"""What the tests of imports and exports share: small files, and what came of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from desirepath.domain.execution import Execution
from desirepath.domain.interaction import Interaction
from desirepath.engine.engine import Engine
from desirepath.engine.importing.importing import import_files
from desirepath.engine.importing.options import ImportFormat, ImportOptions, ImportResult

NAMESPACE = 1
TIME = "2025-06-01T10:00:00Z"


def write_lines(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write objects, or lines as they are, one a line; compressed if the name says so."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def run_import(engine: Engine, *paths: Path | str, format: str, **options: Any) -> ImportResult:
    chosen = ImportOptions(format=ImportFormat(format), **options)
    return import_files(engine, NAMESPACE, paths, chosen)


def interactions(engine: Engine, namespace: int = NAMESPACE) -> list[Interaction]:
    with engine.storage.read() as session:
        return list(session.interactions.scan(namespace))


def executions(engine: Engine, namespace: int = NAMESPACE) -> dict[str, Execution]:
    with engine.storage.read() as session:
        return {value.execution_id: value for value in session.executions.scan(namespace)}


def shown(execution: Execution) -> list[str]:
    return [document.document_id for document in execution.documents]


def rejected(path: Path) -> list[dict[str, Any]]:
    """What was refused of a file, as its neighbour says."""
    beside = path.with_name(path.name + ".rejected.jsonl")
    if not beside.exists():
        return []
    return [json.loads(line) for line in beside.read_text().splitlines()]


def click(document: str, position: int = 0, **fields: Any) -> dict[str, Any]:
    """An interaction as the API takes it."""
    return {
        "feature_id": document,
        "interaction_type": ["click"],
        "position": position,
        "occurred_at": TIME,
        **fields,
    }


def search(execution_id: str, *documents: str, **fields: Any) -> dict[str, Any]:
    """An execution as the API takes it."""
    return {
        "execution_id": execution_id,
        "documents": [{"document_id": document} for document in documents],
        "occurred_at": TIME,
        **fields,
    }
