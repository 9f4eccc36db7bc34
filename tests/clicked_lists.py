"""Made-up lists in which what is worth most is mostly clicked: a taste that models should find."""

from __future__ import annotations

import random

from desirepath.engine.engine import Engine
from desirepath.engine.recording import Submission
from desirepath.testing.clock import TestingClock
from desirepath.testing.examples import sent_execution, sent_interaction

__all__ = ["shop"]


def shop(engine: Engine, clock: TestingClock, n: int, *, clicks: bool = True) -> None:
    """Lists by chance; what is worth most is clicked, four times of five."""
    draw = random.Random(1)
    for number in range(n):
        worths = [draw.random() for _ in range(6)]
        documents = [
            {"document_id": f"d{draw.randrange(1000)}-{place}", "features": {"worth": worth}}
            for place, worth in enumerate(worths)
        ]
        name = f"e{number}"
        sent = sent_execution(execution_id=name, session_id=f"s{number}", documents=documents)
        engine.submit(Submission(namespace=1, executions=(sent,)))
        if clicks:
            place = worths.index(max(worths)) if draw.random() < 0.8 else draw.randrange(6)
            click = sent_interaction(
                execution_id=name, feature_id=documents[place]["document_id"], position=place
            )
            engine.submit(Submission(namespace=1, interactions=(click,)))
        clock.advance(seconds=30)
