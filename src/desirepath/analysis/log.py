"""The log as three tables, and parts of it."""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _
from ibis.expr.operations import Node
from ibis.expr.types import StringColumn, Table, Value
from msgspec import Struct
from msgspec.structs import astuple, replace

from desirepath.analysis.building import built_once
from desirepath.domain.acts import SAID_SHOWN
from desirepath.domain.scope import Scope

__all__ = ["Log", "metadata_text"]


class Log(Struct, frozen=True, kw_only=True, eq=False):
    """The tables of a namespace; the columns are those of :mod:`~desirepath.analysis.schemas`.

    Parameters
    ----------
    interactions
        All of them, those about queries included. What an interaction does not say (retriever,
        user, session, query) is that of its execution, where that is in the log; ``is_known`` says
        whether it is.
    executions
        Searches that were logged.
    returned
        Their documents.
    impressions
        Documents that searches returned with what was done with them, also of searches that are
        known by their interactions only (``is_known`` is false).
    shown_since
        Since when a retriever (``_retriever``, empty for none) sends impressions or views.
    sent
        The interactions of the whole log as they were sent, nothing of their execution added:
        where that is not needed, they are read without looking it up.
    """

    interactions: Table
    executions: Table
    returned: Table
    impressions: Table
    shown_since: Table
    sent: Table

    def __eq__(self, other: object) -> bool:
        """Whether the tables are the same expressions."""
        return isinstance(other, Log) and self._nodes == other._nodes

    def __hash__(self) -> int:
        return hash(self._nodes)

    @property
    def _nodes(self) -> tuple[Node, ...]:
        return tuple(table.op() for table in astuple(self))

    @property
    def counted(self) -> Table:
        """The impressions that rates are of, with their ``basis``.

        All that is returned, until the retriever sends impressions or views; from the first of
        those on what was shown, and nothing from before it, for the two cannot be compared. Of a
        search that is not in the log nobody knows what it returned: it counts only where
        impressions are sent.
        """
        return _counted(self.impressions, self.shown_since)

    def within(self, scope: Scope) -> Log:
        """The part of the log that a question is about; flagged identities are left to the caller.

        Interactions are those of the searches, by what they say or their execution says.
        """
        searches = [
            condition
            for condition in (
                _equals("retriever_id", scope.retriever_id),
                _equals("configuration", scope.configuration),
                _equals("version", scope.version),
                None if scope.since is None else _.occurred_at >= scope.since,
                None if scope.before is None else _.occurred_at < scope.before,
                *(
                    metadata_text(_.metadata, path) == text
                    for path, text in sorted(scope.metadata.items())
                ),
            )
            if condition is not None
        ]
        if not searches:
            return self
        executions = self.executions.filter(searches)
        about_search = scope.configuration is not None or scope.version is not None
        if about_search or scope.metadata:
            interactions = self.interactions.semi_join(executions, "execution_id")
        else:
            interactions = self.interactions.filter(searches)
        return replace(
            self,
            interactions=interactions,
            executions=executions,
            returned=self.returned.semi_join(executions, "execution_id"),
            impressions=self.impressions.filter(searches),
        )

    def without(self, identities: Table) -> Log:
        """The log without some identities (a user, or a session of no user): ``identity``."""

        def kept(table: Table) -> Table:
            rows = table.mutate(_identity=identity_of(table))
            gone = identities.select(_identity=_.identity)
            return rows.anti_join(gone, "_identity").drop("_identity")

        executions = kept(self.executions)
        return replace(
            self,
            interactions=kept(self.interactions),
            executions=executions,
            returned=self.returned.semi_join(executions, "execution_id"),
            impressions=kept(self.impressions),
        )


@built_once
def log_of(interactions: Table, executions: Table, returned: Table, impressions: Table) -> Log:
    """The log of tables as they are copied from the database."""
    of_search = executions.select(
        "execution_id",
        search_retriever=_.retriever_id,
        search_user=_.user_id,
        search_session=_.session_id,
        search_query=_["query"],
    )
    linked = interactions.left_join(of_search, "execution_id").drop("execution_id_right")
    linked = linked.mutate(
        is_known=linked.search_retriever.notnull(),
        retriever_id=linked.search_retriever.coalesce(linked.retriever_id),
        user_id=linked.user_id.coalesce(linked.search_user),
        session_id=linked.session_id.coalesce(linked.search_session),
        query=linked["query"].coalesce(linked.search_query),
    ).drop("search_retriever", "search_user", "search_session", "search_query")
    said_shown = impressions.filter((_.acts & SAID_SHOWN) != 0)
    shown_since = said_shown.group_by(_retriever=_.retriever_id.fill_null("")).agg(
        shown_since=_.occurred_at.min()
    )
    return Log(
        interactions=linked,
        executions=executions,
        returned=returned,
        impressions=impressions,
        shown_since=shown_since,
        sent=interactions,
    )


@built_once
def _counted(impressions: Table, shown_since: Table) -> Table:
    rows = impressions.mutate(_retriever=_.retriever_id.fill_null(""))
    rows = rows.left_join(shown_since, "_retriever").drop("_retriever_right")
    sends = rows.shown_since.notnull()
    return (
        rows.filter(
            ibis.ifelse(
                sends, (rows.acts != 0) & (rows.occurred_at >= rows.shown_since), rows.is_known
            )
        )
        .mutate(basis=ibis.ifelse(_.shown_since.notnull(), "shown", "returned"))
        .drop("_retriever", "shown_since")
    )


def identity_of(table: Table) -> Value:
    """Who did it: the user, else the session; null when neither is known."""
    return table.user_id.coalesce(table.session_id)


def metadata_text(column: StringColumn, path: str) -> Value:
    """The text, or the number as text, under a dot path of JSON; null where there is none."""
    value: Any = column.cast("json")
    for key in path.split("."):
        value = value[key]
    return value.cast("string").replace('"', "")


def _equals(name: str, value: object) -> Any:
    return None if value is None else _[name] == value
