"""Models in versions, with what serves."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from desirepath.domain.artifact import Artifact, Deployment, seal
from desirepath.domain.ids import format_id
from desirepath.errors import AlreadyExists, NotFound, StorageCorrupt
from desirepath.storage.base import Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import an_interaction, new_id
from desirepath.testing.storage_contract.common import (
    DEFAULT,
    ODD_OBJECT,
    OTHER,
    OpenAnother,
    at_once,
    store,
)

SEEN = START + 1_000_000
FILES = {"model.txt": b"tree", "users.json": b'["al_ce","bob"]'}


def a_model(**changes: Any) -> Artifact:
    """A ranker that saw what was recorded before SEEN in everybody's log."""
    id = new_id()
    values: dict[str, Any] = {
        "namespace": DEFAULT,
        "id": id,
        "artifact_id": format_id("mod", id),
        "kind": "ranker",
        "name": "best",
        "created_at": START,
        "seen_before": SEEN,
    }
    return Artifact(**(values | changes))


class ArtifactsContract:
    """See :class:`~desirepath.storage.artifacts.Artifacts`."""

    @staticmethod
    def _create(
        storage: Storage, artifact: Artifact, files: dict[str, bytes] | None = None
    ) -> Artifact:
        with storage.write() as session:
            return session.artifacts.create(artifact, FILES if files is None else files)

    def _versions(self, storage: Storage, count: int) -> list[Artifact]:
        return [self._create(storage, a_model()) for _ in range(count)]

    @staticmethod
    def _deploy(storage: Storage, version: int, now: int = START) -> Deployment | None:
        with storage.write() as session:
            return session.artifacts.deploy(DEFAULT, "best", version, now)

    @staticmethod
    def _roll_back(storage: Storage, now: int = START) -> int | None:
        with storage.write() as session:
            back = session.artifacts.roll_back(DEFAULT, "best", now)
        return None if back is None else back.version

    @staticmethod
    def _served(storage: Storage) -> list[int]:
        with storage.read() as session:
            return [one.version for one in session.artifacts.deployments(DEFAULT, "best")]

    @staticmethod
    def _stale_at(storage: Storage, artifact: Artifact) -> int | None:
        with storage.read() as session:
            found = session.artifacts.find(artifact.namespace, artifact.artifact_id)
        assert found is not None
        return found.stale_at

    def test_a_version_reads_back_equal(self, storage: Storage) -> None:
        sent = a_model(name="ümlaut", retriever_id="ret_1", manifest=ODD_OBJECT)
        created = self._create(storage, sent)
        assert (created.version, created.manifest) == (1, ODD_OBJECT)
        assert created.files == {name: seal(content) for name, content in FILES.items()}
        with storage.read() as session:
            find = session.artifacts.find
            assert find(DEFAULT, created.artifact_id) == created
            assert find(DEFAULT, created.artifact_id, kind="ranker") == created
            assert find(DEFAULT, created.artifact_id, kind="recommender") is None
            assert find(DEFAULT, "ümlaut", 1) == created
            assert find(DEFAULT, "ümlaut", 2) is None
            assert find(DEFAULT, "ümlaut") is None
            assert find(OTHER, "ümlaut", 1) is None
            assert find(OTHER, created.artifact_id) is None
            assert find(DEFAULT, "\x00", 1) is None

    @pytest.mark.parametrize("n_bytes", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
    def test_a_file_of_any_size_reads_back_to_the_byte(
        self, storage: Storage, n_bytes: int
    ) -> None:
        content = (bytes(range(251)) * (n_bytes // 251 + 1))[:n_bytes]
        model = self._create(storage, a_model(), {"a": content, "b": b"other"})
        with storage.read() as session:
            assert session.artifacts.file(DEFAULT, model.id, "a") == content
            assert session.artifacts.file(DEFAULT, model.id, "b") == b"other"

    def test_a_file_that_is_not_there_is_not_found(self, storage: Storage) -> None:
        model = self._create(storage, a_model())
        with storage.read() as session:
            for namespace, id, name in (
                (DEFAULT, model.id, "tree"),
                (DEFAULT, new_id(), "model.txt"),
                (OTHER, model.id, "model.txt"),
            ):
                with pytest.raises(NotFound):
                    session.artifacts.file(namespace, id, name)

    @pytest.mark.parametrize(
        "damage",
        [
            "DELETE FROM artifact_pieces WHERE number = 1",
            "UPDATE artifact_pieces SET number = 1 - number + 7 WHERE number < 2",
            "UPDATE artifact_pieces SET name = 'other' WHERE number = 0",
        ],
    )
    def test_a_damaged_file_is_never_given_out(self, storage: Storage, damage: str) -> None:
        model = self._create(storage, a_model(), {"a": b"x" * (2 << 20) + b"end"})
        with storage.write() as session:
            session.artifacts._connection.execute(text(damage))  # type: ignore[attr-defined]
        with storage.read() as session, pytest.raises(StorageCorrupt):
            session.artifacts.file(DEFAULT, model.id, "a")

    def test_versions_are_counted_under_their_name(self, storage: Storage) -> None:
        versions = self._versions(storage, 3)
        assert [one.version for one in versions] == [1, 2, 3]
        assert self._create(storage, a_model(name="next")).version == 1
        assert self._create(storage, a_model(namespace=OTHER)).version == 1
        with storage.write() as session:
            assert session.artifacts.delete(DEFAULT, versions[2].id)
        assert self._create(storage, a_model()).version == 4

    def test_a_name_belongs_to_one_kind_as_long_as_it_has_a_version(self, storage: Storage) -> None:
        (first,) = self._versions(storage, 1)
        other = a_model(kind="recommender")
        with pytest.raises(AlreadyExists):
            self._create(storage, other)
        self._create(storage, a_model(kind="recommender", namespace=OTHER))
        with storage.write() as session:
            assert session.artifacts.artifacts(DEFAULT, 10) == [first]
            with pytest.raises(NotFound):
                session.artifacts.file(DEFAULT, other.id, "model.txt")
            assert session.artifacts.delete(DEFAULT, first.id)
        assert self._create(storage, other).version == 1

    def test_a_failure_leaves_nothing(self, storage: Storage) -> None:
        with suppress(ZeroDivisionError), storage.write() as session:
            session.artifacts.create(a_model(), FILES)
            raise ZeroDivisionError
        with storage.read() as session:
            assert session.artifacts.count(DEFAULT) == 0
        assert self._create(storage, a_model()).version == 1

    def test_versions_stored_at_once_get_numbers_of_their_own(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        another = open_another()
        created = at_once(
            *(lambda here=here: self._create(here, a_model()) for here in (storage, another) * 4)
        )
        assert sorted(one.version for one in created) == list(range(1, 9))

    def test_the_newest_come_first_in_pages(self, storage: Storage) -> None:
        rankers = self._versions(storage, 3)
        other = self._create(storage, a_model(name="likes", kind="recommender"))
        self._create(storage, a_model(namespace=OTHER))
        with storage.read() as session:
            listed = session.artifacts.artifacts
            assert listed(DEFAULT, 10) == [other, *rankers[::-1]]
            assert listed(DEFAULT, 2, 1) == [rankers[2], rankers[1]]
            assert listed(DEFAULT, 10, kind="recommender") == [other]
            assert listed(DEFAULT, 10, name="best") == rankers[::-1]
            assert listed(DEFAULT, 10, kind="recommender", name="best") == []
            assert session.artifacts.count(DEFAULT) == 4
            assert session.artifacts.count(DEFAULT, kind="ranker") == 3
            assert session.artifacts.count(DEFAULT, name="likes") == 1

    def test_nothing_serves_before_it_is_deployed(self, storage: Storage) -> None:
        first, second = self._versions(storage, 2)
        assert self._deploy(storage, 3) is None
        assert self._roll_back(storage) is None
        with storage.read() as session:
            assert session.artifacts.find(DEFAULT, "best") is None
            assert session.artifacts.serving(DEFAULT) == {}
        deployment = self._deploy(storage, 1, START + 7)
        assert deployment == Deployment(name="best", version=1, depth=1, deployed_at=START + 7)
        with storage.read() as session:
            assert session.artifacts.find(DEFAULT, "best") == first
            assert session.artifacts.find(DEFAULT, "best", kind="recommender") is None
            assert session.artifacts.find(DEFAULT, "best", 2) == second
            assert session.artifacts.find(OTHER, "best") is None
            assert session.artifacts.deployments(DEFAULT, "best") == [deployment]
            assert session.artifacts.serving(DEFAULT) == {"best": 1}
            assert session.artifacts.serving(OTHER) == {}

    def test_what_serves_is_not_deployed_again(self, storage: Storage) -> None:
        self._versions(storage, 1)
        first = self._deploy(storage, 1, START + 1)
        assert self._deploy(storage, 1, START + 2) == first
        assert self._served(storage) == [1]

    def test_rolling_back_goes_further_back_each_time(self, storage: Storage) -> None:
        self._versions(storage, 4)
        for version in (1, 2, 3):
            self._deploy(storage, version)
        assert self._roll_back(storage) == 2
        self._deploy(storage, 4)
        assert [self._roll_back(storage) for _ in range(3)] == [2, 1, None]
        assert self._served(storage) == [1, 2, 3, 2, 4, 2, 1]

    def test_a_deleted_version_is_not_rolled_back_to(self, storage: Storage) -> None:
        versions = self._versions(storage, 3)
        for version in (1, 2, 3):
            self._deploy(storage, version)
        with storage.write() as session:
            assert session.artifacts.delete(DEFAULT, versions[1].id)
        assert self._deploy(storage, 2) is None
        assert self._roll_back(storage) == 1
        with storage.write() as session:
            assert session.artifacts.delete(DEFAULT, versions[0].id)
            assert session.artifacts.serving(DEFAULT) == {"best": 3}
        assert self._roll_back(storage) is None

    def test_deployments_at_once_are_all_kept(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        self._versions(storage, 2)
        another = open_another()
        at_once(*(lambda v=v: self._deploy((storage, another)[v - 1], v) for v in (1, 2)))
        served = self._served(storage)
        assert sorted(served) == [1, 2]
        assert self._roll_back(storage) == served[0]

    def test_a_deleted_version_takes_its_files_along(self, storage: Storage) -> None:
        gone, kept = self._versions(storage, 2)
        with storage.write() as session:
            assert session.artifacts.delete(DEFAULT, gone.id)
            assert not session.artifacts.delete(DEFAULT, gone.id)
            assert not session.artifacts.delete(OTHER, kept.id)
        with storage.read() as session:
            with pytest.raises(NotFound):
                session.artifacts.file(DEFAULT, gone.id, "model.txt")
            assert session.artifacts.file(DEFAULT, kept.id, "model.txt") == b"tree"

    def test_those_of_a_retriever_and_of_a_namespace_can_be_removed(self, storage: Storage) -> None:
        self._create(storage, a_model(retriever_id="ret_1"))
        kept = self._create(storage, a_model(retriever_id="ret_2"))
        whole = self._create(storage, a_model())
        elsewhere = self._create(storage, a_model(retriever_id="ret_1", namespace=OTHER))
        self._deploy(storage, kept.version)
        with storage.write() as session:
            assert session.artifacts.delete_of_retriever(DEFAULT, "ret_1") == 1
            assert session.artifacts.artifacts(DEFAULT, 10) == [whole, kept]
            session.artifacts.clear(DEFAULT)
            assert session.artifacts.artifacts(DEFAULT, 10) == []
            assert session.artifacts.serving(DEFAULT) == {}
            assert session.artifacts.artifacts(OTHER, 10) == [elsewhere]
            assert session.artifacts.file(OTHER, elsewhere.id, "model.txt") == b"tree"
        assert self._create(storage, a_model(kind="recommender")).version == 1

    def test_those_that_saw_it_become_stale_once(self, storage: Storage) -> None:
        blind = self._create(storage, a_model(seen_before=None))
        whole = self._create(storage, a_model())
        first = self._create(storage, a_model(retriever_id="ret_1"))
        second = self._create(storage, a_model(retriever_id="ret_2"))
        with storage.write() as session:
            mark = session.artifacts.mark_stale
            assert mark(DEFAULT, ["ret_1"], SEEN, START + 5) == 0  # recorded afterwards
            assert mark(OTHER, ["ret_1"], START, START + 5) == 0
            assert mark(DEFAULT, ["ret_1"], START, START + 6) == 2
            assert mark(DEFAULT, ["ret_1"], START, START + 7) == 0
        stale = [self._stale_at(storage, one) for one in (blind, whole, first, second)]
        assert stale == [None, START + 6, START + 6, None]

    def test_what_was_deleted_since_the_log_was_read_makes_it_stale(self, storage: Storage) -> None:
        interaction = an_interaction(id=new_id())
        store(storage, interaction)
        with storage.read() as session:
            before = session.extracts.changes(DEFAULT)
        with storage.write() as session:
            fresh = session.artifacts.create(a_model(), FILES, before)
        with storage.write() as session:
            session.interactions.delete(DEFAULT, [interaction.id])
        with storage.write() as session:
            stale = session.artifacts.create(a_model(), FILES, before)
        assert (fresh.stale_at, stale.stale_at) == (None, START)
        assert self._stale_at(storage, stale) == START

    def test_a_deletion_at_the_same_moment_is_never_missed(
        self, storage: Storage, open_another: OpenAnother
    ) -> None:
        another = open_another()
        for _ in range(10):
            interaction = an_interaction(id=new_id())
            store(storage, interaction)
            with storage.read() as session:
                before = session.extracts.changes(DEFAULT)
            model = a_model()

            def create(model: Artifact = model, before: Any = before) -> None:
                with storage.write() as session:
                    session.artifacts.create(model, FILES, before)

            def remove(id: bytes = interaction.id) -> None:
                with another.write() as session:
                    session.interactions.delete(DEFAULT, [id])
                    session.artifacts.mark_stale(DEFAULT, [], START, START + 1)

            at_once(create, remove)
            assert self._stale_at(storage, model) is not None

    def test_versions_that_mention_somebody_go(self, storage: Storage) -> None:
        across = b" " * ((1 << 20) - 3) + b'"al_ce"'  # from one piece into the next
        self._create(storage, a_model())
        self._create(storage, a_model(), {"other.json": across})
        self._create(storage, a_model(manifest={"user_id": "al_ce"}), {})
        kept = [
            self._create(storage, a_model(), {"users.json": b'["alice","al_ce2"]'}),
            self._create(storage, a_model(), {"model.txt": b'"al_ce"'}),
        ]
        elsewhere = self._create(storage, a_model(namespace=OTHER))
        with storage.write() as session:
            assert session.artifacts.delete_mentions(DEFAULT, '"al_ce"') == 3
            assert session.artifacts.delete_mentions(DEFAULT, '"al_ce"') == 0
            assert session.artifacts.artifacts(DEFAULT, 10) == kept[::-1]
            assert session.artifacts.artifacts(OTHER, 10) == [elsewhere]
