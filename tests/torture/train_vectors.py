"""Run by the Python that has sentence-transformers: load a file of pairs and train two steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def main(path: Path, scratch: Path) -> None:
    """Fail unless each column arrives where the loss expects it, and the model moves."""
    import torch
    from datasets import load_dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    seen: list[tuple[int, Any]] = []

    class WatchedLoss(MultipleNegativesRankingLoss):  # type: ignore[misc]  # it carries no types
        def forward(self, sentence_features: Any, labels: Any) -> Any:
            features = list(sentence_features)
            seen.append((len(features), labels))
            return super().forward(features, labels)

    kind = "json" if path.suffix == ".jsonl" else "parquet"
    pairs = load_dataset(kind, data_files={"train": str(path)}, cache_dir=str(scratch / "cache"))
    texts = pairs["train"].remove_columns("score")
    words = sorted({word for row in texts for text in row.values() for word in text.split()})
    codes = {word: code for code, word in enumerate(("[UNK]", *words))}
    tokenizer = Tokenizer(models.WordLevel(codes, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    before = model.encode([words[0]])[0].copy()
    SentenceTransformerTrainer(
        model=model,
        train_dataset=pairs["train"],
        loss=WatchedLoss(model),
        args=SentenceTransformerTrainingArguments(
            output_dir=str(scratch / "model"),
            max_steps=2,
            per_device_train_batch_size=len(texts),
            learning_rate=0.1,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
        ),
    ).train()
    n_columns, weights = seen[0]
    if n_columns != len(texts.column_names) or sorted(weights.tolist()) != sorted(
        torch.tensor(pairs["train"]["score"]).tolist()
    ):
        raise SystemExit("The loss did not get the texts and the weights.")
    if not abs(model.encode([words[0]])[0] - before).max() > 0.01:
        raise SystemExit("The model did not move.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
