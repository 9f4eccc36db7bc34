"""A job for a reader: everything it needs, in one value that can go to another process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from desirepath.engine.importing.batches import Batch
from desirepath.engine.importing.files import InputFile
from desirepath.engine.importing.known import Known
from desirepath.engine.importing.metarank import read_metarank
from desirepath.engine.importing.options import ImportFormat, ImportOptions
from desirepath.engine.importing.preparing import Preparer
from desirepath.engine.importing.table import read_table
from desirepath.engine.importing.ubi import read_ubi
from desirepath.storage.base import Storage

__all__ = ["ReadJob", "read_batches"]


class ReadJob(Struct, frozen=True, kw_only=True):
    """What to read.

    Parameters
    ----------
    files, options
        As the import was asked for.
    namespace
        Of the rows.
    retriever_id
        Of interactions that name none, if the user chose one.
    """

    files: tuple[InputFile, ...]
    options: ImportOptions
    namespace: int
    retriever_id: str | None = None


def read_batches(job: ReadJob, storages: Sequence[Storage]) -> Iterator[Batch]:
    """Read files into batches that are ready to be written.

    A batch marked as a barrier must be followed by nothing before all that came with it and before
    it is stored: what comes next looks for it.

    Raises
    ------
    InvalidFile
        A file cannot be read as its format.
    """
    known = Known(storages, job.namespace)
    if job.options.format is ImportFormat.METARANK:
        return read_metarank(job.files, job.options, known)
    if job.options.format is ImportFormat.UBI:
        return read_ubi(job.files, job.options, known)
    preparer = Preparer(known, job.namespace, job.retriever_id)
    return read_table(job.files, job.options, known, preparer)
