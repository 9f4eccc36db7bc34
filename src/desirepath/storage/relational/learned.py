"""Lists and what was learned from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from desirepath.storage.learned import (
    SHARDS,
    Activity,
    LearnableList,
    LearnedList,
    LearningState,
    ListedInteraction,
    LoneInteraction,
    RollupKey,
    UserControl,
)
from desirepath.storage.relational import tables
from desirepath.storage.relational.bulk import Bulk

__all__ = ["RelationalLearned"]

_E, _I = tables.executions, tables.interactions
_LISTS, _SUMS = tables.learned_lists, tables.rollups
_FEATURES, _USERS = tables.learned_features, tables.learned_users
_UNDECIDED = "{}"
_CONTROLS, _ACTIVITY = tables.fusion_controls, tables.fusion_activity
_LONE, _STATES = tables.lone_interactions, tables.learning_states
_IN_LIST = 500


class RelationalLearned:
    """See :class:`~desirepath.storage.learned.Learned`."""

    def __init__(self, connection: Connection, bulk: Bulk) -> None:
        self._connection = connection
        self._bulk = bulk

    # Lists

    def lists(self, keys: Collection[tuple[int, str]]) -> list[LearnableList]:
        return [_to_list(row) for row in self._bulk.ranked(sorted(keys))] if keys else []

    def lists_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LearnableList]:
        teaches = _E.c.algorithm.is_not(None)
        return self._after(namespace, retriever_id, after, limit, teaches)

    def ranked_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LearnableList]:
        return self._after(namespace, retriever_id, after, limit, _E.c.ranking.is_not(None))

    def _after(
        self,
        namespace: int,
        retriever_id: str,
        after: bytes,
        limit: int,
        *conditions: ColumnElement[bool],
    ) -> list[LearnableList]:
        statement = (
            select(*(_E.c[name] for name in tables.RANKED_COLUMNS))
            .where(
                _E.c.namespace == namespace,
                _E.c.retriever_id == retriever_id,
                _E.c.id > after,
                *conditions,
            )
            .order_by(_E.c.id)
            .limit(limit)
        )
        return [_to_list(row) for row in self._connection.execute(statement)]

    def interactions(
        self, keys: Collection[tuple[int, str]]
    ) -> dict[tuple[int, str], list[ListedInteraction]]:
        return self._bulk.acted(sorted(keys)) if keys else {}

    def hold_lists(self, lists: Sequence[LearnableList]) -> dict[bytes, bytes]:
        rows = [
            (one.namespace, one.id, one.retriever_id, one.session_id, int(one.live), b"")
            for one in sorted(lists, key=lambda one: (one.namespace, one.id))
        ]
        return {row[1]: row[5] for row in self._bulk.hold(_LISTS, rows)}

    def put_lists(self, lists: Sequence[LearnedList]) -> None:
        kept = [
            (one.namespace, one.id, one.retriever_id, one.session_id, int(one.live), one.sums)
            for one in lists
            if one.sums
        ]
        self._bulk.put(_LISTS, kept)
        self._bulk.remove(_LISTS, [(one.namespace, one.id) for one in lists if not one.sums])

    # Sums

    def hold_sums(self, keys: Collection[RollupKey]) -> dict[RollupKey, bytes]:
        rows = [(*_values(key), b"") for key in sorted(keys)]
        return {RollupKey(*row[:6]): row[6] for row in self._bulk.hold(_SUMS, rows)}

    def put_sums(self, rows: Mapping[RollupKey, bytes]) -> None:
        self._bulk.put(_SUMS, [(*_values(key), sums) for key, sums in sorted(rows.items()) if sums])
        self._bulk.remove(_SUMS, [_values(key) for key, sums in sorted(rows.items()) if not sums])

    def sums(
        self,
        namespace: int,
        retriever_id: str,
        algorithm: str,
        since: Mapping[str, int],
    ) -> list[tuple[str, int, bytes]]:
        keys = [(namespace, retriever_id, algorithm, name, day) for name, day in since.items()]
        return [(row[0], row[1], row[2]) for row in self._bulk.sums(keys)]

    def session_sums(
        self, namespace: int, retriever_id: str, session_id: str, since: bytes, limit: int
    ) -> list[bytes]:
        return self._bulk.session_sums(namespace, retriever_id, session_id, since, limit)

    def everything(self, namespace: int, retriever_id: str) -> list[tuple[RollupKey, bytes]]:
        first = self.state(namespace, retriever_id).serving * SHARDS
        statement = (
            select(_SUMS)
            .where(
                _SUMS.c.namespace == namespace,
                _SUMS.c.retriever_id == retriever_id,
                _SUMS.c.shard.between(first, first + SHARDS - 1),
            )
            .order_by(_SUMS.c.algorithm, _SUMS.c.context, _SUMS.c.day, _SUMS.c.shard)
        )
        return [
            (replace(RollupKey(*row[:6]), shard=row[5] - first), row[6])
            for row in self._connection.execute(statement)
        ]

    def learned_lists(self, namespace: int, retriever_id: str) -> list[LearnedList]:
        statement = (
            select(_LISTS)
            .where(_LISTS.c.namespace == namespace, _LISTS.c.retriever_id == retriever_id)
            .order_by(_LISTS.c.id)
        )
        return [
            LearnedList(
                namespace=row.namespace,
                id=row.id,
                retriever_id=row.retriever_id,
                session_id=row.session_id,
                live=bool(row.live),
                sums=row.sums,
            )
            for row in self._connection.execute(statement)
        ]

    def learned_ids(
        self, namespace: int, retriever_id: str, after: bytes, upto: bytes
    ) -> list[bytes]:
        statement = select(_LISTS.c.id).where(
            _LISTS.c.namespace == namespace,
            _LISTS.c.id > after,
            _LISTS.c.id <= upto,
            _LISTS.c.retriever_id == retriever_id,
        )
        return list(self._connection.scalars(statement))

    def learned_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        return self._ids_before(_LISTS, namespace, bound, limit)

    def _ids_before(self, table: Table, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        statement = (
            select(table.c.id)
            .where(table.c.namespace == namespace, table.c.id < bound)
            .order_by(table.c.id)
            .limit(limit)
        )
        return list(self._connection.scalars(statement))

    def clear(self, namespace: int, retriever_id: str, limit: int) -> int:
        removed = 0
        for table, key in (
            (_LISTS, _LISTS.c.id),
            (_SUMS, _SUMS.c.context),
            (_LONE, _LONE.c.id),
        ):
            mine: list[ColumnElement[bool]] = [
                table.c.namespace == namespace,
                table.c.retriever_id == retriever_id,
            ]
            some = list(self._connection.scalars(select(key).where(*mine).distinct().limit(limit)))
            for part in _parts(some):
                result = self._connection.execute(delete(table).where(*mine, key.in_(part)))
                removed += result.rowcount
        return removed

    def clear_decisions(self, namespace: int, retriever_id: str) -> None:
        for table in (_FEATURES, _USERS, _CONTROLS, _ACTIVITY, _STATES):
            self._connection.execute(
                delete(table).where(
                    table.c.namespace == namespace, table.c.retriever_id == retriever_id
                )
            )

    def delete_user(self, namespace: int, user_id: str) -> None:
        self._connection.execute(
            delete(_USERS).where(_USERS.c.namespace == namespace, _USERS.c.user_id == user_id)
        )

    # Lone interactions

    def lone_after(
        self, namespace: int, retriever_id: str, after: bytes, limit: int
    ) -> list[LoneInteraction]:
        statement = (
            select(_LONE)
            .where(
                _LONE.c.namespace == namespace,
                _LONE.c.id > after,
                _LONE.c.retriever_id == retriever_id,
            )
            .order_by(_LONE.c.id)
            .limit(limit)
        )
        return [_to_lone(row) for row in self._connection.execute(statement)]

    def lone_before(self, namespace: int, bound: bytes, limit: int) -> list[bytes]:
        return self._ids_before(_LONE, namespace, bound, limit)

    def put_lone(self, rows: Sequence[LoneInteraction]) -> None:
        self._bulk.insert(_LONE, [_from_lone(one) for one in rows])

    def take_lone(self, namespace: int, ids: Sequence[bytes]) -> list[LoneInteraction]:
        return self._taken(self._bulk.fetch(_LONE, [(namespace, id) for id in ids]))

    def take_lone_of(self, keys: Collection[tuple[int, str]]) -> list[LoneInteraction]:
        return self._taken(self._bulk.lone_of(sorted(keys))) if keys else []

    def _taken(self, rows: Sequence[Any]) -> list[LoneInteraction]:
        self._bulk.remove(_LONE, [row[:2] for row in rows])
        return [_to_lone(row) for row in rows]

    # Generations

    def hold_states(
        self, keys: Collection[tuple[int, str]]
    ) -> dict[tuple[int, str], LearningState]:
        found: dict[tuple[int, str], LearningState] = {}
        wanted = sorted(keys)
        while wanted:
            for row in self._bulk.fetch(_STATES, wanted, hold=True):
                found[row[0], row[1]] = _to_state(row)
            wanted = [key for key in wanted if key not in found]
            if wanted:  # the first time of a retriever
                self._bulk.insert_new(_STATES, [(*key, *_from_state(_NEW)) for key in wanted])
        return found

    def hold_state(self, namespace: int, retriever_id: str) -> LearningState:
        rows = self._bulk.hold(_STATES, [(namespace, retriever_id, *_from_state(_NEW))])
        return _to_state(rows[0])

    def put_state(self, namespace: int, retriever_id: str, state: LearningState) -> None:
        self._bulk.put(_STATES, [(namespace, retriever_id, *_from_state(state))])

    def state(self, namespace: int, retriever_id: str) -> LearningState:
        rows = self._bulk.fetch(_STATES, [(namespace, retriever_id)])
        return _to_state(rows[0]) if rows else _NEW

    def building(self) -> list[tuple[int, str]]:
        statement = select(_STATES.c.namespace, _STATES.c.retriever_id).where(
            _STATES.c.building.is_not(None)
        )
        return [(row[0], row[1]) for row in self._connection.execute(statement)]

    def clear_generations(self, namespace: int, retriever_id: str, limit: int) -> int:
        state = self.state(namespace, retriever_id)
        others: list[ColumnElement[bool]] = [
            ~_SUMS.c.shard.between(kept * SHARDS, kept * SHARDS + SHARDS - 1)
            for kept in (state.serving, state.building)
            if kept is not None
        ]
        keys = list(_SUMS.primary_key.columns)
        statement = (
            select(*keys)
            .where(_SUMS.c.namespace == namespace, _SUMS.c.retriever_id == retriever_id, *others)
            .limit(limit)
        )
        rows = [tuple(row) for row in self._connection.execute(statement)]
        self._bulk.remove(_SUMS, rows)
        return len(rows)

    def count_lists(self, namespace: int, retriever_id: str) -> int:
        statement = (
            select(func.count())
            .select_from(_E)
            .where(
                _E.c.namespace == namespace,
                _E.c.retriever_id == retriever_id,
                _E.c.algorithm.is_not(None),
            )
        )
        return int(self._connection.scalar(statement) or 0)

    # Features

    def features(self, namespace: int, retriever_id: str) -> dict[str, int]:
        statement = (
            select(_FEATURES.c.feature_uri, _FEATURES.c.ordinal)
            .where(_FEATURES.c.namespace == namespace, _FEATURES.c.retriever_id == retriever_id)
            .order_by(_FEATURES.c.ordinal)
        )
        return {row[0]: row[1] for row in self._connection.execute(statement)}

    def has_features(self, namespace: int) -> bool:
        statement = select(_FEATURES.c.ordinal).where(_FEATURES.c.namespace == namespace).limit(1)
        return self._connection.scalar(statement) is not None

    def add_features(self, namespace: int, retriever_id: str, uris: Sequence[str]) -> None:
        missing = list(uris)
        while missing:  # another process may take the next ordinal first
            known = self.features(namespace, retriever_id)
            missing = [uri for uri in missing if uri not in known]
            if missing:
                rows = [
                    (namespace, retriever_id, len(known) + index, uri)
                    for index, uri in enumerate(missing)
                ]
                self._bulk.insert_new(_FEATURES, rows)

    # What was decided

    def user(self, namespace: int, retriever_id: str, user_id: str) -> UserControl:
        rows = self._bulk.fetch(_USERS, [(namespace, retriever_id, user_id)])
        return UserControl(bool(rows[0][3]), rows[0][4]) if rows else UserControl()

    def hold_user(self, namespace: int, retriever_id: str, user_id: str) -> UserControl:
        ((*_, opted_out, generation),) = self._bulk.hold(
            _USERS, [(namespace, retriever_id, user_id, 0, 0)]
        )
        return UserControl(bool(opted_out), generation)

    def set_user(
        self, namespace: int, retriever_id: str, user_id: str, control: UserControl
    ) -> None:
        row = (namespace, retriever_id, user_id, int(control.opted_out), control.generation)
        self._bulk.put(_USERS, [row])

    def n_opted_out(self, namespace: int, retriever_id: str) -> int:
        statement = (
            select(func.count())
            .select_from(_USERS)
            .where(
                _USERS.c.namespace == namespace,
                _USERS.c.retriever_id == retriever_id,
                _USERS.c.opted_out == 1,
            )
        )
        return int(self._connection.scalar(statement) or 0)

    def controls(self, namespace: int, retriever_id: str) -> str | None:
        rows = self._bulk.fetch(_CONTROLS, [(namespace, retriever_id)])
        return rows[0][2] if rows else None

    def hold_controls(self, namespace: int, retriever_id: str) -> str | None:
        ((*_, controls),) = self._bulk.hold(_CONTROLS, [(namespace, retriever_id, _UNDECIDED)])
        return None if controls == _UNDECIDED else str(controls)

    def set_controls(self, namespace: int, retriever_id: str, controls: str) -> None:
        self._bulk.put(_CONTROLS, [(namespace, retriever_id, controls)])

    def add_activity(self, namespace: int, retriever_id: str, activity: Activity) -> None:
        row = (namespace, retriever_id, activity.id, activity.kind, activity.detail)
        self._bulk.insert(_ACTIVITY, [row])

    def activity(self, namespace: int, retriever_id: str, limit: int) -> list[Activity]:
        statement = (
            select(_ACTIVITY.c.id, _ACTIVITY.c.kind, _ACTIVITY.c.detail)
            .where(_ACTIVITY.c.namespace == namespace, _ACTIVITY.c.retriever_id == retriever_id)
            .order_by(_ACTIVITY.c.id.desc())
            .limit(limit)
        )
        return [
            Activity(id=row.id, kind=row.kind, detail=row.detail)
            for row in self._connection.execute(statement)
        ]


_NEW = LearningState()


def _from_state(state: LearningState) -> tuple[Any, ...]:
    return (state.serving, state.building, state.upto, state.n_lists)


def _to_state(row: Any) -> LearningState:
    return LearningState(serving=row[2], building=row[3], upto=row[4], n_lists=row[5])


def _from_lone(one: LoneInteraction) -> tuple[Any, ...]:
    return (
        one.namespace,
        one.id,
        one.retriever_id,
        one.execution_id,
        one.algorithm,
        one.identity,
        one.day,
        one.feature,
        one.reward,
    )


def _to_lone(row: Any) -> LoneInteraction:
    return LoneInteraction(
        namespace=row[0],
        id=row[1],
        retriever_id=row[2],
        execution_id=row[3],
        algorithm=row[4],
        identity=row[5],
        day=row[6],
        feature=row[7],
        reward=row[8],
    )


def _values(key: RollupKey) -> tuple[Any, ...]:
    return (key.namespace, key.retriever_id, key.algorithm, key.context, key.day, key.shard)


def _to_list(row: Any) -> LearnableList:
    """From the columns :data:`~desirepath.storage.relational.tables.RANKED_COLUMNS`."""
    return LearnableList(
        namespace=row[0],
        id=row[1],
        execution_id=row[2],
        retriever_id=row[3],
        session_id=row[4],
        shown=row[5],
        offset=row[6],
        occurred_at=row[7],
        live=bool(row[8]),
        ranking=row[9],
        experiment_id=row[10],
    )


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _IN_LIST):
        yield items[start : start + _IN_LIST]
