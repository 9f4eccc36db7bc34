"""What was refused."""

from __future__ import annotations

from desirepath.domain.ids import first_id_at
from desirepath.storage.base import Rejection, Storage
from desirepath.testing.clock import START
from desirepath.testing.examples import new_id
from desirepath.testing.storage_contract.common import DAY, DEFAULT, DIGEST, ODD_TEXTS, OTHER


class RejectionsContract:
    """See :class:`~desirepath.storage.base.Rejections`."""

    @staticmethod
    def _keep(storage: Storage, *raws: str, namespace: int = DEFAULT) -> list[Rejection]:
        rejections = [
            Rejection(id=new_id(), source="batch", reason="position: why", raw=raw) for raw in raws
        ]
        with storage.write() as session:
            session.rejections.keep(namespace, rejections)
        return rejections

    @staticmethod
    def _raws(storage: Storage, namespace: int = DEFAULT) -> list[str]:
        with storage.read() as session:
            return [rejection.raw for rejection in session.rejections.find(namespace, 100)]

    def test_the_newest_come_first_and_read_back_equal(self, storage: Storage) -> None:
        kept = self._keep(storage, "", *ODD_TEXTS, "x" * 8192)
        self._keep(storage, "elsewhere", namespace=OTHER)
        self._keep(storage)
        with storage.read() as session:
            assert session.rejections.find(DEFAULT, 100) == kept[::-1]
            assert session.rejections.find(DEFAULT, 2) == kept[:-3:-1]
            page = session.rejections.find(DEFAULT, 2, before=kept[3].id)
        assert page == [kept[2], kept[1]]

    def test_old_ones_expire_everywhere(self, storage: Storage) -> None:
        for namespace in (DEFAULT, OTHER):
            rejections = [
                Rejection(id=new_id(START + day * DAY), source="s", reason="r", raw=str(day))
                for day in (-2, -1, 0)
            ]
            with storage.write() as session:
                session.rejections.keep(namespace, rejections)
        with storage.write() as session:
            session.rejections.expire(first_id_at(START - DAY), keep=100)
        assert self._raws(storage) == ["0", "-1"]
        assert self._raws(storage, OTHER) == ["0", "-1"]

    def test_the_newest_of_each_namespace_are_kept(self, storage: Storage) -> None:
        self._keep(storage, "1", "2", "3")
        self._keep(storage, "4", namespace=OTHER)
        with storage.write() as session:
            session.rejections.expire(first_id_at(START - DAY), keep=2)
        assert self._raws(storage) == ["3", "2"]
        assert self._raws(storage, OTHER) == ["4"]

    def test_mentions_are_deleted_by_exact_text(self, storage: Storage) -> None:
        self._keep(storage, '{"user_id":"al_ce"}', "al_ce", "alice", "AL_CE", "al_c", "é")
        self._keep(storage, "al_ce", namespace=OTHER)
        with storage.write() as session:
            assert session.rejections.delete_mentions(DEFAULT, "al_ce") == 2
            assert session.rejections.delete_mentions(DEFAULT, "É") == 0
            assert session.rejections.delete_mentions(DEFAULT, "nobody") == 0
        assert self._raws(storage) == ["é", "al_c", "AL_CE", "alice"]
        assert self._raws(storage, OTHER) == ["al_ce"]

    def test_stored_answers_that_mention_it_are_deleted(self, storage: Storage) -> None:
        with storage.write() as session:
            for key, body in (("a", '{"user_id":"u%1"}'), ("b", '{"user_id":"ux1"}')):
                session.receipts.claim_key(DEFAULT, key, DIGEST, START)
                session.receipts.keep_answer(DEFAULT, key, body)
            session.receipts.claim_key(DEFAULT, "unanswered", DIGEST, START)
            assert session.rejections.delete_mentions(DEFAULT, "u%1") == 1
            assert session.receipts.claim_key(DEFAULT, "b", DIGEST, START) is not None
            assert session.receipts.claim_key(DEFAULT, "unanswered", DIGEST, START) is not None
            assert session.receipts.claim_key(DEFAULT, "a", DIGEST, START) is None
