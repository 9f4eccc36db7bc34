"""Models: what was learned from the log, in versions under a name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from desirepath.domain.checks import is_storable
from desirepath.errors import InvalidModel

__all__ = [
    "Artifact",
    "ArtifactDraft",
    "ArtifactFile",
    "Deployment",
    "check_model_name",
    "seal",
]

_LONGEST_NAME = 200


class ArtifactFile(Struct, frozen=True, kw_only=True):
    """How large a file is, and the SHA-256 of what is in it, in hex."""

    n_bytes: int
    sha256: str


class Artifact(Struct, frozen=True, kw_only=True):
    """A version of a model, without its files; it never changes but for being marked as stale.

    Parameters
    ----------
    kind
        What it does: ``"ranker"``, ``"ctr_model"``, ``"query_adapter"``, ``"recommender"``,
        ``"fusion_weights"``. A name belongs to one kind.
    version
        Counted from 1 under its name; not given again while the name has any.
    retriever_id
        Whose log it learned from; None: everybody's.
    manifest
        What made it: settings, layout, seeds, sizes, versions of libraries; and how good it was.
    files
        By name.
    seen_before
        Of the log, what was recorded before this moment was seen; microseconds since 1970. None:
        no log was.
    stale_at
        When something that it may have seen was deleted from the log; None: nothing was.
    """

    namespace: int
    id: bytes
    artifact_id: str
    kind: str
    name: str
    version: int = 0
    retriever_id: str | None = None
    manifest: dict[str, Any] = {}
    files: dict[str, ArtifactFile] = {}
    created_at: int = 0
    seen_before: int | None = None
    stale_at: int | None = None

    @property
    def beats_baselines(self) -> bool | None:
        """Whether it was better than what needs no learning; None: nobody measured, or could."""
        found = self.manifest.get("report", {}).get("beats_baselines")
        return None if found is None else bool(found)

    @property
    def verdict(self) -> str | None:
        """What the measure said, in words."""
        found = self.manifest.get("report", {}).get("verdict")
        return None if found is None else str(found)

    @property
    def n_bytes(self) -> int:
        """Of all its files."""
        return sum(file.n_bytes for file in self.files.values())


class ArtifactDraft(Struct, frozen=True, kw_only=True):
    """A model that was trained and is not stored yet; as :class:`Artifact`.

    Parameters
    ----------
    files
        What is in each. Whatever names a person is in files that end with ``.json``, as a JSON
        string: that is where an erasure looks.
    """

    kind: str
    name: str
    manifest: dict[str, Any]
    files: Mapping[str, bytes]
    retriever_id: str | None = None


class Deployment(Struct, frozen=True, kw_only=True):
    """A version that was put to work; of a name, the last one is what serves.

    Parameters
    ----------
    depth
        How many deployments it can be rolled back through, itself included. Rolling back goes to
        the last one of a smaller depth, and takes over its depth.
    """

    name: str
    version: int
    depth: int
    deployed_at: int


def seal(content: bytes) -> ArtifactFile:
    """What a file is known by.

    >>> seal(b"tree").n_bytes
    4
    """
    return ArtifactFile(n_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def check_model_name(name: str) -> None:
    """Refuse names that could be taken for an id or cannot be written in a path.

    Raises
    ------
    InvalidModel
        The name is blank, longer than 200 characters, begins with ``mod_``, has a slash or a
        character that cannot be stored.
    """
    if (
        not 0 < len(name) <= _LONGEST_NAME
        or name.isspace()
        or name.startswith("mod_")
        or "/" in name
        or not is_storable(name)
    ):
        raise InvalidModel(
            "The name of a model is 1 to 200 characters, does not start with mod_ and has no "
            "slash.",
            ("name",),
        )
