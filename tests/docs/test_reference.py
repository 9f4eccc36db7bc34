"""The reference is complete, and says nothing that is not so.

Each test compares a table of ``docs/reference`` with what the code declares, in both directions. On
a difference the message shows the rows to write.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, get_args

import click
import msgspec
import pytest
from starlette.routing import Route

from desirepath import errors, open_async
from desirepath import open as open_in_process
from desirepath.api.benchmark_schemas import BenchmarkStatus
from desirepath.api.endpoint import Endpoint
from desirepath.api.errors import ERROR_TO_ANSWER
from desirepath.api.evaluation_schemas import EvaluationDataset, GenerateFromInteractions
from desirepath.api.execution_schemas import AdhocListRequest, ExecutionListRequest
from desirepath.api.schemas import (
    DocumentListRequest,
    DocumentResponse,
    InteractionListRequest,
    InteractionResponse,
    ListQuery,
    NamespaceResponse,
)
from desirepath.cli.main import main
from desirepath.domain import warnings
from desirepath.domain.access import Access, KeyKind, allowed
from desirepath.domain.benchmark import BenchmarkDraft, SampleStrategy, SessionFilter
from desirepath.domain.clock import parse_time, to_datetime
from desirepath.domain.document import (
    DOCUMENT_FIELDS,
    MAX_INDEXED_CHARACTERS,
    MAX_INDEXES,
    MAX_NAME_BYTES,
    DocumentDraft,
)
from desirepath.domain.event_faults import EVENT_FAULTS
from desirepath.domain.execution import ExecutionDraft, ShownDocument
from desirepath.domain.filters import OPERATORS, FieldKind, compile_filter, parse_filter
from desirepath.domain.filters.tree import GEO_OPERATORS
from desirepath.domain.interaction import (
    INTERACTION_TYPES,
    QUERY_LEVEL_TYPES,
    InteractionDraft,
)
from desirepath.domain.judgment import DatasetDraft, GroundTruth
from desirepath.domain.namespace import NamespaceDraft
from desirepath.domain.reward import DEFAULT_REWARDS, reward_of
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.engine.analysing.event_checks import EventCheck
from desirepath.engine.execution_list import EXECUTION_ALIASES, EXECUTION_FIELDS
from desirepath.engine.importing.options import ImportFormat
from desirepath.engine.listing import ALIASES, FIELDS
from desirepath.engine.model_kinds import MODEL_KINDS
from desirepath.engine.reporting import Basis, report
from desirepath.methods.ranking.trees import TreeSettings
from desirepath.server import build_application, open_engine
from desirepath.settings import PREFIX, Settings, describe_settings
from tests.docs.pages import DOCS, Page, code, reference, rows

HTTP = reference("http")


# Settings


def _setting_row(name: str, default: object, sentence: str) -> list[str]:
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return [f"`{name}`", "–" if default in (None, "") else f"`{shown}`", sentence]


def test_every_setting_is_documented() -> None:
    documented = rows(reference("settings").section("All settings"))
    assert documented == [_setting_row(*setting) for setting in describe_settings()]


def test_the_example_of_a_setting_is_one() -> None:
    text = reference("settings").text
    assert "list_seconds" in Settings.__struct_fields__
    assert "--list-seconds" in text
    assert f"{PREFIX}LIST_SECONDS" in text


# Commands


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}")


COMMANDS = dict(_commands(main, "desirepath"))
COMMAND_LINE = reference("command-line")
WITHOUT_DATABASE = ("desirepath simulate", "desirepath demo")
"""They speak to a service, or have one of their own."""


def _parameters(command: click.Command) -> set[str]:
    """Options and arguments as they are written; settings have a page of their own."""
    settings = set(Settings.__struct_fields__)
    names = set()
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            names.add(str(parameter.human_readable_name).upper())
        elif command.name != "serve" or parameter.name not in settings:
            names.add("/".join(n for n in (parameter.opts[-1], *parameter.secondary_opts)))
    return names


def test_every_command_has_a_section() -> None:
    documented = {
        heading.strip("`") for heading in COMMAND_LINE.headings if heading.startswith("`desirepath")
    }
    assert documented == {name for name in COMMANDS if name != "desirepath"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "desirepath"])
def test_every_option_and_argument_of_a_command_is_documented(name: str) -> None:
    command = COMMANDS[name]
    if isinstance(command, click.Group):
        return
    documented = {
        code(row[0]).split()[0] for row in rows(COMMAND_LINE.section(f"`{name}`"), "option")
    }
    declared = _parameters(command)
    common = set()
    if "--engine" in declared:
        section = COMMAND_LINE.section("Options of commands that ask the log")
        common |= {code(row[0]).split()[0] for row in rows(section)}
    if name == "desirepath doctor":
        common -= {"--exclude-flagged/--include-flagged"}  # it looks for them
    if name not in WITHOUT_DATABASE:
        section = COMMAND_LINE.section("Options of commands that use a database")
        common |= {code(row[0]).split()[0] for row in rows(section)}
    assert documented == declared - common
    assert {name for name in common if name[2:] not in Settings.__struct_fields__} <= declared


def test_exit_codes_are_those_of_the_help() -> None:
    documented = [row[0] for row in rows(COMMAND_LINE.section("Exit codes"))]
    said = re.findall(r"(\d) \w", (main.help or "").partition("Exit codes:")[2])
    assert [code(cell) for cell in documented] == said


# Endpoints


@pytest.fixture(scope="module")
def application() -> Iterator[Any]:
    settings = Settings(database="sqlite://")
    engine = open_engine(settings)
    application = build_application(settings, engine)
    yield application
    application._on_shutdown()
    engine.close()


def _weakest_key(endpoint: Endpoint) -> str:
    if endpoint.access is None:
        return "none"
    order = (KeyKind.PUBLIC, KeyKind.READ, KeyKind.SERVER, KeyKind.ADMIN)
    return next(kind.value for kind in order if allowed(kind, endpoint.access))


def test_every_endpoint_is_documented_with_the_key_it_needs(application: Any) -> None:
    documented = {code(row[0]): row[1] for row in rows(HTTP.section("Endpoints"))}
    declared = {
        f"{endpoint.method} {endpoint.path.replace(':path', '')}": _weakest_key(endpoint)
        for endpoint in application.endpoints
    }
    assert documented == declared


def test_every_page_is_documented(application: Any) -> None:
    documented = {code(row[0]) for row in rows(HTTP.section("Pages"))}
    endpoints = {endpoint.path for endpoint in application.endpoints}
    routes = {route.path for route in application._router.routes if isinstance(route, Route)}
    assert documented == routes - endpoints


def test_every_field_of_an_interaction_is_documented() -> None:
    sent: list[str] = []
    added: list[str] = []
    for field, kind, *_ in rows(HTTP.section("Interactions"), "field"):
        (added if kind in ("text or null", "boolean") else sent).append(code(field))
    assert sorted(sent) == sorted(InteractionDraft.__struct_fields__)
    answered = set(InteractionResponse.__struct_fields__)
    assert set(added) == answered - set(InteractionDraft.__struct_fields__)


def test_every_field_of_an_execution_is_documented() -> None:
    documented = [
        name
        for row in rows(HTTP.section("Executions"), "field")
        for name in re.findall(r"`(\w+)`", row[0])
    ]
    declared = [*ExecutionDraft.__struct_fields__, *ShownDocument.__struct_fields__]
    assert sorted(documented) == sorted(declared)


def test_every_field_of_a_namespace_is_documented() -> None:
    documented = [code(row[0]) for row in rows(HTTP.section("Namespaces"), "field")]
    assert sorted(documented) == sorted(NamespaceDraft.__struct_fields__)
    answered = set(NamespaceResponse.__struct_fields__)
    lines = "\n".join(HTTP.section("Namespaces"))
    assert [name for name in answered if f"`{name}`" not in lines] == []


def test_every_field_of_an_embedder_is_documented() -> None:
    documented = [
        name
        for row in rows(HTTP.section("Embedders"), "of an embedder")
        for name in re.findall(r"`(\w+)`", row[0])
    ]
    assert documented == list(TextEmbedding.__struct_fields__)


def test_every_field_of_a_list_of_executions_is_documented() -> None:
    documented = [code(row[0]) for row in rows(HTTP.section("List executions"), "body")]
    assert documented == list(ExecutionListRequest.__struct_fields__)
    lines = "\n".join(HTTP.section("Ad-hoc searches"))
    assert [n for n in AdhocListRequest.__struct_fields__ if f"`{n}`" not in lines] == []


def test_every_field_of_a_document_is_documented() -> None:
    documented = [code(row[0]) for row in rows(HTTP.section("Documents"), "field")]
    assert sorted(documented) == sorted(DocumentDraft.__struct_fields__)
    lines = "\n".join(HTTP.section("Documents"))
    answered = DocumentResponse.__struct_encode_fields__
    listed = DocumentListRequest.__struct_fields__
    assert [name for name in (*answered, *listed) if f"`{name}`" not in lines] == []
    assert f"{MAX_INDEXES} text fields" in lines
    assert f"1 to {MAX_NAME_BYTES} bytes" in lines
    assert f"{MAX_INDEXED_CHARACTERS:,} characters" in lines


def test_every_field_of_a_dataset_is_documented() -> None:
    documented = [code(row[0]) for row in rows(HTTP.section("Evaluation datasets"), "field")]
    truths = [f"queries[].{name}" for name in GroundTruth.__struct_fields__]
    generated = list(GenerateFromInteractions.__struct_fields__)
    assert documented[-len(generated) :] == generated
    sent = [*DatasetDraft.__struct_fields__, *truths]
    assert sorted(documented[: -len(generated)]) == sorted(sent)
    lines = "\n".join(HTTP.section("Evaluation datasets"))
    answered = EvaluationDataset.__struct_fields__
    assert [name for name in answered if f"`{name}`" not in lines] == []


def test_every_field_of_a_benchmark_is_documented() -> None:
    section = HTTP.section("Benchmarks")
    for table, kind in (
        ("of a benchmark", BenchmarkDraft),
        ("of a session_filter", SessionFilter),
    ):
        documented = [code(row[0]) for row in rows(section, table)]
        assert documented == list(kind.__struct_fields__)
    lines = "\n".join(section)
    assert [one for one in BenchmarkStatus if f"`{one}`" not in lines] == []
    assert [one for one in SampleStrategy if f"`{one}`" not in lines] == []


def test_every_field_of_a_list_is_documented() -> None:
    lines = "\n".join(HTTP.section("List"))
    missing = [
        name for name in InteractionListRequest.__struct_fields__ if f"`{name}`" not in lines
    ]
    assert missing == []


# Errors


def _error_row(kind: type[errors.DesirepathError]) -> tuple[str, str, str, str]:
    status, type_name, name = ERROR_TO_ANSWER[kind]
    return f"`{kind.__name__}`", str(status), f"`{type_name}`", f"`{name}`"


def _public_errors() -> set[str]:
    return {name for name in errors.__all__ if issubclass(getattr(errors, name), Exception)}


def test_every_error_is_documented_with_its_answer() -> None:
    documented = {tuple(row[:4]) for row in rows(reference("errors").section("All errors"))}
    assert documented == {_error_row(kind) for kind in ERROR_TO_ANSWER}
    assert _public_errors() <= {kind.__name__ for kind in ERROR_TO_ANSWER}


# Interaction types and warnings


def test_every_interaction_type_is_documented_with_its_reward() -> None:
    page = reference("interaction-types")
    documented = {code(row[0]): float(row[1]) for row in rows(page.prose, "type")}
    assert list(documented) == list(INTERACTION_TYPES)
    assert documented == DEFAULT_REWARDS


def test_rewards_of_several_types_are_as_documented() -> None:
    for types, reward in rows(reference("interaction-types").prose, "types"):
        assert reward_of(tuple(map(code, types.split(", ")))) == float(reward), types


def test_query_level_types_are_named() -> None:
    lines = " ".join(reference("interaction-types").section("Query-level types"))
    assert set(re.findall(r"`(\w+)`", lines)) >= QUERY_LEVEL_TYPES


def test_every_warning_is_documented() -> None:
    declared = [
        value.replace("{}", "…")
        for name, value in vars(warnings).items()
        if name.isupper() and not name.startswith("_") and name in vars(warnings)
        if isinstance(value, str) and value.endswith(".")
    ]
    documented = [row[0] for row in rows(reference("warnings").prose)]
    assert declared
    assert sorted(documented) == sorted(declared)
    assert all(row[1] for row in rows(reference("warnings").prose))


# The report


def test_every_event_fault_is_documented_with_its_fix() -> None:
    settings = Settings(database="sqlite://")
    engine = open_engine(settings)
    with closing(engine):
        with engine.storage.read() as session:
            (namespace,) = session.catalog.namespaces()
        faults = report(engine, namespace, engine.clock.now()).faults
    documented = [(code(n), *rest) for n, *rest in rows(reference("report").prose, "name")]
    assert documented == sorted((fault.name, fault.title, fault.fix) for fault in faults)


def test_every_check_of_events_is_documented_with_its_fix() -> None:
    page = Page(DOCS / "how-to/event-health.md")
    documented = rows(page.section("All checks"))
    assert [(code(name), title, severity, fix) for name, title, _, severity, fix in documented] == [
        (name, words.title, "high" if words.is_grave else "low", words.fix)
        for name, words in EVENT_FAULTS.items()
    ]
    assert all(meaning for _, _, meaning, *_ in documented)


def test_every_field_of_a_check_of_events_is_documented() -> None:
    page = Page(DOCS / "how-to/event-health.md")
    named = {
        name
        for row in rows(page.section("What a check says"))
        for name in re.findall(r"`(\w+)`", row[0])
    }
    assert named == set(EventCheck.__struct_fields__) - {"name", "title"}


def test_every_basis_of_click_through_is_documented() -> None:
    documented = [code(row[0]) for row in rows(reference("report").prose, "basis")]
    assert sorted(documented) == sorted(get_args(Basis))


# Filters

FILTERS = reference("filters")


def test_every_operator_is_documented() -> None:
    documented = [
        code(name) for row in rows(FILTERS.section("Operators")) for name in row[0].split(", ")
    ]
    assert sorted(documented) == sorted(OPERATORS)
    assert all(f"`{name}`" in FILTERS.text for name in GEO_OPERATORS)


def test_every_field_to_filter_by_is_documented() -> None:
    named = set(re.findall(r"`(\w+)`", "\n".join(FILTERS.section("Fields"))))
    assert {*FIELDS, *ALIASES} <= named
    named = set(re.findall(r"`(\w+)`", "\n".join(FILTERS.section("Executions"))))
    assert {*EXECUTION_FIELDS, *EXECUTION_ALIASES} == named - {"sorts"}
    named = set(re.findall(r"`(\w+)`", "\n".join(FILTERS.section("Documents"))))
    assert set(DOCUMENT_FIELDS) <= named


def test_every_page_parameter_is_documented() -> None:
    named = set(re.findall(r"`(\w+)(?:=true)?`", "\n".join(FILTERS.section("Pages"))))
    assert set(ListQuery.__struct_fields__) <= named


@pytest.mark.parametrize(
    ("filter", "interaction", "matches"),
    [(code(row[0]), code(row[1]), row[2]) for row in rows(FILTERS.section("Semantics"))],
)
def test_filters_mean_what_the_table_says(filter: str, interaction: str, matches: str) -> None:
    record = {
        name: _as_time(value) if FIELDS[name] is FieldKind.TIME else value
        for name, value in json.loads(interaction).items()
    }
    found = compile_filter(parse_filter(json.loads(filter), FIELDS, ALIASES))(record)
    assert ("yes" if found else "no") == matches


def _as_time(text: str) -> datetime:
    return to_datetime(parse_time(text))


# Import formats


def test_every_import_format_is_documented() -> None:
    page = reference("import-formats")
    documented = [code(row[0]) for row in rows(page.prose, "format")]
    assert documented == [format.value for format in ImportFormat]


# Models


def test_settings_of_every_kind_of_model_are_documented_with_their_defaults() -> None:
    section = HTTP.section("Settings of kinds")
    documented = {(code(row[0]), row[1].strip("`")) for row in rows(section, "setting")}
    declared = set()
    for kind in MODEL_KINDS:
        assert f"`{kind.word}`" in "\n".join(section)
        _, settings = kind.load()
        for field in msgspec.structs.fields(settings):
            plain = msgspec.to_builtins(field.default)
            shown = {"features": "what every log has", "trees": ""}.get(field.name)
            text = plain if isinstance(plain, str) else json.dumps(plain).removesuffix(".0")
            declared.add((field.name, text if shown is None else shown))
    assert documented == declared
    trees = next(text for name, _, text in rows(section, "setting") if code(name) == "trees")
    named = set(re.findall(r"`(\w+)` \(", trees))
    assert named == set(TreeSettings.__struct_fields__)


# Python


def test_everything_public_in_process_is_documented() -> None:
    page = reference("python")
    with open_in_process("sqlite://") as here:
        for heading, thing in (
            ("`Desirepath`", here),
            ("`interactions`", here.interactions),
            ("`executions`", here.executions),
            ("`retrievers`", here.retrievers),
            ("`documents`", here.documents),
            ("`models`", here.models),
            ("`tasks`", here.tasks),
            ("`what_ifs`", here.what_ifs),
            ("`recommendations`", here.recommendations),
        ):
            documented = {
                re.split(r"\W", code(row[0]))[0] for row in rows(page.section(heading), "")
            }
            public = {name for name in dir(thing) if not name.startswith("_")}
            assert documented == public, heading
    assert inspect.signature(open_async) == inspect.signature(open_in_process).replace(
        return_annotation=inspect.signature(open_async).return_annotation
    )


# Keys


def test_kinds_of_keys_are_documented() -> None:
    documented = [code(row[0]) for row in rows(Page(DOCS / "how-to/keys.md").prose, "kind")]
    assert sorted(documented) == sorted(kind.value for kind in KeyKind)
    if not any(allowed(KeyKind.PUBLIC, access) for access in Access):
        assert "`public` | nothing yet" in Page(DOCS / "how-to/keys.md").text


# Metrics


def test_every_metric_is_documented(application: Any) -> None:
    named = set(re.findall(r"^# TYPE (\w+) ", application.metrics.text().decode(), re.MULTILINE))
    documented = {code(row[0]) for row in rows(Page(DOCS / "how-to/watch.md").prose, "metric")}
    assert {name for name in named if not name.endswith("_created")} == documented
