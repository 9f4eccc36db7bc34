"""Cut the power at every acknowledgement, from a record of the system calls that led to it.

``strace`` writes down what a server does to its database files. :class:`Disk` replays that as a
disk may keep it: a file holds what was written before its last sync that was completed, and a name
exists, or is gone, once its folder was synced. At the system call that begins an answer of 200 the
disk is copied, opened as after a crash, and searched for everything acknowledged up to there.

The harder variant also keeps a random part of what was not synced, in no order, and tears writes
into sectors.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from desirepath.storage.sqlite.storage import driver
from tests.torture.harness import id_bytes, integrity_of

SECTOR = 512
TRACED = (
    "openat,creat,pwrite64,pwritev,pwritev2,write,writev,ftruncate,truncate,fallocate,unlink,"
    "unlinkat,rename,renameat,renameat2,fsync,fdatasync,sync_file_range,msync,sendto,sendmsg"
)
_UNSUPPORTED = frozenset(
    ("pwritev", "pwritev2", "truncate", "fallocate", "rename", "renameat", "renameat2")
)
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))")
_UNFINISHED = " <unfinished ...>"
_FD = re.compile(r"(\d+)<([^>]*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_ANSWER = re.compile(rb"int_[0-9a-f]{32}")


def strace_command(log: Path) -> list[str]:
    """The command that records a server."""
    return [
        *("strace", "-f", "-y", "-xx", "-s", "1000000", "--signal=none"),
        *("-o", str(log), "-e", f"trace={TRACED}"),
    ]


@dataclass
class Call:
    """A system call: where it began and ended in the log, and what it did."""

    name: str
    arguments: str
    began: int
    ended: int = -1
    result: int = -1


def read_calls(lines: Iterable[str]) -> list[Call]:
    """The completed system calls of a log."""
    open_by_thread: dict[str, Call] = {}
    calls = []
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match is None:
            continue
        thread, resumed, rest, name, arguments = match.groups()
        if resumed is not None:
            call = open_by_thread.pop(thread)
            call.arguments += rest
        else:
            call = Call(name, arguments, number)
        text = call.arguments.rstrip("\n")
        if text.endswith(_UNFINISHED):
            call.arguments = text.removesuffix(_UNFINISHED)
            open_by_thread[thread] = call
            if resumed is None:
                calls.append(call)
            continue
        arguments, _, result = text.rpartition(" = ")
        call.arguments = arguments.rstrip().removesuffix(")")
        call.ended = number
        number_found = re.match(r"\d+", result)
        call.result = -1 if number_found is None else int(number_found[0])
        if resumed is None:
            calls.append(call)
    return calls


def _text(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))


def _strings(call: Call) -> list[bytes]:
    found = _STRING.findall(re.sub(_FD, "", call.arguments))
    assert not any(cut for _, cut in found), "strace cut a string short"
    return [_text(text) for text, _ in found]


def _file_of(call: Call) -> str:
    match = _FD.match(call.arguments)
    return "" if match is None else _text(match[2]).decode(errors="replace")


@dataclass
class _Write:
    offset: int
    content: bytes


@dataclass
class _Truncate:
    size: int


@dataclass
class _File:
    """What of a file is on the disk, and what only the kernel knows."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[_Write | _Truncate] = field(default_factory=list)


def _apply(content: bytearray, change: _Write | _Truncate) -> None:
    end = change.size if isinstance(change, _Truncate) else change.offset + len(change.content)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if isinstance(change, _Truncate):
        del content[end:]
    else:
        content[change.offset : end] = change.content


class Disk:
    """The files of one folder, as a power cut would leave them.

    ``-shm`` files are left out: SQLite makes them anew from the write-ahead log.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._name_to_file: dict[str, _File] = {}
        """As processes see it."""
        self._synced_names: dict[str, _File] = {}

    def is_ours(self, path: str) -> bool:
        return path.startswith(self._folder + "/") and not path.endswith("-shm")

    def make(self, path: str) -> None:
        self._name_to_file.setdefault(path, _File())

    def remove(self, path: str) -> None:
        self._name_to_file.pop(path, None)

    def change(self, path: str, change: _Write | _Truncate) -> None:
        if path in self._name_to_file:
            self._name_to_file[path].pending.append(change)

    def sync(self, path: str, n_changes: int) -> None:
        """Keep the first changes of a file; of the folder, its names."""
        if path == self._folder:
            self._synced_names = dict(self._name_to_file)
        elif path in self._name_to_file:
            file = self._name_to_file[path]
            for change in file.pending[:n_changes]:
                _apply(file.synced, change)
            del file.pending[:n_changes]

    def n_pending(self, path: str) -> int:
        return len(self._name_to_file[path].pending) if path in self._name_to_file else 0

    def image(self, rng: random.Random | None = None) -> dict[str, bytes]:
        """The files after a power cut; with ``rng`` some of what was not synced is kept."""
        names = self._synced_names
        if rng is not None and rng.random() < 0.5:
            names = self._name_to_file
        found = {}
        for path, file in names.items():
            content = bytearray(file.synced)
            if rng is not None:
                for change in file.pending:
                    if rng.random() < 0.5:
                        _apply(content, _torn(change, rng))
            found[path] = bytes(content)
        return found


def _torn(change: _Write | _Truncate, rng: random.Random) -> _Write | _Truncate:
    """Sometimes only the first sectors of a write."""
    if isinstance(change, _Truncate) or rng.random() < 0.7:
        return change
    boundary = -(change.offset % -SECTOR) + SECTOR * rng.randrange(
        1 + len(change.content) // SECTOR
    )
    return _Write(change.offset, change.content[:boundary])


@dataclass
class Cut:
    """The disk at the moment an answer began, and every interaction acknowledged by then."""

    image: dict[str, bytes]
    acked: list[bytes]


def cuts(log: Path, folder: Path, rng: random.Random | None = None) -> Iterator[Cut]:
    """Replay a log and stop at every acknowledgement."""
    with log.open(encoding="latin-1") as lines:
        calls = read_calls(lines)
    began_to_ids = dict(_acknowledgements(calls))
    steps = sorted(
        [(call.began, 0, call) for call in calls] + [(call.ended, 1, call) for call in calls],
        key=lambda step: step[:2],
    )
    disk = Disk(folder)
    n_covered: dict[int, int] = {}
    acked: list[bytes] = []
    for _, phase, call in steps:
        if phase == 0:
            if call.name in ("fsync", "fdatasync"):
                n_covered[call.began] = disk.n_pending(_file_of(call))
            if call.began in began_to_ids:
                acked += began_to_ids[call.began]
                yield Cut(disk.image(rng), list(acked))
        elif call.ended >= 0 and call.result >= 0:
            _replay(disk, call, n_covered)


def _replay(disk: Disk, call: Call, n_covered: dict[int, int]) -> None:
    path = _file_of(call)
    if call.name in ("openat", "creat"):
        opened = _strings(call)[0].decode(errors="replace")
        if disk.is_ours(opened) and ("O_CREAT" in call.arguments or call.name == "creat"):
            assert "O_TRUNC" not in call.arguments
            disk.make(opened)
    elif call.name in ("unlink", "unlinkat"):
        disk.remove(_strings(call)[0].decode(errors="replace"))
    elif call.name in ("fsync", "fdatasync"):
        disk.sync(path, n_covered.pop(call.began))
    elif disk.is_ours(path):
        assert call.name not in _UNSUPPORTED, f"{call.name} is not replayed"
        if call.name == "pwrite64":
            offset = int(call.arguments.rpartition(", ")[2])
            disk.change(path, _Write(offset, _strings(call)[0][: call.result]))
        elif call.name == "ftruncate":
            disk.change(path, _Truncate(int(call.arguments.rpartition(", ")[2])))
        else:
            raise AssertionError(f"{call.name} on {path} is not replayed")


def _acknowledgements(calls: Sequence[Call]) -> Iterator[tuple[int, list[bytes]]]:
    """(where it began, interaction ids) of each answer of 200; its body may be a later call."""
    socket_to_beginning: dict[str, int] = {}
    for call in calls:
        if call.name not in ("write", "writev", "sendto", "sendmsg"):
            continue
        match = _FD.match(call.arguments)
        if match is None or not _text(match[2]).startswith((b"socket:", b"TCP")):
            continue
        content = b"".join(_strings(call))
        if content.startswith(b"HTTP/1.1 "):
            socket_to_beginning.pop(match[0], None)
            if content.startswith(b"HTTP/1.1 200"):
                socket_to_beginning[match[0]] = call.began
        ids = _ANSWER.findall(content)
        if ids and match[0] in socket_to_beginning:
            began = socket_to_beginning.pop(match[0])
            yield began, [id_bytes(id.decode()) for id in ids]


@dataclass
class Findings:
    """What was found in the images."""

    n_cuts: int = 0
    n_cuts_with_loss: int = 0
    most_lost: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.n_cuts_with_loss} of {self.n_cuts} power cuts lost acknowledged interactions "
            f"(at most {self.most_lost}), {self.faults.total()} corrupt"
        )


def examine(found: Iterable[Cut], database: Path, scratch: Path) -> Findings:
    """Open each image as after a crash, and look for everything acknowledged by then."""
    findings = Findings()
    for cut in found:
        for old in scratch.iterdir():
            old.unlink()
        for path, content in cut.image.items():
            (scratch / Path(path).name).write_bytes(content)
        copy = scratch / database.name
        missing = set(cut.acked)
        try:
            if copy.exists():
                with closing(driver.connect(str(copy))) as connection:
                    missing -= {row[0] for row in connection.execute("SELECT id FROM interactions")}
                findings.faults.update(fault for fault in integrity_of(copy) if fault != "ok")
        except driver.DatabaseError as error:
            findings.faults[str(error)] += 1
        findings.n_cuts += 1
        findings.n_cuts_with_loss += bool(missing)
        findings.most_lost = max(findings.most_lost, len(missing))
    return findings
