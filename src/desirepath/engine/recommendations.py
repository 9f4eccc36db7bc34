"""Documents for somebody, documents like another one, people like another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from desirepath.domain.document import Document
from desirepath.domain.interaction import Interaction
from desirepath.engine.engine import Engine
from desirepath.engine.recommending.answers import (
    Because,
    Choice,
    RecommendedDocument,
    RecommendedDocuments,
    ServedBy,
    SimilarDocuments,
    SimilarUser,
    SimilarUsers,
)
from desirepath.engine.recommending.choosing import MOST_LOOKED_AT, choose
from desirepath.engine.recommending.history import (
    NOBODY,
    Asker,
    bought,
    history_of,
    last_done,
    reactions_of,
)
from desirepath.engine.recommending.loading import LoadedRecommender
from desirepath.errors import Conflict, NotFound
from desirepath.methods.levels import FloatArray, IntArray
from desirepath.methods.recommending.base import History
from desirepath.methods.recommending.evaluating import ranked
from desirepath.methods.recommending.mixing import mixed
from desirepath.storage.base import Session

__all__ = [
    "DEFAULT_MODEL",
    "recommend_documents",
    "recommend_similar_documents",
    "recommend_similar_users",
]

DEFAULT_MODEL = "recommender"
"""The name that is asked for unless another one is."""
_MOST_REASONS = 3
_TOUCH = 1e-9  # what fits nobody in particular goes by popularity
_NOTHING_KNOWN = (
    "Nothing that the model knows was reacted to by them: these are the most popular documents."
)
_NO_TASTES = (
    "The model found no tastes beyond what is popular when it was trained: these are the most "
    "popular documents."
)


def recommend_documents(
    engine: Engine,
    namespace: int,
    asker: Asker,
    choice: Choice,
    *,
    model: str = DEFAULT_MODEL,
    version: int | None = None,
    exclude_seen: bool = False,
    exclude_purchased: bool = True,
) -> RecommendedDocuments:
    """Documents for somebody, from what they reacted to until now; popular ones if that is nothing.

    Parameters
    ----------
    exclude_seen
        Leave out what they did anything with, be it that it was shown to them.
    exclude_purchased
        Leave out what they bought.

    Raises
    ------
    NotFound
        No such recommender is deployed.
    InvalidFilter
        The filter cannot be understood.
    """
    loaded = engine.recommenders.get(namespace, model, version)
    parts = loaded.parts
    with engine.storage.read() as session:
        done = last_done(session, namespace, asker)
        history = _history(loaded, done)
        left_out = set(choice.exclude_document_ids)
        if exclude_seen:
            left_out.update(one.feature_id for one in done)
        if exclude_purchased:
            left_out |= bought(session, namespace, asker, done)
        fits = parts.model.scores(history)
        share = max(parts.constants.popularity_share, _TOUCH)
        scores = mixed(fits, parts.popularity, share)
        ids, stored, notes = _chosen(session, namespace, loaded, scores, left_out, choice)
    is_personal = len(history.documents) > 0 and parts.constants.popularity_share < 1
    if not is_personal:
        notes.insert(0, _NO_TASTES if len(history.documents) else _NOTHING_KNOWN)
        history = NOBODY
    documents = [
        _presented(loaded, id, scores, stored, choice, _reasons(loaded, history, id)) for id in ids
    ]
    return RecommendedDocuments(
        documents=documents,
        basis="history" if is_personal else "popularity",
        model=_served_by(loaded),
        notes=notes,
    )


def recommend_similar_documents(
    engine: Engine,
    namespace: int,
    document_id: str,
    choice: Choice,
    *,
    model: str = DEFAULT_MODEL,
    version: int | None = None,
) -> SimilarDocuments:
    """Documents that the same people react to.

    Raises
    ------
    NotFound
        No such recommender is deployed; or the document is not stored, and nobody reacted to it
        that the model knows of.
    InvalidFilter
        The filter cannot be understood.
    """
    loaded = engine.recommenders.get(namespace, model, version)
    number = loaded.number_of_document.get(document_id)
    with engine.storage.read() as session:
        if number is None:
            if not session.documents.get(namespace, [document_id]):
                raise NotFound("document", document_id)
            note = "Nobody that the model knows of reacted to this document."
            return SimilarDocuments(documents=[], model=_served_by(loaded), notes=[note])
        alike = loaded.parts.model.similar(number)
        scores = np.where(alike > 0, alike, -np.inf)
        left_out = {document_id, *choice.exclude_document_ids}
        ids, stored, notes = _chosen(session, namespace, loaded, scores, left_out, choice)
    return SimilarDocuments(
        documents=[_presented(loaded, id, scores, stored, choice, []) for id in ids],
        model=_served_by(loaded),
        notes=notes,
    )


def recommend_similar_users(
    engine: Engine,
    namespace: int,
    asker: Asker,
    limit: int,
    *,
    model: str = DEFAULT_MODEL,
    version: int | None = None,
) -> SimilarUsers:
    """People who reacted to the same documents when the model was trained.

    Raises
    ------
    NotFound
        No such recommender is deployed.
    Conflict
        It was trained without similar_users, and knows nobody.
    """
    loaded = engine.recommenders.get(namespace, model, version)
    people = loaded.parts.people
    if people is None:
        raise Conflict("This recommender keeps nobody: train it with similar_users.")
    with engine.storage.read() as session:
        done = last_done(session, namespace, asker)
    history = _history(loaded, done)
    if not len(history.documents):
        return SimilarUsers(users=[], model=_served_by(loaded), notes=[_NOBODY])
    alike = loaded.alike(history)
    own = loaded.number_of_person.get(asker.user_id or asker.session_id or "")
    scores = np.where(alike > 0, alike, -np.inf)
    found = ranked(scores, _numbers([] if own is None else [own]), limit)
    users = [
        SimilarUser(
            user_id=people.ids[number],
            score=min(float(alike[number]), 1.0),
            because=_shared(loaded, history, people.preferences.of(int(number))),
        )
        for number in found
    ]
    return SimilarUsers(users=users, model=_served_by(loaded))


_NOBODY = "Nothing that the model knows was reacted to by them: nobody can be told to be like them."


def _history(loaded: LoadedRecommender, done: Iterable[Interaction]) -> History:
    constants, numbers = loaded.parts.constants, loaded.number_of_document
    return history_of(reactions_of(done), numbers, constants.half_life_days, constants.most)


def _numbers(values: Iterable[int]) -> IntArray:
    return np.array(list(values), dtype=np.int64)


def _chosen(
    session: Session,
    namespace: int,
    loaded: LoadedRecommender,
    scores: FloatArray,
    left_out: Iterable[str],
    choice: Choice,
) -> tuple[list[str], Mapping[str, Document], list[str]]:
    known = (loaded.number_of_document.get(id) for id in left_out)
    unwanted = _numbers(number for number in known if number is not None)
    order = ranked(scores, unwanted, MOST_LOOKED_AT)
    candidates = [loaded.parts.document_ids[number] for number in order]
    return choose(session, namespace, candidates, choice)


def _presented(
    loaded: LoadedRecommender,
    id: str,
    scores: FloatArray,
    stored: Mapping[str, Document],
    choice: Choice,
    because: list[Because],
) -> RecommendedDocument:
    payload = stored[id].payload if choice.return_payload and id in stored else None
    return RecommendedDocument(
        document_id=id,
        score=float(scores[loaded.number_of_document[id]]),
        because=because,
        payload=payload,
    )


def _reasons(loaded: LoadedRecommender, history: History, id: str) -> list[Because]:
    if not len(history.documents):
        return []
    added = loaded.parts.model.reasons(history, loaded.number_of_document[id])
    return _largest(loaded, history.documents, np.maximum(added, 0.0))


def _shared(loaded: LoadedRecommender, one: History, other: History) -> list[Because]:
    """What both reacted to, by what it adds to how alike they are."""
    both, of_one, of_other = np.intersect1d(one.documents, other.documents, return_indices=True)
    return _largest(loaded, both, one.weights[of_one] * other.weights[of_other])


def _largest(loaded: LoadedRecommender, documents: IntArray, amounts: FloatArray) -> list[Because]:
    total = float(amounts.sum())
    order = np.argsort(-amounts, kind="stable")[:_MOST_REASONS]
    return [
        Because(
            document_id=loaded.parts.document_ids[documents[place]],
            share=float(amounts[place]) / total,
        )
        for place in order
        if amounts[place] > 1e-6 * total > 0
    ]


def _served_by(loaded: LoadedRecommender) -> ServedBy:
    artifact = loaded.artifact
    return ServedBy(
        name=artifact.name, version=artifact.version, is_stale=artifact.stale_at is not None
    )
