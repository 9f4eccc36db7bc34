"""How texts and queries are divided into words."""

from __future__ import annotations

import pytest

from desirepath.domain.words import has_words, search_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red SHOES, size-42!", ["red", "shoes", "size", "42"]),
        ("don't snake_case", ["don", "t", "snake", "case"]),
        ("Crème brûlée — naïve Ångström", ["creme", "brulee", "naive", "angstrom"]),
        ("cre\N{COMBINING GRAVE ACCENT}me", ["creme"]),
        ("Straße snake_größe", ["straße", "snake", "große"]),
        ("İstanbul", ["istanbul"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("日本語のテキスト", ["日本語のテキスト"]),
        ("Ёлка", ["елка"]),
        ("x\N{ZERO WIDTH SPACE}y 😀 z", ["x", "y", "z"]),
        ("\ud800 lone", ["lone"]),
        ("", []),
        ("-- … !", []),
    ],
)
def test_words_are_folded_runs_of_letters_and_digits(text: str, words: list[str]) -> None:
    assert search_words(text) == words
    assert has_words(text) is bool(words)
