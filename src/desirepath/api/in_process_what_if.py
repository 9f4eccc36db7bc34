"""What-ifs without HTTP: the same checks, rules and answers, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desirepath.api.plain import check_plain_values, plain_answer
from desirepath.api.what_if import find_what_if, present_started, what_if_page
from desirepath.api.what_if_schemas import WhatIfListQuery, present_what_if, read_what_if
from desirepath.domain.checks import convert
from desirepath.engine.assessing import delete_assessment
from desirepath.engine.engine import Engine
from desirepath.engine.retrievers import find_retriever
from desirepath.engine.what_if.asking import run_what_if, start_what_if
from desirepath.errors import InvalidQuery, InvalidSetting
from desirepath.storage.base import Namespace

__all__ = ["WhatIfs"]


class WhatIfs:
    """Ask what another way to rank would have earned on the log."""

    def __init__(self, engine: Engine, namespace: Namespace) -> None:
        self._engine = engine
        self._namespace = namespace

    def run(
        self,
        retriever: str,
        policy: Mapping[str, Any],
        *,
        progress: Callable[[int, int, str], object] = lambda done, total, words: None,
        **settings: Any,
    ) -> dict[str, Any]:
        """Find it out here and now, and keep what came out.

        Parameters
        ----------
        retriever
            Whose searches, by id or name.
        policy
            ``weights`` and ``fusion``, or ``ranker`` and ``ranker_version``, or ``retriever``.
        progress
            Told how many searches are done, of how many, and what is being done.
        settings
            ``k``, ``n_draws``, ``seed``, ``start_date``, ``end_date``, as over HTTP.

        Raises
        ------
        InvalidSetting
            A rule is broken, or the policy needs what the log does not have.
        NotFound
            There is no such retriever or ranker.
        NotEnoughData
            The log cannot tell; it says why, by how much, and what would help.
        """
        plain = {"policy": dict(policy), **settings}
        check_plain_values(plain, InvalidSetting)
        found = find_retriever(self._engine, self._namespace.number, retriever)
        stored = run_what_if(self._engine, self._namespace, found, read_what_if(plain), progress)
        return plain_answer(present_what_if(stored, self._namespace.namespace_id))

    def start(self, retriever: str, policy: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
        """Leave it to the workers: ``task_id`` and ``what_if_id``. Parameters as of :meth:`run`.

        Raises
        ------
        InvalidSetting, NotFound
            As :meth:`run`.
        """
        plain = {"policy": dict(policy), **settings}
        check_plain_values(plain, InvalidSetting)
        found = find_retriever(self._engine, self._namespace.number, retriever)
        started = start_what_if(self._engine, self._namespace, found, read_what_if(plain))
        return plain_answer(present_started(started))

    def get(self, what_if_id: str) -> dict[str, Any]:
        """Read one: how it stands, the verdict, and what it rests on.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        found = find_what_if(self._engine, self._namespace.number, what_if_id)
        return plain_answer(present_what_if(found, self._namespace.namespace_id))

    def list(self, retriever: str, *, page_size: int = 20, page: int = 1) -> dict[str, Any]:
        """A page of what was asked of a retriever's log, newest first: ``what_ifs``, ``total``.

        Raises
        ------
        NotFound
            There is no such retriever.
        InvalidQuery
            There cannot be such a page.
        """
        query = convert({"page_size": page_size, "page": page}, WhatIfListQuery, InvalidQuery)
        number = self._namespace.number
        owner = find_retriever(self._engine, number, retriever)
        found, total = what_if_page(self._engine, number, owner.retriever_id, query)
        names = self._namespace.namespace_id
        return {"what_ifs": [plain_answer(present_what_if(one, names)) for one in found]} | {
            "total": total
        }

    def delete(self, what_if_id: str) -> None:
        """Delete one; if a task is at it, that has no effect any more.

        Raises
        ------
        NotFound
            There is none of this id.
        """
        found = find_what_if(self._engine, self._namespace.number, what_if_id)
        delete_assessment(self._engine, found)
