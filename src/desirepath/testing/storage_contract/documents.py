"""Documents: kept whole, found by words, by vectors and by filters."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from desirepath.domain.document import (
    MAX_INDEXES,
    Document,
    Metric,
    VectorIndex,
    as_float32,
    read_document_filter,
)
from desirepath.domain.text_embedding import TextEmbedding
from desirepath.errors import AlreadyExists, InvalidDocument, NotFound
from desirepath.storage.base import Session, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import a_document
from desirepath.testing.storage_contract.common import (
    DEFAULT,
    ODD_OBJECT,
    ODD_TEXTS,
    OTHER,
    OpenAnother,
    at_once,
    deepest_object,
)

K1, B = 1.2, 0.75
SHOES = {
    "a": "red red shoes",
    "b": "blue shoe with a red lace and a long story about shoes",
    "c": "green hat",
    "d": "a hat",
    "e": "a scarf",
}


def texts(**by_id: str) -> list[Document]:
    return [a_document(document_id=id, text={"title": text}) for id, text in by_id.items()]


def put(storage: Storage, *documents: Document, namespace: int = DEFAULT, **options: Any) -> None:
    with storage.write() as session:
        session.documents.upsert(namespace, documents, **options)


def define(storage: Storage, *indexes: VectorIndex, namespace: int = DEFAULT) -> None:
    with storage.write() as session:
        for index in indexes:
            session.documents.define_vector(namespace, index)


def found(
    storage: Storage,
    query: str,
    *fields: str,
    limit: int = 10,
    filter: object = None,
    namespace: int = DEFAULT,
) -> list[tuple[str, float]]:
    with storage.read() as session:
        return session.documents.search_text(
            namespace, fields or ("title",), query, limit, read_document_filter(filter)
        )


def near(
    storage: Storage, index: str, vector: Sequence[float], limit: int = 10, filter: object = None
) -> list[tuple[str, float]]:
    """The nearest, by the third search of three: then vectors may be kept in memory."""
    answers = []
    for _ in range(3):
        with storage.read() as session:
            documents, condition = session.documents, read_document_filter(filter)
            answers.append(documents.search_vector(DEFAULT, index, vector, limit, condition))
    scores = [[score for _, score in answer] for answer in answers]
    assert scores[0] == pytest.approx(scores[2], rel=1e-4, abs=1e-6)
    assert scores[1] == pytest.approx(scores[2], rel=1e-4, abs=1e-6)
    return answers[2]


def undone(storage: Storage, step: Callable[[Session], None]) -> None:
    """Take a step in a session that fails at its end."""

    def run() -> None:
        with storage.write() as session:
            step(session)
            raise KeyError

    with pytest.raises(KeyError):
        run()


def ids(hits: Sequence[tuple[str, float]]) -> list[str]:
    return [id for id, _ in hits]


def bm25(query: Sequence[str], words: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The formula, word for word, over words that are stemmed already."""
    average = sum(map(len, words.values())) / len(words)
    scores: dict[str, float] = {}
    for word in query:
        n_texts = sum(word in said for said in words.values())
        rarity = math.log((len(words) - n_texts + 0.5) / (n_texts + 0.5)) if n_texts else 0.0
        for id, said in words.items():
            n = Counter(said)[word]
            if n:
                length = 1 - B + B * len(said) / average
                part = max(1e-6, rarity) * n * (K1 + 1) / (n + K1 * length)
                scores[id] = scores.get(id, 0.0) + part
    return scores


class DocumentIndexContract:
    """See :class:`~desirepath.storage.base.DocumentIndex`."""

    # Whole documents

    def test_nothing_is_there_at_first(self, storage: Storage) -> None:
        with storage.read() as session:
            index = session.documents
            assert index.count(DEFAULT) == 0
            assert index.get(DEFAULT, ["a"]) == {}
            assert index.find(DEFAULT, limit=10) == []
            assert (index.text_fields(DEFAULT), index.vector_indexes(DEFAULT)) == ([], [])

    def test_a_document_reads_back_equal(self, storage: Storage) -> None:
        define(storage, VectorIndex(name=ODD_TEXTS[0], dimension=3))
        for number, text in enumerate(ODD_TEXTS):
            document = a_document(
                document_id=text,
                payload=ODD_OBJECT | {"text": text},
                metadata=deepest_object(),
                text={"body": text, "empty": ""},
                vectors={ODD_TEXTS[0]: as_float32([0.1, -1e-30, 1e12])} if number % 2 else {},
                updated_at=START + number,
            )
            put(storage, document)
            with storage.read() as session:
                read = session.documents.get(DEFAULT, [text, "unknown", text], with_vectors=True)
                assert read == {text: document}
                without = session.documents.get(DEFAULT, [text])
                assert without == {text: replace(document, vectors={})}
        with storage.read() as session:
            assert session.documents.count(DEFAULT) == len(ODD_TEXTS)

    def test_storing_again_replaces_all_but_the_time_of_creation(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2), VectorIndex(name="w", dimension=1))
        first = a_document(
            payload={"title": "old", "x": 1},
            metadata={"a": 1},
            text={"body": "ancient"},
            vectors={"v": (1.0, 0.0), "w": (1.0,)},
        )
        second = replace(
            first,
            payload={"title": "new"},
            metadata={},
            text={"about": "modern"},
            vectors={"v": (0.0, 1.0)},
            created_at=START + 5,
            updated_at=START + 5,
        )
        put(storage, first)
        put(storage, second)
        with storage.read() as session:
            (read,) = session.documents.get(DEFAULT, ["doc_1"], with_vectors=True).values()
            assert session.documents.count(DEFAULT) == 1
            assert session.documents.text_fields(DEFAULT) == ["about", "title"]
        assert read == replace(second, created_at=START)
        assert found(storage, "old") == found(storage, "ancient", "body") == []
        assert ids(found(storage, "new")) == ids(found(storage, "modern", "about")) == ["doc_1"]
        assert dict(near(storage, "v", [0.0, 2.0])) == pytest.approx({"doc_1": 1.0})
        assert near(storage, "w", [1.0]) == []

    def test_a_deleted_document_is_found_by_nothing(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=1))
        both = [replace(document, vectors={"v": (1.0,)}) for document in texts(a="red", b="red")]
        put(storage, *both)
        with storage.write() as session:
            assert session.documents.delete(DEFAULT, ["a", "unknown", "a"]) == 1
            assert session.documents.delete(DEFAULT, ["a"]) == 0
            assert session.documents.delete(DEFAULT, []) == 0
            assert session.documents.delete(OTHER, ["b"]) == 0
        with storage.read() as session:
            assert session.documents.count(DEFAULT) == 1
            assert list(session.documents.get(DEFAULT, ["a", "b"])) == ["b"]
        assert ids(found(storage, "red")) == ids(near(storage, "v", [1.0])) == ["b"]

    def test_documents_are_listed_by_the_bytes_of_their_ids(self, storage: Storage) -> None:
        names = ["a", "B", "é", "😀", "a1", "Ab"]
        put(storage, *(a_document(document_id=name) for name in names))
        put(storage, a_document(document_id="0"), namespace=OTHER)
        expected = sorted(names, key=str.encode)
        with storage.read() as session:
            find = session.documents.find
            assert [one.document_id for one in find(DEFAULT, limit=10)] == expected
            assert [one.document_id for one in find(DEFAULT, limit=2)] == expected[:2]
            after = find(DEFAULT, after=expected[1], limit=3)
            assert [one.document_id for one in after] == expected[2:5]
            assert find(DEFAULT, after=expected[-1], limit=3) == []

    def test_a_filter_narrows_what_is_listed(self, storage: Storage) -> None:
        put(storage, *(a_document(document_id=c, payload={"color": c}) for c in "abc"))
        with storage.read() as session:
            index = session.documents
            by_id = read_document_filter({"document_id": {"in": ["a", "c"]}})
            by_payload = read_document_filter({"color": "b"})
            by_number = read_document_filter({"price": 3})
            assert by_id is not None
            assert by_payload is not None
            assert by_number is not None
            assert [d.document_id for d in index.find(DEFAULT, filter=by_id, limit=9)] == ["a", "c"]
            assert [d.document_id for d in index.find(DEFAULT, filter=by_payload, limit=9)] == ["b"]
            assert index.is_narrowed(by_id)
            assert index.is_narrowed(by_payload)
            assert not index.is_narrowed(by_number)
            assert len(index.find(DEFAULT, filter=by_number, limit=9)) == 3

    def test_a_sample_is_of_those_that_hold_each_as_likely(self, storage: Storage) -> None:
        put(
            storage,
            *(a_document(document_id=c, payload={"price": n}) for n, c in enumerate("abcd")),
        )
        put(storage, a_document(document_id="e"), namespace=OTHER)
        dear = read_document_filter({"price": {"gte": 1}})
        first = {None: Counter[str](), dear: Counter[str]()}
        with storage.read() as session:
            sample = session.documents.sample
            assert sorted(sample(DEFAULT, 9)) == ["a", "b", "c", "d"]
            assert sorted(sample(DEFAULT, 9, dear)) == ["b", "c", "d"]
            assert len(sample(DEFAULT, 2)) == 2
            for filter, counts in first.items():
                counts.update(sample(DEFAULT, 1, filter)[0] for _ in range(400))
        # Six standard deviations of a binomial with p = 1/4 are 52, with p = 1/3 57.
        assert first[None].keys() == set("abcd")
        assert all(48 <= n <= 152 for n in first[None].values())
        assert first[dear].keys() == set("bcd")
        assert all(76 <= n <= 191 for n in first[dear].values())

    def test_many_documents_at_once(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=1))
        many = [
            a_document(document_id=f"{n:04}", text={"title": f"word{n}"}, vectors={"v": (n + 1.0,)})
            for n in range(1000)
        ]
        put(storage, *many)
        with storage.write() as session:
            everything = [one.document_id for one in many]
            assert len(session.documents.get(DEFAULT, everything, with_vectors=True)) == 1000
            assert session.documents.delete(DEFAULT, everything[::2]) == 500
            assert session.documents.count(DEFAULT) == 500
        assert found(storage, "word500") == []
        assert ids(found(storage, "word501")) == ["0501"]

    # Words

    def test_scores_are_bm25(self, storage: Storage) -> None:
        put(storage, *texts(**SHOES))
        stemmed = {id: text.replace("shoes", "shoe").split() for id, text in SHOES.items()}
        for query in ("shoe", "red shoes", "a", "hat red scarf", "lace story missing"):
            expected = bm25(query.replace("shoes", "shoe").split(), stemmed)
            ranked = sorted(expected, key=lambda id: (-expected[id], id))
            hits = found(storage, query)
            assert ids(hits) == ranked
            assert dict(hits) == pytest.approx(expected)

    def test_a_word_counts_as_often_as_it_occurs(self, storage: Storage) -> None:
        said = {f"{n:03}": "red " * n + "hat" for n in (1, 2, 3, 10, 50, 200)}
        said |= {f"x{n}": "some other text" for n in range(20)}
        put(storage, *texts(**said))
        expected = bm25(["red"], {id: text.split() for id, text in said.items()})
        assert dict(found(storage, "red")) == pytest.approx(expected)

    def test_scores_of_several_fields_add_up(self, storage: Storage) -> None:
        put(
            storage,
            a_document(document_id="a", text={"title": "red hat", "body": "red"}),
            a_document(document_id="b", text={"title": "red"}),
            a_document(document_id="c", text={"body": "a red story"}),
            *(a_document(document_id=f"x{n}", text={"title": "y", "body": "z"}) for n in range(9)),
        )
        title, body = (dict(found(storage, "red", field)) for field in ("title", "body"))
        expected = {id: title.get(id, 0.0) + body.get(id, 0.0) for id in "abc"}
        both = found(storage, "red", "title", "body")
        assert dict(both) == pytest.approx(expected)
        assert ids(both) == sorted(expected, key=lambda id: -expected[id])
        assert both == found(storage, "red", "body", "title", "body")

    def test_equal_scores_are_ordered_by_id(self, storage: Storage) -> None:
        names = [f"doc {n}" for n in range(50)]
        random.Random(1).shuffle(names)
        put(storage, *texts(**dict.fromkeys(names, "red hat")), *texts(x="blue", y="green"))
        assert ids(found(storage, "hat", limit=7)) == sorted(names)[:7]

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("running shoes", "RUN SHOE"),
            ("Crème brûlée", "creme brulee"),
            ("creme", "CRÈME"),
            ("size 42, 4K", "4k"),
            ("über die Straße", "STRAßE"),
            ("was ist no", "was"),
            ("what it is", "it"),
            ("Привет, мир", "мир"),
            ("हिन्दी में", "हिन्दी"),
            ("日本語 テキスト", "テキスト"),
            ("don't", "don't"),
            ("snake_case", "snake case"),
        ],
    )
    def test_words_are_found_whatever_their_form(
        self, storage: Storage, text: str, query: str
    ) -> None:
        put(storage, *texts(a=text, b="something else"))
        assert ids(found(storage, query)) == ["a"]

    @pytest.mark.parametrize(
        "query",
        [
            *('"', '""', "'", "*", "re*", "^red", "-red", "title: red", "NEAR(red shoes)"),
            *(
                "red AND NOT hat",
                "(red",
                "red & !hat",
                "red <-> hat",
                "{title}",
                "\\",
                "%",
                ":",
                "",
            ),
            *("   ", "…", "a:b:c", "red|hat", "'; DROP TABLE documents; --", "😀", "\ud800"),
        ],
    )
    def test_a_query_is_words_and_no_syntax(self, storage: Storage, query: str) -> None:
        put(storage, *texts(a="red shoes", b="green hat"))
        hits = ids(found(storage, query))
        assert set(hits) <= {"a", "b"}
        assert ("a" in hits) is ("red" in query)

    def test_a_long_query_has_its_first_words_looked_for(self, storage: Storage) -> None:
        put(storage, *texts(a="early", b="late"))
        query = " ".join(["early", *(f"w{n}" for n in range(5_000)), "late"])
        assert ids(found(storage, query)) == ["a"]

    def test_a_long_text_is_found(self, storage: Storage) -> None:
        rng = random.Random(2)
        words = [f"{rng.getrandbits(40):x}" for _ in range(9_000)]
        put(storage, *texts(a=" ".join(words), b="é" * 100_000, c="x" * 3_000))
        assert ids(found(storage, words[8_000])) == ["a"]
        assert ids(found(storage, words[0])) == ["a"]

    def test_fields_are_those_that_hold_something(self, storage: Storage) -> None:
        put(storage, a_document(payload={"title": "red", "tags": ["a", "b"], "n": 1}))
        with storage.read() as session:
            assert session.documents.text_fields(DEFAULT) == ["tags", "title"]
            assert session.documents.text_fields(OTHER) == []
        assert ids(found(storage, "b", "tags")) == ["doc_1"]
        with storage.write() as session:
            session.documents.delete(DEFAULT, ["doc_1"])
        with storage.read() as session:
            assert session.documents.text_fields(DEFAULT) == []
        assert found(storage, "red") == []

    def test_only_named_payload_fields_are_searched(self, storage: Storage) -> None:
        payload = {"title": "red", "details": {"colour": "blue"}, "secret": "green"}
        put(storage, a_document(payload=payload), text_fields=["title", "details.colour"])
        with storage.read() as session:
            assert session.documents.text_fields(DEFAULT) == ["details.colour", "title"]
        assert ids(found(storage, "blue", "details.colour")) == ["doc_1"]

    def test_an_unknown_field_is_an_error(self, storage: Storage) -> None:
        put(storage, *texts(a="red"))
        for namespace, field in ((DEFAULT, "body"), (OTHER, "title")):
            with pytest.raises(NotFound) as caught:
                found(storage, "red", field, namespace=namespace)
            assert (caught.value.resource, caught.value.id) == ("text field", field)
            assert field not in caught.value.message

    def test_fields_are_limited_in_number(self, storage: Storage) -> None:
        put(storage, a_document(payload={f"f{n}": "x" for n in range(MAX_INDEXES - 1)}))
        put(storage, a_document(payload={"last": "x"}))
        put(storage, a_document(payload={"f0": "x"}))
        with pytest.raises(InvalidDocument, match="at most 100 text fields"):
            put(storage, a_document(payload={"another": "x"}))
        put(storage, a_document(payload={"another": "x"}), namespace=OTHER)

    def test_a_filter_decides_before_the_best_are_counted(self, storage: Storage) -> None:
        documents = [
            a_document(
                document_id=f"{n:04}",
                payload={"n": n, "kind": "rare" if n % 400 == 399 else "common"},
                text={"title": "red " * (n % 5 + 1) + f"hat {n}"},
            )
            for n in range(1200)
        ]
        put(storage, *documents, text_fields=[])
        everything = ids(found(storage, "red", limit=2000))
        assert len(everything) == 1200
        for filter, n_matching in (
            ({"kind": "rare"}, 3),
            ({"n": {"gte": 1190}}, 10),
            ({"n": {"lt": 700}, "kind": "common"}, 699),
            ({"kind": "no such"}, 0),
        ):
            holding = [
                id
                for id in everything
                if (kind := "rare" if int(id) % 400 == 399 else "common")
                and filter.get("kind", kind) == kind
                and _in_range(int(id), filter.get("n"))
            ]
            assert len(holding) == n_matching
            for limit in (1, 5, 300):
                assert ids(found(storage, "red", limit=limit, filter=filter)) == holding[:limit]

    # Vectors

    def test_vector_indexes_are_listed_by_name(self, storage: Storage) -> None:
        made = [
            VectorIndex(name="b", dimension=3, metric=Metric.EUCLIDEAN),
            VectorIndex(
                name="a",
                dimension=2500,
                embedder=TextEmbedding(model="m", fields=("title", ODD_TEXTS[1])),
            ),
            VectorIndex(name="😀", dimension=1, metric=Metric.DOT_PRODUCT),
        ]
        define(storage, *made)
        with storage.read() as session:
            listed = session.documents.vector_indexes(DEFAULT)
            assert session.documents.vector_indexes(OTHER) == []
        assert listed == sorted(made, key=lambda index: index.name)
        with pytest.raises(AlreadyExists):
            define(storage, VectorIndex(name="a", dimension=1))
        define(storage, VectorIndex(name="a", dimension=1), namespace=OTHER)

    def test_vector_indexes_are_limited_in_number(self, storage: Storage) -> None:
        define(storage, *(VectorIndex(name=f"v{n}", dimension=1) for n in range(MAX_INDEXES)))
        with pytest.raises(InvalidDocument, match="at most 100 vector indexes"):
            define(storage, VectorIndex(name="one more", dimension=1))

    @pytest.mark.parametrize(
        ("metric", "expected"),
        [
            (Metric.COSINE, {"same": 1.0, "far": 1.0, "aside": 0.6, "against": -1.0}),
            (Metric.DOT_PRODUCT, {"far": 50.0, "same": 25.0, "aside": 15.0, "against": -25.0}),
            (
                Metric.EUCLIDEAN,
                {
                    "same": 1.0,
                    "aside": 1 / (1 + math.sqrt(20)),
                    "far": 1 / (1 + 5),
                    "against": 1 / (1 + 10),
                },
            ),
        ],
    )
    def test_scores_of_vectors_are_what_their_metric_says(
        self, storage: Storage, metric: Metric, expected: dict[str, float]
    ) -> None:
        vectors = {
            "same": (3.0, 4.0),
            "far": (6.0, 8.0),
            "aside": (5.0, 0.0),
            "against": (-3.0, -4.0),
        }
        define(storage, VectorIndex(name="v", dimension=2, metric=metric))
        put(
            storage,
            *(a_document(document_id=id, vectors={"v": v}) for id, v in vectors.items()),
            a_document(document_id="without"),
        )
        hits = near(storage, "v", [3.0, 4.0])
        assert dict(hits) == pytest.approx(expected, abs=1e-6)
        assert ids(hits) == sorted(expected, key=lambda id: (-expected[id], id))
        assert ids(near(storage, "v", [3.0, 4.0], limit=2)) == ids(hits)[:2]

    def test_a_product_with_nothing_is_nothing(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2, metric=Metric.DOT_PRODUCT))
        zero, one = (a_document(document_id=id, vectors={"v": (n, n)}) for id, n in
                     (("a", 0.0), ("b", 1.0)))  # fmt: skip
        put(storage, zero, one)
        assert near(storage, "v", [0.0, 0.0]) == [("a", 0.0), ("b", 0.0)]
        hits = near(storage, "v", [1.0, 1.0])
        assert ids(hits) == ["b", "a"]
        assert dict(hits) == pytest.approx({"b": 2.0, "a": 0.0})

    @pytest.mark.parametrize("metric", Metric)
    @pytest.mark.parametrize("dimension", [3, 2_100])
    def test_the_nearest_of_many(self, storage: Storage, metric: Metric, dimension: int) -> None:
        rng = random.Random(3)
        vectors = {
            f"{n:03}": as_float32([rng.gauss(0, 1) for _ in range(dimension)]) for n in range(300)
        }
        define(storage, VectorIndex(name="v", dimension=dimension, metric=metric))
        put(storage, *(a_document(document_id=id, vectors={"v": v}) for id, v in vectors.items()))
        for _ in range(5):
            wanted = as_float32([rng.gauss(0, 1) for _ in range(dimension)])
            scores = {id: _score(metric, vector, wanted) for id, vector in vectors.items()}
            expected = sorted(scores, key=lambda id: (-scores[id], id))[:20]
            hits = near(storage, "v", wanted, 20)
            assert ids(hits) == expected
            assert dict(hits) == pytest.approx({id: scores[id] for id in expected}, rel=1e-4)

    def test_equal_vectors_are_ordered_by_id(self, storage: Storage) -> None:
        names = [f"doc {n}" for n in range(50)]
        random.Random(4).shuffle(names)
        define(storage, VectorIndex(name="v", dimension=2))
        put(storage, *(a_document(document_id=id, vectors={"v": (1.0, 2.0)}) for id in names))
        assert ids(near(storage, "v", [1.0, 1.0], 7)) == sorted(names)[:7]

    def test_a_filter_decides_before_the_nearest_are_counted(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2))
        documents = [
            a_document(
                document_id=f"{n:04}",
                payload={"n": n, "kind": "rare" if n % 400 == 399 else "common"},
                vectors={"v": as_float32([math.cos(n), math.sin(n)])},
            )
            for n in range(1200)
        ]
        put(storage, *documents, text_fields=[])
        everything = ids(near(storage, "v", [1.0, 0.3], 1200))
        assert len(everything) == 1200
        for filter, holding in (
            ({"kind": "rare"}, [id for id in everything if int(id) % 400 == 399]),
            ({"n": {"gte": 1190}}, [id for id in everything if int(id) >= 1190]),
            ({"kind": "no such"}, []),
        ):
            for limit in (1, 5, 300):
                assert ids(near(storage, "v", [1.0, 0.3], limit, filter)) == holding[:limit]

    def test_more_than_are_there(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2))
        put(storage, *(a_document(document_id=id, vectors={"v": (1.0, 0.0)}) for id in "ab"))
        assert ids(near(storage, "v", [1.0, 0.0], 5_000)) == ["a", "b"]
        assert near(storage, "v", [1.0, 0.0], 0) == []

    def test_a_vector_that_does_not_fit_is_refused(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2))
        good = a_document(document_id="a", vectors={"v": (1.0, 0.0)})
        bad = a_document(document_id="b", vectors={"v": (1.0, 0.0, 0.0)})
        with pytest.raises(InvalidDocument, match="has 3 numbers and its index 2") as caught:
            put(storage, good, bad)
        assert caught.value.location == (1, "vectors")
        with pytest.raises(NotFound) as unknown:
            put(storage, a_document(vectors={"w": (1.0,)}))
        assert (unknown.value.resource, unknown.value.id) == ("vector index", "w")
        with storage.read() as session:
            assert session.documents.count(DEFAULT) == 0

    def test_a_search_that_does_not_fit_is_refused(self, storage: Storage) -> None:
        define(storage, VectorIndex(name="v", dimension=2))
        for vector in ([1.0], [1.0, 2.0, 3.0], [0.0, 0.0], [math.inf, 1.0]):
            with pytest.raises(InvalidDocument):
                near(storage, "v", vector)
        with pytest.raises(NotFound) as caught:
            near(storage, "w", [1.0, 2.0])
        assert (caught.value.resource, caught.value.id) == ("vector index", "w")

    # Transactions and namespaces

    def test_a_session_finds_what_it_wrote(self, storage: Storage) -> None:
        with storage.write() as session:
            index = session.documents
            index.define_vector(DEFAULT, VectorIndex(name="v", dimension=1))
            index.upsert(DEFAULT, [replace(one, vectors={"v": (2.0,)}) for one in texts(a="red")])
            assert ids(index.search_text(DEFAULT, ["title"], "red", 5)) == ["a"]
            assert ids(index.search_vector(DEFAULT, "v", [1.0], 5)) == ["a"]
            index.upsert(DEFAULT, texts(a="blue"))
            assert index.search_text(DEFAULT, ["title"], "red", 5) == []
            assert index.search_vector(DEFAULT, "v", [1.0], 5) == []

    def test_what_is_undone_leaves_nothing(self, storage: Storage) -> None:
        def begin(session: Session) -> None:
            session.documents.define_vector(DEFAULT, VectorIndex(name="v", dimension=1))
            both = [replace(one, vectors={"v": (2.0,)}) for one in texts(a="red")]
            session.documents.upsert(DEFAULT, both)

        def go_on(session: Session) -> None:
            session.documents.delete(DEFAULT, ["a"])
            session.documents.upsert(DEFAULT, texts(b="blue", c="red"))

        undone(storage, begin)
        with storage.read() as session:
            index = session.documents
            assert index.count(DEFAULT) == 0
            assert (index.text_fields(DEFAULT), index.vector_indexes(DEFAULT)) == ([], [])
        put(storage, *texts(a="green", b="red hat"))
        undone(storage, go_on)
        assert ids(found(storage, "red")) == ["b"]
        assert ids(found(storage, "green")) == ["a"]
        assert found(storage, "blue") == []

    def test_namespaces_share_nothing(self, storage: Storage) -> None:
        put(storage, *texts(a="red hat", b="blue hat", c="green hat"))
        alone = found(storage, "red hat")
        put(storage, *texts(a="blue scarf", d="red red red"), namespace=OTHER)
        assert found(storage, "red hat") == alone
        assert ids(found(storage, "red", namespace=OTHER)) == ["d"]
        with storage.read() as session:
            assert session.documents.get(OTHER, ["a", "b"]).keys() == {"a"}

    def test_clearing_leaves_nothing_and_the_others_alone(self, storage: Storage) -> None:
        vector = VectorIndex(name="v", dimension=1)
        for namespace in (DEFAULT, OTHER):
            define(storage, vector, namespace=namespace)
            both = [replace(one, vectors={"v": (1.0,)}) for one in texts(a="red", b="blue")]
            put(storage, *both, namespace=namespace)
        with storage.write() as session:
            session.documents.clear(DEFAULT)
            session.documents.clear(DEFAULT)
        with storage.read() as session:
            index = session.documents
            assert [index.count(n) for n in (DEFAULT, OTHER)] == [0, 2]
            assert [index.vector_indexes(n) for n in (DEFAULT, OTHER)] == [[], [vector]]
            assert [index.text_fields(n) for n in (DEFAULT, OTHER)] == [[], ["title"]]
        assert ids(found(storage, "red", namespace=OTHER)) == ["a"]
        define(storage, VectorIndex(name="v", dimension=3))
        put(storage, a_document(vectors={"v": (1.0, 2.0, 3.0)}, text={"title": "new"}))
        assert ids(found(storage, "new red")) == ["doc_1"]


class DocumentWritersContract:
    """Several writers of documents, in one process and in several."""

    def test_writers_at_once_lose_nothing(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def write(target: Storage, number: int) -> Callable[[], None]:
            def task() -> None:
                for step in range(5):
                    document = a_document(
                        document_id=f"{number}-{step}", payload={f"f{step}": f"word{number}"}
                    )
                    shared = a_document(document_id="shared", payload={"title": f"of{number}"})
                    put(target, *([shared, document] if number % 2 else [document, shared]))

            return task

        targets = (storage, open_another()) * 2
        at_once(*(write(target, number) for number, target in enumerate(targets)))
        with storage.read() as session:
            index = session.documents
            assert index.count(DEFAULT) == 4 * 5 + 1
            assert index.text_fields(DEFAULT) == ["f0", "f1", "f2", "f3", "f4", "title"]
            last = index.get(DEFAULT, ["shared"])["shared"].payload["title"]
        for step in range(5):
            for number in range(4):
                hits = found(storage, f"word{number}", f"f{step}")
                assert ids(hits) == [f"{number}-{step}"]
        owners = [n for n in range(4) if found(storage, f"of{n}")]
        assert [f"of{n}" for n in owners] == [last]

    def test_one_of_many_defines_a_vector(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def task(target: Storage, dimension: int) -> Callable[[], bool]:
            def run() -> bool:
                try:
                    define(target, VectorIndex(name="v", dimension=dimension))
                except AlreadyExists:
                    return False
                return True

            return run

        targets = (storage, open_another()) * 2
        tasks = [task(target, number + 1) for number, target in enumerate(targets)]
        assert sorted(at_once(*tasks)) == [False, False, False, True]
        with storage.read() as session:
            (index,) = session.documents.vector_indexes(DEFAULT)
        put(storage, a_document(vectors={"v": (1.0,) * index.dimension}))

    def test_a_reader_of_what_is_cleared_meanwhile_is_not_misled(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        other = open_another()
        put(storage, *texts(a="red"))
        with storage.read() as session:
            assert session.documents.text_fields(DEFAULT) == ["title"]
            with other.write() as writer:
                writer.documents.delete(DEFAULT, ["a"])
            assert ids(session.documents.search_text(DEFAULT, ["title"], "red", 5)) == ["a"]

    def test_a_namespace_that_is_held_is_not_deleted(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        other = open_another()
        is_held, order = threading.Event(), []

        def hold() -> None:
            with storage.write() as session:
                assert session.catalog.find_namespace("other", hold=True) is not None
                is_held.set()
                time.sleep(0.2)
                session.documents.upsert(OTHER, texts(a="red"))
                order.append("stored")

        def delete() -> None:
            assert is_held.wait(10)
            with other.write() as session:
                session.catalog.delete_namespace(OTHER)
                session.documents.clear(OTHER)
                order.append("deleted")

        at_once(hold, delete)
        assert order == ["stored", "deleted"]
        with storage.write() as session:
            assert session.catalog.find_namespace("other", hold=True) is None
            assert session.documents.count(OTHER) == 0

    def test_another_process_sees_it_after_the_commit(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        other = open_another()
        put(other, *texts(a="red"))
        assert ids(found(storage, "red")) == ["a"]
        put(storage, *texts(a="blue", b="red"))
        assert ids(found(other, "red")) == ["b"]
        with storage.write() as session:
            session.documents.clear(DEFAULT)
        with pytest.raises(NotFound):
            found(other, "red")


def _in_range(number: int, bounds: Any) -> bool:
    if bounds is None:
        return True
    return bool(bounds.get("gte", 0) <= number < bounds.get("lt", math.inf))


def _score(metric: Metric, one: Sequence[float], other: Sequence[float]) -> float:
    if metric is Metric.EUCLIDEAN:
        return 1 / (1 + math.dist(one, other))
    product = sum(a * b for a, b in zip(one, other, strict=True))
    if metric is Metric.DOT_PRODUCT:
        return product
    return product / (math.hypot(*one) * math.hypot(*other))
