"""A service to look at, with a little of everything in its log."""

from __future__ import annotations

import os
import queue
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import desirepath

_SECONDS = 120.0  # of waiting, at most

KEY = "a-key-for-looking"
QUERIES = ("wireless headphones", "desk lamp", "<script>alert(1)</script>", "منضدة", "garden chair")


def fill(database: str, n_searches: int = 60) -> None:
    """Make up searches and what was done with them; a simulation, from a fixed seed."""
    rng = random.Random(7)
    with desirepath.open(database) as here:
        here.retrievers.create("products")
        for number in range(n_searches):
            query = rng.choice(QUERIES)
            shown = rng.sample([f"doc_{n}" for n in range(40)], 10)
            search = here.executions.create(
                "products",
                execution_id=f"search-{number}",
                inputs={"query": query},
                documents=[{"document_id": id, "score": 1.0} for id in shown if number % 15],
                session_id=f"session-{number // 3}",
            )
            here.interactions.create_batch(
                {
                    "feature_id": shown[position],
                    "interaction_type": [rng.choice(("click", "click", "skip", "add_to_cart"))],
                    "position": position,
                    "execution_id": search["execution_id"],
                    "session_id": f"session-{number // 3}",
                }
                for position in range(10)
                if rng.random() < 0.5 / (1 + position)
            )
        here.interactions.create(feature_id="doc_1", interaction_type=["click"], position=3)


@contextmanager
def served(database: str, *flags: str) -> Iterator[tuple[str, list[str]]]:
    """Run the service; its address, and what it printed."""
    environment = {**os.environ, "DESIREPATH_ADMIN_KEY": KEY}
    command = [sys.executable, "-m", "desirepath", "serve", "--database", database, "--port", "0"]
    process = subprocess.Popen(
        [*command, *flags], stdout=subprocess.PIPE, env=environment, text=True, cwd=Path.cwd()
    )
    lines: queue.Queue[str] = queue.Queue()
    output = process.stdout
    assert output is not None

    def read() -> None:
        with output:
            for line in output:
                lines.put(line)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        printed = [lines.get(timeout=_SECONDS)]
        assert printed[0].startswith("ready http://")
        while flags and "Stop with" not in printed[-1]:
            printed.append(lines.get(timeout=_SECONDS))
        yield printed[0].split()[1], printed
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)
        reader.join()
