"""What is live, as far as people decided it: what a candidate is held against."""

from __future__ import annotations

from msgspec import Struct

from desirepath.domain.artifact import Artifact
from desirepath.domain.fusion_controls import FusionControls, read_controls
from desirepath.domain.retriever import Retriever
from desirepath.storage.base import Session

__all__ = ["Live", "live_now"]


class Live(Struct, frozen=True, kw_only=True):
    """Two are equal where nobody changed anything between them; learning goes on all the time.

    Parameters
    ----------
    version
        Of the retriever; None: it is gone.
    serving
        Version of the candidate's name that is deployed; None: none is.
    """

    version: int | None
    controls: FusionControls
    serving: int | None


def live_now(session: Session, retriever: Retriever, artifact: Artifact) -> Live:
    """What is live while a candidate is judged, or would ship."""
    number, id = retriever.namespace, retriever.retriever_id
    found = session.catalog.find_retriever(number, id)
    return Live(
        version=None if found is None else found.version,
        controls=read_controls(session.learned.controls(number, id)),
        serving=session.artifacts.serving(number).get(artifact.name),
    )
