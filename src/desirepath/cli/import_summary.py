"""What an import did, in a few lines."""

from __future__ import annotations

from rich.markup import escape

from desirepath.cli.common import console
from desirepath.engine.importing.options import ImportResult

__all__ = ["print_summary"]

_SHOWN_NAMES = 8


def print_summary(result: ImportResult, *, is_documents: bool = False) -> None:
    """Say what was added, and everything that may surprise."""
    speed = f"in {result.seconds:,.1f} s ({result.rows / max(result.seconds, 0.001):,.0f} rows/s)."
    if is_documents:
        stored = "Would store" if result.dry_run else "Stored"
        lines = [f"{stored} {result.documents:,} documents {speed}"]
    else:
        would = "Would add" if result.dry_run else "Added"
        lines = [
            f"{would} {result.interactions:,} interactions and "
            f"{result.executions:,} executions {speed}"
        ]
    if result.types:
        lines.append(f"New by type: {_named(result.types)}.")
    if result.repeated_interactions or result.repeated_executions:
        lines.append(
            f"Already there: {result.repeated_interactions:,} interactions and "
            f"{result.repeated_executions:,} executions."
        )
    if result.skipped:
        what = "documents" if is_documents else "interactions"
        hint = "" if is_documents else " (see --type-map)"
        lines.append(f"Skipped, not {what}: {_named(result.skipped)}{hint}.")
    if result.ignored:
        lines.append(f"Ignored columns: {_named(result.ignored)} (see --map).")
    if result.suppressed:
        lines.append(f"Left out, of erased users: {result.suppressed:,}.")
    if result.position_bases:
        bases = ", ".join(f"{base} ({name})" for name, base in result.position_bases.items())
        lines.append(f"The first position is called {bases}.")
    if result.moved:
        lines.append(
            f"{result.moved:,} positions contradicted the list of their search; the list is right."
        )
    if result.dry_run and result.time_units:
        lines.append(f"Times are written as: {_named(result.time_units)}.")
    lines += result.advice
    console.print(escape("\n".join(map(_printable, lines))), highlight=False, soft_wrap=True)
    if result.rejected:
        _print_rejected(result)


def _print_rejected(result: ImportResult) -> None:
    where = f" They are in {', '.join(result.rejected_files)}." if result.rejected_files else ""
    console.print(
        f"[yellow]{result.rejected:,} rows were rejected.[/yellow]{escape(where)}", soft_wrap=True
    )
    for row in result.first_rejected:
        line = f"  {row.file}:{row.line}: {row.reason}"
        console.print(escape(_printable(line)), highlight=False, soft_wrap=True)


def _named(counts: dict[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{name} {number:,}" for name, number in ranked[:_SHOWN_NAMES]]
    more = len(ranked) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more names" if more > 0 else "")


def _printable(text: str) -> str:
    """Names come from the file: nothing in them may steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
