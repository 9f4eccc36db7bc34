"""``desirepath train``: one kind of model a file."""

from __future__ import annotations

import click

from desirepath.cli.lazy import LazyGroup

__all__ = ["train"]


_KINDS = {
    "ranker": "train_ranker:train_ranker_command",
    "ctr": "train_ctr:train_ctr_command",
    "adapter": "train_adapter:train_adapter_command",
    "recommender": "train_recommender:train_recommender_command",
    "weights": "train_weights:train_weights_command",
}


class _Kinds(LazyGroup):
    targets = _KINDS


@click.group(cls=_Kinds)
def train() -> None:
    """Train models from the log, beside honest baselines. Needs the extra `train`."""
