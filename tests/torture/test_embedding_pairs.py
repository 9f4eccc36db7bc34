"""Files of pairs train a model of vectors with sentence-transformers as they are.

PyTorch brings 6 GB, of which a processor alone needs a quarter, but PyPI has no smaller one for
Linux: so this makes an environment of its own, from a lock file of its own, once. The model is made
on the spot; nothing is downloaded while it runs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from desirepath.engine.training.embedding_pairs import EmbeddingPair
from desirepath.engine.training.pair_files import write_pairs

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements" / "sentence-transformers.txt"
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def python() -> Path:
    """Give a Python that has what the lock file names; it is kept in build for the next time."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    folder = REPOSITORY / "build" / f"sentence-transformers-{digest}"
    found = folder / "bin" / "python"
    if not (folder / "whole").exists():
        subprocess.run(
            [UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True
        )
        install = [UV, "pip", "install", "--quiet", "--require-hashes", "--python", str(found)]
        subprocess.run([*install, "--requirement", str(LOCK)], check=True)
        (folder / "whole").touch()
    return found


@pytest.mark.torture
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_model_trains_on_a_file(python: Path, tmp_path: Path, format: str) -> None:
    pairs = [
        EmbeddingPair(
            query=f"shoe {number}",
            anchor=f"red shoe {number}",
            positive_id="p",
            positive=f"leather shoe red {number}",
            negative_ids=("a", "b"),
            negatives=(f"blue hat {number}", f"green coat {number}"),
            weight=0.5 + number / 16,
            rate=0.5,
            chain=f"shoe {number}",
            side="train",
            origin="click",
        )
        for number in range(16)
    ]
    path = write_pairs(pairs, tmp_path / f"pairs.{format}")["train"]
    script = Path(__file__).with_name("train_vectors.py")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    subprocess.run([python, script, path, tmp_path], check=True, env=offline, timeout=600)
