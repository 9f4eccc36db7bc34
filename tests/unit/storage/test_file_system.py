"""Which file system a path is on, by Linux's table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from desirepath.storage.sqlite.file_system import file_system_of

MOUNTS = """\
22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:30 / /mnt rw - tmpfs tmpfs rw,size=1k
31 30 0:31 / /mnt/share rw,relatime - nfs4 server:/x rw,vers=4.2
32 22 0:32 / /with\\040space rw - fuse.sshfs me@there: rw
33 22 0:33 / /twice rw - ext4 /dev/vdb rw
34 33 0:34 / /twice rw - xfs /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/home/log.db", "ext4"),
        ("/mnt/log.db", "tmpfs"),
        ("/mnt/share/a/log.db", "nfs4"),
        ("/mnt/shared/log.db", "tmpfs"),
        ("/mnt/share", "nfs4"),
        ("/with space/log.db", "fuse.sshfs"),
        ("/twice/log.db", "xfs"),
    ],
)
def test_the_innermost_mount_counts(path: str, kind: str, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert file_system_of(Path(path), table) == kind


def test_where_there_is_no_table_nobody_knows(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, tmp_path / "nothing") is None
