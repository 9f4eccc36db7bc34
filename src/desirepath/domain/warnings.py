"""One clear sentence for everything accepted that will not do what its sender probably hopes."""

from __future__ import annotations

from desirepath.domain.execution import ShownList
from desirepath.domain.interaction import QUERY_LEVEL_TYPES, InteractionDraft

__all__ = ["warning_for"]

CLAMPED = "occurred_at lies in the future and was set to now: check the sender's clock."
TEACHES_NOTHING = (
    "Recorded, but nothing can be learned from it: send the execution_id of the search "
    "(or at least a feature_uri)."
)
UNKNOWN_EXECUTION = (
    "execution_id is not known here (yet): until that execution arrives, nothing is learned "
    "from its list."
)
UNKNOWN_RETRIEVER = "retriever_id is not known here: create the retriever, or check the id."
OTHER_RETRIEVER = "retriever_id is not the retriever of the execution, which is what learns."
NOT_SHOWN = "The execution did not show this document, so its position teaches nothing."
OTHER_SCORE = "document_score is not the score that the execution showed the document with."
BEYOND_RESULTS = (
    "position is outside result_set_size: positions are counted from 0, so the last one is "
    "result_set_size - 1."
)
IGNORED_KEYS = "Unknown keys were ignored: {}."

_NOT_LISTED = object()
_SCORE_TOLERANCE = 1e-6  # scores make a round trip through JSON and sometimes 32-bit floats


def warning_for(
    draft: InteractionDraft,
    *,
    shown: ShownList | None,
    retriever_id: str | None,
    clamped: bool,
    ignored_keys: tuple[str, ...] = (),
) -> str | None:
    """What to tell the sender of an interaction that is accepted.

    Parameters
    ----------
    draft
        The interaction as it was sent.
    shown
        What its execution showed; None when the execution is not known or not named.
    retriever_id
        The id of the retriever that its retriever_id names, by id or name; None when there is none.
    clamped
        Whether occurred_at lay in the future.
    ignored_keys
        Names of keys that were ignored.

    Returns
    -------
    str or None
        Sentences, joined by a space.
    """
    if shown is not None and not (clamped or ignored_keys) and _fits(draft, shown):
        return None
    sentences = []
    if ignored_keys:
        sentences.append(IGNORED_KEYS.format(", ".join(ignored_keys)))
    if clamped:
        sentences.append(CLAMPED)
    if draft.result_set_size and draft.position >= draft.result_set_size:
        sentences.append(BEYOND_RESULTS)
    if draft.retriever_id is not None and retriever_id is None:
        sentences.append(UNKNOWN_RETRIEVER)
    if shown is not None:
        sentences += _against_list(draft, shown, retriever_id)
    elif draft.execution_id is not None:
        sentences.append(UNKNOWN_EXECUTION)
    elif draft.feature_uri is None and not is_query_level(draft):
        sentences.append(TEACHES_NOTHING)
    return " ".join(sentences) or None


def _fits(draft: InteractionDraft, shown: ShownList) -> bool:
    """Whether there is certainly nothing to warn of; most interactions fit their list."""
    score = shown.document_to_score.get(draft.feature_id, _NOT_LISTED)
    return (
        score is not _NOT_LISTED
        and (draft.retriever_id is None or draft.retriever_id == shown.retriever_id)
        and (draft.document_score is None or draft.document_score == score)
        and (not draft.result_set_size or draft.position < draft.result_set_size)
    )


def is_query_level(draft: InteractionDraft) -> bool:
    """Whether it is about the query and not about a document."""
    return QUERY_LEVEL_TYPES.issuperset(draft.types)


def _against_list(draft: InteractionDraft, shown: ShownList, retriever_id: str | None) -> list[str]:
    sentences = []
    if draft.retriever_id is not None and retriever_id != shown.retriever_id:
        sentences.append(OTHER_RETRIEVER)
    if is_query_level(draft):
        return sentences
    if draft.feature_id not in shown.document_to_score:
        sentences.append(NOT_SHOWN)
    else:
        score = shown.document_to_score[draft.feature_id]
        if (
            draft.document_score is not None
            and score is not None
            and abs(draft.document_score - score) > _SCORE_TOLERANCE * max(1.0, abs(score))
        ):
            sentences.append(OTHER_SCORE)
    return sentences
