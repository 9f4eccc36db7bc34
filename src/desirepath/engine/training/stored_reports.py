"""Reports of models that were trained before, from what is stored with them."""

from __future__ import annotations

import msgspec

from desirepath.domain.artifact import Artifact
from desirepath.engine.ranker_files import CTR_MODEL, RANKER
from desirepath.engine.training.ctr_report import CtrReport
from desirepath.engine.training.ranker import RankerReport
from desirepath.errors import InvalidFile, InvalidInput

__all__ = ["stored_report"]


def stored_report(artifact: Artifact) -> RankerReport | CtrReport:
    """The report that a model was stored with.

    Raises
    ------
    InvalidInput
        The model is of a kind whose reports are not read.
    InvalidFile
        Its manifest has no such report, or that of another version of Desirepath.
    """
    kind_to_report: dict[str, type[RankerReport] | type[CtrReport]] = {
        RANKER: RankerReport,
        CTR_MODEL: CtrReport,
    }
    if artifact.kind not in kind_to_report:
        raise InvalidInput("Only rankers and click-through models have a chart.")
    try:
        return msgspec.convert(artifact.manifest.get("report"), kind_to_report[artifact.kind])
    except msgspec.ValidationError as error:
        raise InvalidFile("The model was stored without a report that can be drawn.") from error
