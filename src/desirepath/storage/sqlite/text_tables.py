"""Words in SQLite: an FTS5 table a field, with BM25 as it is built in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Double, Subquery, text

from desirepath.storage.relational.searching import BEST, Hit, text_table

__all__ = ["SqliteTextTables", "purge_words"]

_PURGES_SINCE = (3, 42, 0)
_TABLES = "SELECT name FROM sqlite_schema WHERE name GLOB 'document_text_*' AND rootpage = 0"


def purge_words(connection: Any, version: tuple[int, ...]) -> None:
    """Rewrite the indexes where this SQLite leaves deleted words in them."""
    if version < _PURGES_SINCE:
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")


class SqliteTextTables:
    """See :class:`~desirepath.storage.relational.searching.TextTables`.

    The tables hold the texts beside the words, so that a deletion needs nothing else: the words to
    take out of an index without its texts would have to be known from before.
    """

    def __init__(self, connection: Any, version: tuple[int, ...]) -> None:
        self._connection = connection
        self._purges = version >= _PURGES_SINCE

    def make(self, field: int) -> None:
        table = text_table(field)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE {table} USING fts5 "
            "(body, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        if self._purges:
            self._connection.execute(
                f"INSERT INTO {table} ({table}, rank) VALUES ('secure-delete', 1)"
            )

    def drop(self, field: int) -> None:
        self._connection.execute(f"DROP TABLE {text_table(field)}")

    def is_empty(self, field: int) -> bool:
        found = self._connection.execute(f"SELECT 1 FROM {text_table(field)}_docsize LIMIT 1")
        return found.fetchone() is None

    def replace(
        self, documents: Sequence[int], field_to_texts: Mapping[int, Sequence[tuple[int, str]]]
    ) -> None:
        for field, texts in field_to_texts.items():
            table = text_table(field)
            self._connection.executemany(
                f"DELETE FROM {table} WHERE rowid = ?", [(number,) for number in documents]
            )
            self._connection.executemany(f"INSERT INTO {table} (rowid, body) VALUES (?, ?)", texts)

    def best(self, fields: Sequence[int], words: Sequence[str], limit: int) -> Iterable[Hit]:
        statement = BEST.format(hits=_found(fields), limit=":most")
        values = {"wanted": _wanted(words), "most": limit}
        return (Hit(*row) for row in self._connection.execute(statement, values))

    def hits(self, fields: Sequence[int], words: Sequence[str]) -> Subquery:
        statement = text(f"WITH found AS MATERIALIZED ({_found(fields)}) SELECT * FROM found")
        bound = statement.bindparams(wanted=_wanted(words))
        return bound.columns(number=BigInteger, score=Double).subquery("hits")


def _wanted(words: Sequence[str]) -> str:
    """Quoted, a word is a phrase of one or more tokens, and no syntax."""
    return " OR ".join(f'"{word}"' for word in words)


def _found(fields: Sequence[int]) -> str:
    """SQL of (number, score) of every document with a word of ``:wanted``."""
    found = " UNION ALL ".join(
        f"SELECT rowid AS number, -bm25({table}) AS score FROM {table} WHERE {table} MATCH :wanted"
        for table in map(text_table, fields)
    )
    if len(fields) == 1:
        return found
    return f"SELECT number, sum(score) AS score FROM ({found}) GROUP BY number"
