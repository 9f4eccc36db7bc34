"""The log as it is copied for analysis."""

from __future__ import annotations

from desirepath.domain.ids import NIL
from desirepath.domain.ranking import day_of
from desirepath.storage.base import Storage
from desirepath.storage.extracts import EXECUTION_COLUMNS, INTERACTION_COLUMNS
from desirepath.testing.clock import START
from desirepath.testing.examples import an_execution, an_interaction, new_id
from desirepath.testing.storage_contract.common import DAY, DEFAULT, OTHER, store

_END = b"\xff" * 16
_TODAY = day_of(START)


class ExtractsContract:
    """See :class:`~desirepath.storage.extracts.Extracts`."""

    def test_rows_come_in_order_within_the_range(self, storage: Storage) -> None:
        ids = [new_id(START + second) for second in range(5)]
        rows = [an_interaction(id=id, position=at) for at, id in enumerate(ids)]
        with storage.write() as session:
            session.interactions.append(rows[::-1])
            session.interactions.append([an_interaction(namespace=OTHER)])
        with storage.read() as session:
            chunks = list(session.extracts.interactions(DEFAULT, ids[0], ids[4], chunk=2))
        assert [[row[0] for row in chunk] for chunk in chunks] == [ids[1:3], ids[3:4]]

    def test_columns_are_as_they_are_stored(self, storage: Storage) -> None:
        interaction = an_interaction(metadata={"a": 1}, query_snapshot={"q": "é"}, user_id="ü")
        execution = an_execution(configuration="c")
        with storage.write() as session:
            session.interactions.append([interaction])
            keys = [(DEFAULT, execution.execution_id, b"", execution.id)]
            session.executions.claim(keys)
            session.executions.append([execution])
        with storage.read() as session:
            ((row,),) = session.extracts.interactions(DEFAULT, NIL, _END)
            ((searched,),) = session.extracts.executions(DEFAULT, NIL, _END)
        values = dict(zip(INTERACTION_COLUMNS, row, strict=True))
        assert values["types"] == "click"
        assert (values["metadata"], values["query_snapshot"]) == ('{"a":1}', '{"q":"é"}')
        assert (values["user_id"], values["occurred_at"]) == ("ü", START)
        values = dict(zip(EXECUTION_COLUMNS, searched, strict=True))
        assert values["execution_id"] == execution.execution_id
        assert values["shown"] == '[["doc_1","doc_2"],[null,null]]'
        assert (values["configuration"], values["n_documents"]) == ("c", 2)

    def test_executions_are_found_by_their_ids(self, storage: Storage) -> None:
        executions = [an_execution(execution_id=f"e{n}", offset=n) for n in range(3)]
        store(storage, *executions, an_execution(namespace=OTHER, execution_id="e3"))
        with storage.read() as session:
            assert session.extracts.executions_named(DEFAULT, []) == []
            rows = session.extracts.executions_named(DEFAULT, ["e2", "none", "e0", "e3"])
            ((read,),) = session.extracts.executions(DEFAULT, executions[1].id, _END)
        by_id = {row[1]: row for row in rows}
        assert by_id.keys() == {"e0", "e2"}
        assert by_id["e2"] == read

    def test_clicks_are_found_by_what_showed_the_document(self, storage: Storage) -> None:
        ids = [new_id(START + second) for second in range(8)]
        clicks = [
            an_interaction(id=ids[0], execution_id="e0"),
            an_interaction(id=ids[1], execution_id="e0", types=("view", "click"), live=False),
            an_interaction(id=ids[2], execution_id="e1", feature_id="doc_2", occurred_at=START - 1),
            an_interaction(id=ids[3], execution_id="e0", types=("view", "long_view")),
            an_interaction(id=ids[4], execution_id="e2"),
            an_interaction(id=ids[5]),
            an_interaction(id=ids[6], execution_id="e0", namespace=OTHER),
            an_interaction(id=ids[7], execution_id="e0"),
        ]
        store(storage, *clicks)
        with storage.read() as session:
            assert not session.extracts.clicks_of(DEFAULT, [], _END)
            rows = session.extracts.clicks_of(DEFAULT, ["e0", "e1", "none"], ids[7])
        assert sorted(tuple(row) for row in rows) == [
            ("e0", "doc_1", ids[0], START, 1),
            ("e0", "doc_1", ids[1], START, 0),
            ("e1", "doc_2", ids[2], START - 1, 1),
        ]

    def test_the_ends_of_both_logs(self, storage: Storage) -> None:
        first, last = new_id(START), new_id(START + DAY)
        with storage.write() as session:
            session.interactions.append([an_interaction(id=id) for id in (last, first)])
        with storage.read() as session:
            assert session.extracts.first_ids(DEFAULT) == (first, None)
            assert session.extracts.last_ids(DEFAULT) == (last, None)
            assert session.extracts.first_ids(OTHER) == (None, None)

    def test_deletions_are_counted_by_day_of_recording(self, storage: Storage) -> None:
        ids = [new_id(START), new_id(START + 1), new_id(START + DAY)]
        with storage.write() as session:
            session.interactions.append([an_interaction(id=id) for id in ids])
        with storage.read() as session:
            assert session.extracts.changes(DEFAULT) == {}
        with storage.write() as session:
            session.interactions.delete(DEFAULT, ids[:2])
        with storage.write() as session:
            session.interactions.delete(DEFAULT, ids[2:])
            session.executions.delete(DEFAULT, [new_id(START + DAY)])
        with storage.read() as session:
            assert session.extracts.changes(DEFAULT) == {_TODAY: 1, _TODAY + 1: 2}
            assert session.extracts.changes(OTHER) == {}

    def test_a_namespace_takes_its_count_along(self, storage: Storage) -> None:
        with storage.write() as session:
            number = session.catalog.create_namespace("ns_new", "new", START).number
            session.interactions.append([an_interaction(namespace=number)])
        with storage.read() as session:
            ids = session.interactions.ids_before(number, _END, 10)
        with storage.write() as session:
            session.interactions.delete(number, ids)
            session.catalog.delete_namespace(number)
        with storage.read() as session:
            assert session.extracts.changes(number) == {}
