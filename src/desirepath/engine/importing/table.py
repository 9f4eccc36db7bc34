"""Tables: JSON lines, CSV or Parquet with rows of our own shape, or with a map to it.

The first look takes executions and retrievers, the second interactions, so that interactions find
their executions wherever these stand. Rows that each are one shown document wait until all are
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from desirepath.domain.plain_json import canonical_json
from desirepath.engine.formulas import unguard
from desirepath.engine.importing.batches import Batch, ReadExecution
from desirepath.engine.importing.cells import as_integer
from desirepath.engine.importing.collecting import Collector
from desirepath.engine.importing.event_names import EventNames
from desirepath.engine.importing.fast_lines import read_lines
from desirepath.engine.importing.field_map import FieldMap
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.grouping import Grouper
from desirepath.engine.importing.identity import Occurrences
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.options import ImportFormat, ImportOptions
from desirepath.engine.importing.own_rows import OwnRows, kind_of
from desirepath.engine.importing.positions import PositionStats
from desirepath.engine.importing.preparing import Preparer, Waiting
from desirepath.engine.importing.read_lines import decode_chunk, read_chunks
from desirepath.engine.importing.read_rows import Block, read_blocks
from desirepath.engine.importing.shown_rows import ShownRows
from desirepath.errors import InvalidFile, InvalidInput

__all__ = ["read_table"]

_EXECUTION_MARKS = (b'"documents"', b'"retriever"')
_FILE = "file"


def read_table(
    files: Sequence[InputFile], options: ImportOptions, known: Known, preparer: Preparer
) -> Iterator[Batch]:
    """Read tables.

    Rows are interactions or executions as the API takes them and as an export writes them, or
    single shown documents (see :class:`~desirepath.engine.importing.shown_rows.ShownRows`). What
    an export says of a row's first life (when it was recorded, its warnings, its reward) is left
    out and made anew; its times, ids and positions are kept, and its interaction_id becomes its
    event_id if it has none.
    """
    with Grouper() as grouper:
        reader = _Reader(files, options, known, preparer, grouper)
        if reader.must_guess:
            yield from reader.survey()
        yield from reader.read_executions()
        yield from reader.read_interactions()
        yield from reader.read_shown()


class _Reader:
    def __init__(
        self,
        files: Sequence[InputFile],
        options: ImportOptions,
        known: Known,
        preparer: Preparer,
        grouper: Grouper,
    ) -> None:
        self._files = files
        self._options = options
        self._grouper = grouper
        self._format = options.format.value
        self._is_json = options.format is ImportFormat.JSONL
        self._collector = Collector(files, self._format, looks=1, limit=options.batch_rows)
        self._fields = FieldMap(options.field_map)
        names = EventNames(options.type_map)
        base = options.position_base
        self._base = base if isinstance(base, int) else None
        self._rows = OwnRows(
            self._collector, names, known, base=self._base or 0, is_plain=self._is_json
        )
        self._shown = ShownRows(self._collector, self._rows, grouper, self._format)
        self.must_guess = base == "auto" or (base is None and bool(options.field_map))
        self._is_own_shape = not (options.field_map or options.type_map or self._base)
        self._waiting = Waiting(preparer)

    # First look, where it must be known what the first position is called

    def survey(self) -> Iterator[Batch]:
        stats = PositionStats()
        self._collector.look_again()
        for _, block in self._collector.blocks("looking at positions"):
            kinds = set()
            for _, row in block.rows:
                values, _ = self._fields.apply(row)
                kinds.add(kind_of(values))
                if "interaction" in kinds:
                    _survey_position(values, stats)
            if kinds == {"shown"}:
                break  # whose positions are learnt while they are gathered
            yield self._collector.take()
        if stats.n:
            self._rows.base = stats.guess()
            self._collector.batch.position_bases[_FILE] = self._rows.base
        self._is_own_shape = self._is_own_shape and not self._rows.base

    # Executions

    def read_executions(self) -> Iterator[Batch]:
        n_found = 0
        for number, file in enumerate(self._files):
            ids = Occurrences(self._format)
            for block, size in self._blocks_with_executions(file):
                self._collector.look_again(size)
                for line, row in block.rows:
                    values, ignored = self._fields.apply(self._bare(row))
                    n_found += self._read_execution(number, line, row, values, ignored, ids)
                self._collector.advance("reading executions", size)
                yield from self._collector.full()
        if n_found:
            yield self._collector.take()
            yield Batch(is_barrier=True)

    def _blocks_with_executions(self, file: InputFile) -> Iterator[tuple[Block, int]]:
        """Blocks in which an execution may be, with their size in the file."""
        if not self._is_json:
            before = 0
            for block in read_blocks(file, self._format):
                if block.rows and not self._has_executions(file, block.rows[0][1]):
                    return
                yield block, block.done - before
                before = block.done
            return
        marks = [*_EXECUTION_MARKS]
        if "documents" in self._options.field_map:
            leaf = self._options.field_map["documents"].rpartition(".")[2]
            marks.append(f'"{leaf}"'.encode())
        before = 0
        for chunk in read_chunks(file):
            if any(mark in chunk.data for mark in marks):
                rows, _ = decode_chunk(chunk)
                yield Block(rows=rows, unreadable=[], done=chunk.done), chunk.done - before
            before = chunk.done

    def _has_executions(self, file: InputFile, row: dict[str, Any]) -> bool:
        """Whether a table has the columns of executions; and all that it is said to have."""
        missing = self._fields.missing(list(row))
        if missing:
            raise InvalidFile(
                f"{file.name} has no column {', '.join(missing)}; it has {', '.join(row)}."
            )
        values, _ = self._fields.apply(row)
        return "documents" in values or "kind" in values

    def _read_execution(
        self,
        file: int,
        line: int,
        row: dict[str, Any],
        values: dict[str, Any],
        ignored: list[str],
        ids: Occurrences,
    ) -> bool:
        kind = kind_of(values)
        try:
            if kind == "retriever":
                self._collector.batch.retrievers.append(self._rows.retriever(row))
            elif kind == "execution":
                draft, retriever = self._rows.execution(values)
                if draft.execution_id is None:
                    draft = replace(draft, execution_id=ids.event_id(canonical_json(draft)))
                self._collector.ignore(ignored)
                self._collector.batch.executions.append(
                    ReadExecution(file=file, line=line, retriever=retriever, draft=draft)
                )
        except InvalidInput as error:
            self._collector.refuse(file, line, error, row)
        return kind in ("retriever", "execution")

    # Interactions

    def read_interactions(self) -> Iterator[Batch]:
        for number, file in enumerate(self._files):
            ids = Occurrences(self._format)
            for chunk_or_block in self._chunks_or_blocks(file):
                if isinstance(chunk_or_block, Block):
                    self._read_block(number, chunk_or_block, ids)
                if self._collector.batch.size + len(self._waiting) >= self._options.batch_rows:
                    yield self._flush(number)
            yield self._flush(number)
            self._collector.end_look(file)

    def _chunks_or_blocks(self, file: InputFile) -> Iterator[Block | None]:
        """Rows; None where the quick way has taken them already."""
        step = "reading interactions"
        if not self._is_json:
            for block in read_blocks(file, self._format):
                self._collector.move(step, block.done)
                yield block
            return
        for chunk in read_chunks(file):
            self._collector.move(step, chunk.done)
            read = read_lines(chunk.data) if self._is_own_shape and chunk.data else None
            if read is not None:
                self._waiting.extend(read, chunk.first_line)
                yield None
            else:
                rows, unreadable = decode_chunk(chunk)
                all_unreadable = [*chunk.unreadable, *unreadable]
                yield Block(rows=rows, unreadable=all_unreadable, done=chunk.done)

    def _read_block(self, file: int, block: Block, ids: Occurrences) -> None:
        self._collector.unreadable(file, block.unreadable)
        for line, row in block.rows:
            values, ignored = self._fields.apply(self._bare(row))
            kind = kind_of(values)
            if kind not in ("interaction", "shown"):
                continue
            try:
                if kind == "shown":
                    self._shown.add(file, line, values, ids)
                else:
                    self._read_interaction(line, values, ids)
                self._collector.ignore(ignored)
            except InvalidInput as error:
                self._collector.refuse(file, line, error, row)

    def _read_interaction(self, line: int, values: dict[str, Any], ids: Occurrences) -> None:
        found = self._rows.interaction(values)
        if found is None:
            return
        draft, stored_as = found
        if draft.event_id is None:
            draft = replace(draft, event_id=ids.event_id(canonical_json(draft)))
        self._waiting.add(draft, line, stored_as)

    def _flush(self, file: int) -> Batch:
        self._collector.batch.file = file
        self._waiting.fill(self._collector.batch)
        return self._collector.take()

    # Shown documents

    def read_shown(self) -> Iterator[Batch]:
        if not self._grouper.n_rows:
            return
        base = self._base
        if base is None:
            base = self._shown.positions.guess()
        self._collector.batch.position_bases[_FILE] = base
        self._collector.look_again()
        groups = self._grouper.groups()
        for _, rows in self._collector.groups("importing", groups, self._grouper.n_rows):
            self._shown.read(rows, base)
            yield from self._collector.full()
        yield self._collector.take()

    def _bare(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row without what an export to CSV does against spreadsheets."""
        if self._options.format is not ImportFormat.CSV:
            return row
        return {name: unguard(cell) if cell.startswith("'") else cell for name, cell in row.items()}


def _survey_position(values: dict[str, Any], stats: PositionStats) -> None:
    try:
        position = as_integer(values.get("position"), "position")
    except InvalidInput:
        return
    if position is not None:
        shown = "impression" in str(values.get("interaction_type"))
        stats.add(position, shown=shown)
