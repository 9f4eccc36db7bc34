"""Words in PostgreSQL: a table of text search vectors a field, ranked by BM25 written in SQL.

PostgreSQL's own ranks know nothing of how rare a word is. What BM25 needs can be had all the same:
how often a word occurs in a text, and how many texts hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Double, Subquery, text

from desirepath.domain.words import search_words
from desirepath.storage.relational.searching import BEST, K1, B, Hit, text_table

__all__ = ["PostgresTextTables"]

_MAKE = """
CREATE TABLE {table} (
    number BIGINT NOT NULL PRIMARY KEY, n_words BIGINT NOT NULL, words TSVECTOR NOT NULL
);
CREATE INDEX {table}_by_word ON {table} USING gin (words) WITH (gin_pending_list_limit = 256)
"""
_FORGET = "DELETE FROM {table} WHERE number = ANY(%s) RETURNING n_words"
_STORE = (
    "INSERT INTO {table} SELECT number, n_words, to_tsvector('desirepath', said) "
    "FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new (number, n_words, said)"
)
_COUNT = (
    "UPDATE text_fields SET n_documents = n_documents + %s, n_words = n_words + %s "
    "WHERE number = %s"
)
# Of a single word with equal weights, ts_rank is the sum of 1/i² over its n occurrences, divided by
# π²/6, that sum without end. It is next to π²/6 - 1/(n + 1/2), so that rounding gives n.
_ALL = "1.64493406685"
_TIMES = f"round(1 / ({_ALL} - {_ALL} * ts_rank('{{{{1, 1, 1, 1}}}}', words, wanted.query)) - 0.5)"
# The weight of a word is FTS5's, which never falls below 1e-6.
_SCORED = f"""(
    WITH wanted AS (
        SELECT lexeme, quote_literal(lexeme)::tsquery AS query
        FROM unnest((SELECT tsvector_to_array(to_tsvector('desirepath', :wanted)))) AS lexeme
    ),
    said AS MATERIALIZED (
        SELECT number, n_words::float8 AS n_words, lexeme, {_TIMES} AS n
        FROM wanted JOIN {{table}} ON words @@ wanted.query
    ),
    weighed AS (
        SELECT lexeme, n_all.n_words::float8 / n_documents AS average,
            greatest(1e-6, ln((n_documents - n_texts + 0.5) / (n_texts + 0.5))) AS weight
        FROM (SELECT lexeme, count(*)::float8 AS n_texts FROM said GROUP BY lexeme) AS counted
        JOIN text_fields AS n_all ON n_all.number = {{field}}
    )
    SELECT number, sum(
        weight * n * {K1 + 1} / (n + {K1} * ({1 - B} + {B} * n_words / average))
    ) AS score
    FROM said JOIN weighed USING (lexeme) GROUP BY number
)"""


class PostgresTextTables:
    """See :class:`~desirepath.storage.relational.searching.TextTables`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def make(self, field: int) -> None:
        self._connection.execute(_MAKE.format(table=text_table(field)))

    def drop(self, field: int) -> None:
        self._connection.execute(f"DROP TABLE {text_table(field)}")

    def is_empty(self, field: int) -> bool:
        found = self._connection.execute(f"SELECT 1 FROM {text_table(field)} LIMIT 1")
        return found.fetchone() is None

    def replace(
        self, documents: Sequence[int], field_to_texts: Mapping[int, Sequence[tuple[int, str]]]
    ) -> None:
        changes = [
            (*self._replace(text_table(field), documents, texts), field)
            for field, texts in sorted(field_to_texts.items())
        ]
        for change in changes:  # last, since whoever writes to a field waits for its row
            if any(change[:2]):
                self._connection.execute(_COUNT, change)

    def _replace(
        self, table: str, documents: Sequence[int], texts: Sequence[tuple[int, str]]
    ) -> tuple[int, int]:
        """How many texts and words there are more."""
        forgotten = self._connection.execute(_FORGET.format(table=table), [list(documents)])
        before = [n_words for (n_words,) in forgotten]
        said = [(number, search_words(text)) for number, text in texts]
        lengths = [len(words) for _, words in said]
        if said:
            numbers = [number for number, _ in said]
            spaced = [" ".join(words) for _, words in said]
            self._connection.execute(_STORE.format(table=table), [numbers, lengths, spaced])
        return len(lengths) - len(before), sum(lengths) - sum(before)

    def best(self, fields: Sequence[int], words: Sequence[str], limit: int) -> Iterable[Hit]:
        hits = _found(fields).replace(":wanted", "%(wanted)s")
        statement = BEST.format(hits=hits, limit="%(most)s::int")
        values = {"wanted": " ".join(words), "most": limit}
        return (Hit(*row) for row in self._connection.execute(statement, values))

    def hits(self, fields: Sequence[int], words: Sequence[str]) -> Subquery:
        statement = text(_found(fields)).bindparams(wanted=" ".join(words))
        return statement.columns(number=BigInteger, score=Double).subquery("hits")


def _found(fields: Sequence[int]) -> str:
    """SQL of (number, score) of every document with a word of ``:wanted``."""
    found = " UNION ALL ".join(
        _SCORED.format(table=text_table(field), field=int(field)) for field in fields
    )
    return f"SELECT number, sum(score) AS score FROM ({found}) AS found GROUP BY number"
