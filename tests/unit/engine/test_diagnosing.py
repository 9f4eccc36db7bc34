"""What a doctor finds to mend, by what the database says of itself."""

from __future__ import annotations

from contextlib import closing

import pytest
from msgspec.structs import replace

from desirepath.engine.diagnosing import diagnose
from desirepath.engine.engine import Engine
from desirepath.engine.recording import RecordingRules
from desirepath.storage.base import Health
from desirepath.testing.clock import ClockedStorage, TestingClock
from tests.storage_fixtures import Database

SOUND = Health(
    backend="sqlite",
    version="3.53.4",
    schema="0001",
    durability="journal_mode=wal synchronous=FULL",
    file_system="ext4",
    size_bytes=1_000_000,
    free_bytes=50_000_000_000,
)


class Patient(ClockedStorage):
    """A database that says of itself what a test wants."""

    said = SOUND

    def health(self) -> Health:
        return self.said


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, ""),
        ({"file_system": None, "free_bytes": None, "size_bytes": None}, ""),
        ({"durability": "synchronous_commit=on fsync=on full_page_writes=on"}, ""),
        ({"durability": "journal_mode=wal synchronous=NORMAL"}, "power cut"),
        ({"durability": "journal_mode=wal synchronous=OFF"}, "power cut"),
        ({"durability": "synchronous_commit=off fsync=on full_page_writes=on"}, "power cut"),
        ({"durability": "synchronous_commit=on fsync=on full_page_writes=off"}, "power cut"),
        ({"file_system": "nfs4"}, "network"),
        ({"file_system": "fuse.sshfs"}, "network"),
        ({"file_system": "tmpfs"}, "restart"),
        ({"free_bytes": 900_000_000}, "900 MB are free"),
    ],
)
def test_each_weakness_has_its_sentence(
    database: Database, clock: TestingClock, change: dict[str, object], finding: str
) -> None:
    with closing(database.open(clock)) as storage:
        patient = Patient(storage, clock)
        patient.said = replace(SOUND, **change)
        with closing(Engine(patient, clock, RecordingRules())) as engine:
            problems = diagnose(engine).problems
    if finding:
        (problem,) = problems
        assert finding in problem
        assert problem.endswith(".")
    else:
        assert problems == ()
