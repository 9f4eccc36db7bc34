"""Simulated people with tastes of their own, for recommendations: a simulation, never people.

Each likes one or two kinds of document more than the rest, and everybody likes what is popular. So
what a method should find is known: the kinds.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["Reactions", "Tastes", "simulate_tastes"]

Ints = NDArray[np.int64]


class Tastes(Struct, frozen=True, kw_only=True):
    """Who there is, and what they like.

    Parameters
    ----------
    n_people, n_documents, n_kinds
        Each document is of one kind.
    reactions
        Of a person on average, at least one; few have many (a geometric law).
    own
        Share of a person's reactions that are to one of their own kinds; the others go by
        popularity alone. With 0 there is nothing to learn but popularity.
    popularity_power
        Document number k of its kind is reacted to in proportion to ``k^-power``.
    """

    n_people: int = 2_000
    n_documents: int = 1_000
    n_kinds: int = 20
    reactions: float = 12.0
    own: float = 0.6
    popularity_power: float = 0.8


class Reactions(Struct, frozen=True, kw_only=True, eq=False):
    """What happened, in order of time.

    Parameters
    ----------
    people, documents : shape (n,)
        Numbers from 0. A person reacts to a document once.
    kinds : shape (n_documents,)
        Of each document.
    tastes : shape (n_people, 2)
        The kinds of each person.
    """

    people: Ints
    documents: Ints
    kinds: Ints
    tastes: Ints


def simulate_tastes(tastes: Tastes, rng: np.random.Generator) -> Reactions:
    """Let people come by and react."""
    kinds = rng.integers(tastes.n_kinds, size=tastes.n_documents)
    ranks = np.arange(1, tastes.n_documents + 1)
    chances = rng.permutation(ranks.astype(float) ** -tastes.popularity_power)
    own_kinds = rng.integers(tastes.n_kinds, size=(tastes.n_people, 2))
    counts = rng.geometric(1 / tastes.reactions, size=tastes.n_people)
    people, documents = [], []
    for person, drawn in enumerate(counts):
        liked = np.isin(kinds, own_kinds[person])
        likes = chances * (1 - tastes.own) / chances.sum()
        if liked.any():
            likes = likes + np.where(liked, chances, 0) * tastes.own / chances[liked].sum()
        count = min(int(drawn), tastes.n_documents)
        documents.append(
            rng.choice(tastes.n_documents, size=count, replace=False, p=likes / likes.sum())
        )
        people.append(np.full(count, person))
    order = rng.permutation(sum(map(len, people)))
    return Reactions(
        people=np.concatenate(people)[order],
        documents=np.concatenate(documents)[order],
        kinds=kinds,
        tastes=own_kinds,
    )
