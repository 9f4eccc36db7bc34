"""What an evaluation measures, and at which cutoffs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from desirepath.domain.checks import convert, refuse_unknown
from desirepath.errors import InvalidEvaluation

__all__ = [
    "DEFAULT_K_VALUES",
    "DEFAULT_METRICS",
    "METRICS",
    "MOST_K",
    "SET_METRICS",
    "EvaluationConfig",
    "check_metrics",
    "read_evaluation_config",
]

METRICS = ("precision", "recall", "f1", "f2", "map", "ndcg", "mrr")
"""See :func:`~desirepath.methods.ranking.measures.measures_at` for what each is."""

SET_METRICS = ("precision", "recall", "f1", "f2")
"""Those that need no order."""

DEFAULT_METRICS = ("precision", "recall", "f1", "map", "ndcg", "mrr")
DEFAULT_K_VALUES = (1, 5, 10, 20)
MOST_K = 1_000
_MOST_K_VALUES = 20
_USUAL_K = 10

Cutoff = Annotated[int, Meta(ge=1, le=MOST_K)]


class EvaluationConfig(Struct, frozen=True, kw_only=True):
    """What is measured.

    Parameters
    ----------
    k_values
        Cutoffs, rising.
    metrics
        Of :data:`METRICS`, each once.
    """

    k_values: tuple[int, ...] = DEFAULT_K_VALUES
    metrics: tuple[str, ...] = DEFAULT_METRICS

    @property
    def depth(self) -> int:
        """How many documents of an answer are looked at."""
        return self.k_values[-1]

    @property
    def primary(self) -> tuple[str, int]:
        """The measure that decides: NDCG, else the first metric; at 10, else at the largest k.

        >>> EvaluationConfig().primary, EvaluationConfig(k_values=(1, 3), metrics=("mrr",)).primary
        (('ndcg', 10), ('mrr', 3))
        """
        metric = "ndcg" if "ndcg" in self.metrics else self.metrics[0]
        return metric, _USUAL_K if _USUAL_K in self.k_values else self.depth


class _SentConfig(Struct, frozen=True, kw_only=True):
    k_values: Annotated[list[Cutoff], Meta(min_length=1, max_length=_MOST_K_VALUES)] | None = None
    metrics: Annotated[list[str], Meta(min_length=1, max_length=100)] | None = None


def read_evaluation_config(
    plain: Mapping[str, Any] | None, *, lenient: bool = False
) -> EvaluationConfig:
    """Check what is to be measured; what is left out has its default.

    Raises
    ------
    InvalidEvaluation
        A metric is none, a cutoff is not from 1 to 1,000, or there are more than 20 of them.
    """
    values = dict(plain or {})
    refuse_unknown(values, _SentConfig.__struct_fields__, InvalidEvaluation, lenient)
    sent = convert(values, _SentConfig, InvalidEvaluation)
    return EvaluationConfig(
        k_values=tuple(sorted(set(sent.k_values or DEFAULT_K_VALUES))),
        metrics=check_metrics(sent.metrics or DEFAULT_METRICS, METRICS),
    )


def check_metrics(sent: list[str] | tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Names of metrics, each once, in the order in which they were sent.

    Raises
    ------
    InvalidEvaluation
        One is not known; the message names those that are.
    """
    for number, name in enumerate(sent):
        if name not in known:
            raise InvalidEvaluation(
                f"No such metric; there are {', '.join(known)}.", ("metrics", number)
            )
    return tuple(dict.fromkeys(sent))
