"""Who asks, whose weights that means, and whether they get learned ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from desirepath.domain.learning_config import LearningConfig, context_of
from desirepath.domain.ranking import Contexts
from desirepath.engine.learning.adding import GLOBAL, identity_context
from desirepath.storage.base import Session

__all__ = ["Asker", "contexts_of", "is_rolled_out"]

_USER = ("INPUT.user_id",)


class Asker(Struct, frozen=True, kw_only=True):
    """Who a search is for."""

    user_id: str | None = None
    session_id: str | None = None
    inputs: Mapping[str, Any] = {}


def contexts_of(
    session: Session, namespace: int, retriever_id: str, config: LearningConfig, asker: Asker
) -> Contexts:
    """The contexts of a search, fixed from now on.

    A user who opted out has no personal context; one who was reset starts a new one.
    """
    inputs = dict(asker.inputs)
    if asker.user_id is not None:
        inputs.setdefault("user_id", asker.user_id)
    if asker.session_id is not None:
        inputs.setdefault("session_id", asker.session_id)
    segment = None
    if config.demographic_features:
        key = context_of(config.demographic_features, inputs)
        segment = None if key is None else f"segment:{key}"
    identity = _identity(session, namespace, retriever_id, asker)
    personal = None
    if asker.user_id is None or not identity.opted_out:
        personal = _personal(config, inputs, asker, identity)
    return Contexts(personal=personal, segment=segment, identity=identity.name)


class _Identity(Struct, frozen=True):
    name: str | None
    generation: int = 0
    opted_out: bool = False


def _identity(session: Session, namespace: int, retriever_id: str, asker: Asker) -> _Identity:
    if asker.user_id is not None:
        control = session.learned.user(namespace, retriever_id, asker.user_id)
        name = f"user:{asker.user_id}"
        if control.generation:
            name = f"user#{control.generation}:{asker.user_id}"
        return _Identity(name, control.generation, control.opted_out)
    return _Identity(None if asker.session_id is None else f"session:{asker.session_id}")


def _personal(
    config: LearningConfig, inputs: Mapping[str, Any], asker: Asker, identity: _Identity
) -> str | None:
    key = context_of(config.context_features, inputs)
    if key is None:
        return None
    is_user = tuple(config.context_features) == _USER and inputs.get("user_id") == asker.user_id
    if is_user and identity.name is not None:  # the sums of the identity are those of the person
        return identity_context(identity.name, GLOBAL)
    return f"personal#{identity.generation}:{key}"


def is_rolled_out(retriever_id: str, asker: Asker, rollout_pct: float) -> bool:
    """Whether this asker gets learned weights: always the same answer for the same person.

    Without user_id and session_id there is nobody to keep an answer for: the share is met by the
    whole only where it is 0 or 100, and else they get static weights.
    """
    if rollout_pct >= 100.0 or rollout_pct <= 0.0:
        return rollout_pct >= 100.0
    who = asker.user_id or asker.session_id
    if who is None:
        return False
    digest = hashlib.blake2b(f"{retriever_id}\x00{who}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * 100.0 < rollout_pct
