"""Namespaces, keys, retrievers and secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from desirepath.domain.access import KeyKind
from desirepath.domain.experiment import Experiment
from desirepath.domain.ids import format_id
from desirepath.domain.retriever import RetrieverDraft
from desirepath.errors import AlreadyExists
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id
from desirepath.testing.storage_contract.common import (
    DEFAULT,
    DIGEST,
    ODD_OBJECT,
    ODD_TEXTS,
    OTHER,
    OTHER_DIGEST,
    OpenAnother,
    a_key,
    at_once,
    deepest_object,
)


class CatalogContract:
    """See :class:`~desirepath.storage.base.Catalog`."""

    def test_a_secret_is_made_once(self, storage: Storage, open_another: OpenAnother) -> None:
        def ask(target: Storage) -> Callable[[], bytes]:
            def task() -> bytes:
                with target.write() as session:
                    return session.catalog.secret("cursor")

            return task

        with storage.read() as session:
            assert not session.catalog.has_secret("cursor")
        (secret,) = set(at_once(*map(ask, (storage, open_another()) * 2)))
        assert len(secret) == 32
        with storage.read() as session:
            assert session.catalog.secret("cursor") == secret
            assert session.catalog.has_secret("cursor")
        with storage.write() as session:
            assert session.catalog.secret("another") != secret

    def test_namespaces_are_found_by_id_and_by_name(self, storage: Storage) -> None:
        with storage.write() as session:
            new = session.catalog.create_namespace("ns_new", "Läden 1", START)
        assert (new.namespace_id, new.name, new.created_at) == ("ns_new", "Läden 1", START)
        assert new.retention_days is None
        with storage.read() as session:
            catalog = session.catalog
            assert [space.name for space in catalog.namespaces()] == ["default", "other", "Läden 1"]
            assert [space.number for space in catalog.namespaces()] == [1, 2, new.number]
            assert catalog.find_namespace("ns_new") == new
            assert catalog.find_namespace("Läden 1") == new
            assert catalog.find_namespace("läden 1") is None
            assert catalog.find_namespace("") is None

    def test_what_a_namespace_says_of_its_documents_reads_back(self, storage: Storage) -> None:
        with storage.write() as session:
            new = session.catalog.create_namespace(
                "ns_new",
                "new",
                START,
                description=ODD_TEXTS[4],
                text_fields=["title", ODD_TEXTS[1]],
                fixed_vectors=True,
            )
        assert new.text_fields == ("title", ODD_TEXTS[1])
        with storage.read() as session:
            assert session.catalog.find_namespace("new") == new
            default = session.catalog.find_namespace("default")
        assert default is not None
        assert (new.description, new.fixed_vectors) == (ODD_TEXTS[4], True)
        assert (default.description, default.text_fields) == (None, None)
        assert not default.fixed_vectors

    @pytest.mark.parametrize(
        ("namespace_id", "name"),
        [("ns_a", "default"), ("ns_default", "a"), ("ns_a", "ns_default"), ("default", "a")],
    )
    def test_a_namespace_has_a_name_and_an_id_of_its_own(
        self, storage: Storage, namespace_id: str, name: str
    ) -> None:
        with pytest.raises(AlreadyExists), storage.write() as session:
            session.catalog.create_namespace(namespace_id, name, START)
        with storage.read() as session:
            assert len(session.catalog.namespaces()) == 2

    def test_one_of_two_racers_creates_a_namespace(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def create(target: Storage, namespace_id: str) -> Callable[[], bool]:
            def task() -> bool:
                try:
                    with target.write() as session:
                        session.catalog.create_namespace(namespace_id, "new", START)
                except AlreadyExists:
                    return False
                return True

            return task

        targets = (storage, open_another()) * 2
        tasks = [create(target, f"ns_{number}") for number, target in enumerate(targets)]
        assert sorted(at_once(*tasks)) == [False, False, False, True]

    def test_retention_is_set_and_lifted(self, storage: Storage) -> None:
        for days in (90, None):
            with storage.write() as session:
                session.catalog.set_retention(DEFAULT, days)
            with storage.read() as session:
                here, there = session.catalog.namespaces()
            assert here.retention_days == days
            assert there.retention_days is None

    def test_a_deleted_namespace_takes_its_keys_and_nothing_else(self, storage: Storage) -> None:
        with storage.write() as session:
            catalog = session.catalog
            for number, digest in ((DEFAULT, DIGEST), (OTHER, OTHER_DIGEST)):
                catalog.add_key(a_key(key_id=f"key_{number}", namespace=number), digest)
                session.receipts.suppress_user(number, DIGEST, START)
                session.receipts.claim_key(number, "k", DIGEST, START)
            catalog.add_key(a_key(key_id="admin", kind=KeyKind.ADMIN, namespace=None), b"a" * 32)
            catalog.delete_namespace(OTHER)
        with storage.write() as session:
            assert [space.name for space in session.catalog.namespaces()] == ["default"]
            assert session.catalog.find_namespace("other") is None
            assert session.catalog.find_key(OTHER_DIGEST) is None
            assert session.catalog.find_key(DIGEST) is not None
            assert session.catalog.find_key(b"a" * 32) is not None
            assert session.receipts.suppressed_users(OTHER) == frozenset()
            assert session.receipts.claim_key(DEFAULT, "k", DIGEST, START) is not None
            assert session.receipts.claim_key(OTHER, "k", DIGEST, START) is None

    def test_a_namespace_never_gets_the_number_of_a_deleted_one(self, storage: Storage) -> None:
        numbers = []
        for name in ("ns_a", "ns_b"):
            with storage.write() as session:
                numbers.append(session.catalog.create_namespace(name, name, START).number)
                session.catalog.delete_namespace(numbers[-1])
        with storage.write() as session:
            session.catalog.delete_namespace(DEFAULT)
            numbers.append(session.catalog.create_namespace("ns_c", "ns_c", START).number)
        assert numbers == [OTHER + 1, OTHER + 2, OTHER + 3]

    @pytest.mark.parametrize("text", ["\x00", "a\x00", "\ud800", ""])
    def test_what_no_database_can_have_is_not_found(self, storage: Storage, text: str) -> None:
        with storage.write() as session:
            assert session.catalog.find_namespace(text) is None
            assert session.catalog.find_retriever(DEFAULT, text) is None
            assert session.executions.get(DEFAULT, text) is None
            assert not session.catalog.revoke_key(text, START)

    @pytest.mark.parametrize("kind", KeyKind)
    def test_a_key_reads_back_equal(self, storage: Storage, kind: KeyKind) -> None:
        namespace = None if kind is KeyKind.ADMIN else DEFAULT
        key = a_key(kind=kind, namespace=namespace, name="shop 😀")
        with storage.write() as session:
            session.catalog.add_key(key, DIGEST)
        with storage.read() as session:
            assert session.catalog.find_key(DIGEST) == key
            assert session.catalog.find_key(OTHER_DIGEST) is None
            assert session.catalog.api_keys() == [key]

    def test_a_revoked_key_is_not_found_but_listed(self, storage: Storage) -> None:
        with storage.write() as session:
            catalog = session.catalog
            catalog.add_key(a_key(key_id="a", created_at=START), DIGEST)
            catalog.add_key(a_key(key_id="b", created_at=START + 1), OTHER_DIGEST)
            assert catalog.revoke_key("a", START + 5)
            assert not catalog.revoke_key("a", START + 6)  # it was revoked before
            assert not catalog.revoke_key("unknown", START)
        with storage.read() as session:
            assert session.catalog.find_key(DIGEST) is None
            assert session.catalog.find_key(OTHER_DIGEST) is not None
            revoked_at = {key.key_id: key.revoked_at for key in session.catalog.api_keys()}
        assert revoked_at == {"a": START + 5, "b": None}

    def test_a_retriever_is_found_by_id_and_by_name(self, storage: Storage) -> None:
        draft = RetrieverDraft(
            retriever_name=ODD_TEXTS[3],
            stages=[{"stage": ODD_OBJECT}, {}],
            description=ODD_TEXTS[2],
            collection_identifiers=["a"],
            input_schema={},
            budget_limits=None,
            tags=["", "b"],
            metadata=deepest_object(),
        )
        id = new_id()
        with storage.write() as session:
            made = session.catalog.create_retriever(DEFAULT, id, draft, START)
        assert (made.id, made.namespace, made.draft) == (id, DEFAULT, draft)
        assert made.retriever_id == format_id("ret", id)
        assert (made.version, made.created_at, made.updated_at) == (1, START, START)
        with storage.read() as session:
            catalog = session.catalog
            assert catalog.find_retriever(DEFAULT, made.retriever_id) == made
            assert catalog.find_retriever(DEFAULT, ODD_TEXTS[3]) == made
            assert catalog.retrievers(DEFAULT) == [made]
            assert catalog.find_retriever(OTHER, made.retriever_id) is None
            assert catalog.find_retriever(OTHER, ODD_TEXTS[3]) is None
            assert catalog.retrievers(OTHER) == []
            assert catalog.find_retriever(DEFAULT, "unknown") is None
            assert catalog.find_retriever(DEFAULT, format_id("ret", new_id())) is None

    def test_a_retrievers_name_is_unique_in_its_namespace(self, storage: Storage) -> None:
        self._create(storage, DEFAULT, "shop")
        self._create(storage, OTHER, "shop")
        self._create(storage, DEFAULT, "Shop")
        with pytest.raises(AlreadyExists):
            self._create(storage, DEFAULT, "shop")
        with storage.read() as session:
            names = [r.draft.retriever_name for r in session.catalog.retrievers(DEFAULT)]
        assert names == ["shop", "Shop"]

    def test_retrievers_that_name_a_challenger_are_found(self, storage: Storage) -> None:
        experiment = Experiment(challenger="ret_1")
        misleading = {"experiment": {"challenger": "ret_1"}}
        with storage.write() as session:
            for namespace, name, draft in (
                (DEFAULT, "one", RetrieverDraft(retriever_name="one", experiment=experiment)),
                (DEFAULT, "two", RetrieverDraft(retriever_name="two", metadata=misleading)),
                (OTHER, "three", RetrieverDraft(retriever_name="three", experiment=experiment)),
                (DEFAULT, "gone", RetrieverDraft(retriever_name="gone", experiment=experiment)),
            ):
                id = new_id()
                made = session.catalog.create_retriever(namespace, id, draft, START)
                assert session.catalog.find_retriever(namespace, name, hold=True) == made
            session.catalog.hide_retriever(DEFAULT, id, START)
        with storage.read() as session:
            find = session.catalog.with_experiment
            assert [one.draft.retriever_name for one in find()] == ["one", "three"]
            assert [one.draft.retriever_name for one in find(DEFAULT)] == ["one"]

    def test_one_of_two_racers_creates_a_retriever(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def create(target: Storage) -> Callable[[], bool]:
            def task() -> bool:
                try:
                    self._create(target, DEFAULT, "shop")
                except AlreadyExists:
                    return False
                return True

            return task

        wins = at_once(*map(create, (storage, open_another()) * 2))
        assert sorted(wins) == [False, False, False, True]

    def test_a_retriever_is_replaced_as_long_as_it_has_the_version_that_was_read(
        self, storage: Storage
    ) -> None:
        id = self._create(storage, DEFAULT, "shop")
        other = self._create(storage, OTHER, "shop")
        draft = RetrieverDraft(retriever_name="Läden", metadata=ODD_OBJECT)
        with storage.write() as session:
            catalog = session.catalog
            before = catalog.find_retriever(DEFAULT, "shop")
            after = catalog.update_retriever(DEFAULT, id, draft, 1, START + 5)
            assert after is not None
            assert (after.draft, after.version, after.updated_at) == (draft, 2, START + 5)
            assert before is not None
            assert (after.id, after.created_at) == (id, before.created_at)
            assert catalog.update_retriever(DEFAULT, id, draft, 1, START + 6) is None
            assert catalog.update_retriever(OTHER, id, draft, 2, START + 6) is None
            nobody = RetrieverDraft(retriever_name="nobody")
            assert catalog.update_retriever(DEFAULT, new_id(), nobody, 1, START + 6) is None
        with storage.read() as session:
            catalog = session.catalog
            assert catalog.find_retriever(DEFAULT, "Läden") == after
            assert catalog.find_retriever(DEFAULT, "shop") is None
            kept = catalog.find_retriever(OTHER, "shop")
            assert kept is not None
            assert (kept.id, kept.version) == (other, 1)
        with storage.write() as session:
            session.catalog.hide_retriever(DEFAULT, id, START)
            assert session.catalog.update_retriever(DEFAULT, id, draft, 2, START) is None

    def test_a_retriever_cannot_take_another_ones_name(self, storage: Storage) -> None:
        id = self._create(storage, DEFAULT, "shop")
        self._create(storage, DEFAULT, "taken")
        self._create(storage, OTHER, "free")
        for name, version in (("shop", 1), ("free", 2)):  # its own name, and another namespace's
            with storage.write() as session:
                draft = RetrieverDraft(retriever_name=name)
                assert session.catalog.update_retriever(DEFAULT, id, draft, version, START)
        draft = RetrieverDraft(retriever_name="taken")
        with pytest.raises(AlreadyExists), storage.write() as session:
            session.catalog.update_retriever(DEFAULT, id, draft, 3, START)
        with storage.read() as session:
            names = [r.draft.retriever_name for r in session.catalog.retrievers(DEFAULT)]
        assert names == ["free", "taken"]

    def test_one_of_two_racers_takes_a_name(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        def rename(target: Storage, id: bytes) -> Callable[[], bool]:
            def task() -> bool:
                draft = RetrieverDraft(retriever_name="new")
                try:
                    with target.write() as session:
                        session.catalog.update_retriever(DEFAULT, id, draft, 1, START)
                except AlreadyExists:
                    return False
                return True

            return task

        ids = [self._create(storage, DEFAULT, name) for name in "abcd"]
        targets = (storage, open_another()) * 2
        wins = at_once(*map(rename, targets, ids))
        assert sorted(wins) == [False, False, False, True]
        with storage.read() as session:
            names = [r.draft.retriever_name for r in session.catalog.retrievers(DEFAULT)]
        assert names == [("new" if won else name) for won, name in zip(wins, "abcd", strict=True)]

    def test_one_of_two_racers_replaces_a_retriever(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        id = self._create(storage, DEFAULT, "shop")

        def replace(target: Storage, tag: str) -> Callable[[], bool]:
            def task() -> bool:
                draft = RetrieverDraft(retriever_name="shop", tags=[tag])
                with target.write() as session:
                    return (
                        session.catalog.update_retriever(DEFAULT, id, draft, 1, START) is not None
                    )

            return task

        another = open_another()
        targets = ((storage, "a"), (another, "b"), (storage, "c"), (another, "d"))
        wins = at_once(*(replace(target, tag) for target, tag in targets))
        assert sorted(wins) == [False, False, False, True]
        with storage.read() as session:
            (kept,) = session.catalog.retrievers(DEFAULT)
        assert (kept.version, kept.draft.tags) == (2, [targets[wins.index(True)][1]])

    @staticmethod
    def _create(storage: Storage, namespace: int, name: str) -> bytes:
        id = new_id()
        with storage.write() as session:
            draft = RetrieverDraft(retriever_name=name)
            session.catalog.create_retriever(namespace, id, draft, START)
        return id

    def test_a_hidden_retriever_is_gone_but_its_name_is_free(self, storage: Storage) -> None:
        id = self._create(storage, DEFAULT, "shop")
        with storage.write() as session:
            session.catalog.hide_retriever(DEFAULT, id, START)
        with storage.read() as session:
            assert session.catalog.find_retriever(DEFAULT, "shop") is None
            assert session.catalog.find_retriever(DEFAULT, format_id("ret", id)) is None
            assert session.catalog.retrievers(DEFAULT) == []
            assert session.catalog.hidden_retrievers() == [(DEFAULT, id)]
        successor = self._create(storage, DEFAULT, "shop")
        with storage.write() as session:
            session.catalog.hide_retriever(DEFAULT, successor, START)
            session.catalog.delete_retriever(DEFAULT, id)
            assert session.catalog.hidden_retrievers() == [(DEFAULT, successor)]
            session.catalog.delete_retriever(OTHER, successor)
            assert session.catalog.hidden_retrievers() == [(DEFAULT, successor)]
