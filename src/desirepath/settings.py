"""Every setting: name, default, unit and one sentence.

A flag beats an environment variable (``DESIREPATH_`` and the name in capitals), which beats a line
in the settings file (TOML), which beats the default. Nothing below ``server`` and ``cli`` reads
settings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta, Struct

from desirepath.errors import InvalidSetting

__all__ = ["PREFIX", "Settings", "describe_settings", "load_settings"]

PREFIX = "DESIREPATH_"

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]


class Settings(Struct, frozen=True, kw_only=True):
    """What can be set."""

    database: Annotated[
        str, Meta(description="URL: sqlite:///path.db or postgresql://user@host/name.")
    ] = "sqlite:///desirepath.db"
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on.")] = 8000
    workers: Annotated[int, Meta(ge=1, le=256, description="Processes that serve.")] = 1
    admin_key: Annotated[
        str | None,
        Meta(description="Becomes the admin key when the database has no key yet."),
    ] = None
    unknown_keys: Annotated[
        str,
        Meta(
            pattern="^(strict|lenient)$",
            description="strict: an unknown key in a body is a 422; lenient: it is ignored and "
            "named in the warning.",
        ),
    ] = "strict"
    require_execution_id: Annotated[
        bool,
        Meta(description="Whether an interaction with a retriever_id must name its execution."),
    ] = False
    dedup_window_seconds: Annotated[
        NotNegative,
        Meta(description="A repeat of (execution, document, types) within this is dropped."),
    ] = 300
    session_window_minutes: Annotated[
        Positive, Meta(description="A session ends this long after its last event.")
    ] = 60
    pool_days: Annotated[
        NotNegative,
        Meta(
            description="So long a search's candidates that were not shown stay logged; 0: as long "
            "as the search."
        ),
    ] = 90
    max_body_bytes: Annotated[Positive, Meta(description="Largest body of a request.")] = 1 << 20
    max_batch_body_bytes: Annotated[
        Positive, Meta(description="Largest body of a batch request.")
    ] = 16 << 20
    list_seconds: Annotated[
        float, Meta(gt=0, description="A list that takes longer is answered with 503.")
    ] = 5.0
    key_requests_per_minute: Annotated[
        NotNegative, Meta(description="Requests a minute that one key may make; 0: no limit.")
    ] = 0
    address_requests_per_minute: Annotated[
        NotNegative, Meta(description="Requests a minute that one address may make; 0: no limit.")
    ] = 0
    failed_logins_per_minute: Annotated[
        NotNegative,
        Meta(description="Requests a minute without a good key, per address; 0: no limit."),
    ] = 300
    trusted_proxy: Annotated[
        str,
        Meta(
            description="Addresses or networks, separated by commas, whose X-Forwarded-For is "
            "believed."
        ),
    ] = ""
    request_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="A request must have arrived whole within this time, and a client must "
            "go on taking its answer.",
        ),
    ] = 10.0
    max_connections: Annotated[
        Positive,
        Meta(description="Connections that one process holds; more are answered with 503."),
    ] = 1000
    max_waiting_requests: Annotated[
        Positive,
        Meta(
            description="Requests of one process that may wait for a thread (lists, deletions, "
            "…); more are answered with 503."
        ),
    ] = 200
    metrics_namespaces: Annotated[
        NotNegative,
        Meta(description="Namespaces that /metrics tells apart; the rest counts as other."),
    ] = 0
    drain_seconds: Annotated[
        float,
        Meta(ge=0, description="How long /readyz says 503 before a stopping server ends."),
    ] = 0.0
    embedder_url: Annotated[
        str,
        Meta(
            description="OpenAI-compatible API that makes vectors of texts, such as "
            "http://127.0.0.1:11434/v1; none when absent."
        ),
    ] = ""
    embedder_key: Annotated[
        str | None, Meta(description="Sent to the embedder as Authorization: Bearer KEY.")
    ] = None
    embedder_seconds: Annotated[
        float,
        Meta(gt=0, description="How long the vectors of one call may take, retries included."),
    ] = 10.0
    embedder_batch: Annotated[
        int, Meta(ge=1, le=2048, description="Texts in one call to the embedder.")
    ] = 64
    embedder_cache_bytes: Annotated[
        NotNegative,
        Meta(description="Memory of each process for the vectors of texts it met last."),
    ] = 64 << 20
    analysis_folder: Annotated[
        str,
        Meta(
            description="Where copies of the log are kept for analysis; when absent, beside an "
            "SQLite file, or in the user's cache for a PostgreSQL."
        ),
    ] = ""
    analysis_memory_bytes: Annotated[
        int,
        Meta(
            ge=128 << 20,
            description="Memory that one analysis may take; what does not fit is kept on disk.",
        ),
    ] = 2 << 30
    analysis_threads: Annotated[
        NotNegative, Meta(description="Threads of one analysis; 0: one a core.")
    ] = 0
    task_worker: Annotated[
        bool,
        Meta(description="Whether `serve` works on tasks, in a process beside it."),
    ] = True
    access_log: Annotated[
        bool, Meta(description="One JSON line for each request on standard error.")
    ] = False


FIELDS = Settings.__struct_fields__


def load_settings(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Path | None = None,
    *,
    as_flag: Callable[[str], str] = lambda name: "--" + name.replace("_", "-"),
) -> Settings:
    """Settings from their three sources; ``as_flag`` is how the first one writes their names.

    Raises
    ------
    InvalidSetting
        A value is not of its type or outside its limits, a key is not known, or the file cannot be
        read; the message names the key and where it came from.
    """
    named = file
    if named is None and environment.get(PREFIX + "CONFIG"):
        named = Path(environment[PREFIX + "CONFIG"])
    values: dict[str, Any] = {}
    source: dict[str, str] = {}
    for key, value in _read_file(named).items():
        values[key], source[key] = value, f"{named}: {key}"
    for key in FIELDS:
        name = PREFIX + key.upper()
        if environment.get(name):
            values[key], source[key] = environment[name], name
    for key in flags.keys() - set(FIELDS):
        raise InvalidSetting(f"Unknown setting {key}; there are {', '.join(FIELDS)}.", (key,))
    for key, value in flags.items():
        if value is not None:
            values[key], source[key] = value, as_flag(key)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        key = path.rstrip("`")
        raise InvalidSetting(f"{source.get(key, key)}: {text}.", (key,) if key else ()) from error


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidSetting(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"The settings file {path} is not TOML: {error}.") from error
    for key in values:
        if key not in FIELDS:
            raise InvalidSetting(f"{path}: unknown setting {key}; there are {', '.join(FIELDS)}.")
    return values


def describe_settings() -> list[tuple[str, object, str]]:
    """(name, default, sentence) of every setting, for help and documentation."""
    hints = get_type_hints(Settings, include_extras=True)
    return [
        (field.name, field.default, _description(hints[field.name]))
        for field in msgspec.structs.fields(Settings)
    ]


def _description(hint: Any) -> str:
    metas = getattr(hint, "__metadata__", ())
    return next((meta.description for meta in metas if meta.description), "")
