"""Learn from interactions that name a feature, and whose list is not known.

They say little: a click on something that one feature found, among what, nobody knows. So each
counts for its feature alone, in what everybody shares, and policies take all of them together as a
weak prior. When the list arrives it teaches in their place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from desirepath.domain.ranking import Contexts
from desirepath.engine.learning.adding import Change, add_up
from desirepath.engine.learning.policies import summing_policy
from desirepath.methods.bandits.sums import nothing
from desirepath.storage.base import Session
from desirepath.storage.learned import LoneInteraction

__all__ = ["learn_lone", "lone_change", "unlearn_lone", "unlearn_lone_of"]


def learn_lone(session: Session, lone: Sequence[LoneInteraction], shard: int, today: int) -> None:
    """Learn from new interactions."""
    if lone:
        session.learned.put_lone(lone)
        _apply(session, lone, shard, today, is_leaving=False)


def unlearn_lone(
    session: Session, namespace: int, ids: Sequence[bytes], shard: int, today: int
) -> None:
    """Take away what interactions taught that are deleted."""
    _apply(session, session.learned.take_lone(namespace, ids), shard, today, is_leaving=True)


def unlearn_lone_of(
    session: Session, keys: Collection[tuple[int, str]], shard: int, today: int
) -> None:
    """Take away what interactions taught by themselves whose executions, by name, arrived."""
    _apply(session, session.learned.take_lone_of(keys), shard, today, is_leaving=True)


def _apply(
    session: Session, lone: Sequence[LoneInteraction], shard: int, today: int, *, is_leaving: bool
) -> None:
    if not lone:
        return
    states = session.learned.hold_states({(one.namespace, one.retriever_id) for one in lone})
    changes = [
        lone_change(
            one,
            states[one.namespace, one.retriever_id].generations(one.id),
            is_leaving=is_leaving,
        )
        for one in lone
    ]
    add_up(session, changes, shard, today)


def lone_change(
    one: LoneInteraction, generations: tuple[int, ...], *, is_leaving: bool = False
) -> Change:
    """What sums gain by an interaction, or lose."""
    sums = summing_policy(one.algorithm).lone_sums(one.feature, one.reward)
    return Change(
        namespace=one.namespace,
        retriever_id=one.retriever_id,
        algorithm=one.algorithm,
        contexts=Contexts(identity=one.identity),
        day=one.day,
        generations=generations,
        before=sums if is_leaving else nothing(),
        after=nothing() if is_leaving else sums,
    )
