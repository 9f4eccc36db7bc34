"""Models and tasks without HTTP: the same checks, rules and answers, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from desirepath.api.model_schemas import ModelListQuery, present_deployments, present_model
from desirepath.api.models import list_page, read_model, read_scope, read_training
from desirepath.api.paging import place_of
from desirepath.api.plain import check_plain_values, plain_answer
from desirepath.api.tasks import present_task
from desirepath.domain.checks import below, convert
from desirepath.domain.job import JobStatus
from desirepath.engine import models
from desirepath.engine.engine import Engine
from desirepath.engine.tasks.running import cancel_task, find_task
from desirepath.engine.training.by_kind import start_training, train_by_kind
from desirepath.errors import InvalidModel, InvalidQuery, InvalidSetting
from desirepath.extras import needs_extra
from desirepath.storage.base import Namespace

__all__ = ["Models", "Tasks"]


class Models:
    """Train models from the log, and keep them."""

    def __init__(self, engine: Engine, namespace: Namespace) -> None:
        self._engine = engine
        self._namespace = namespace

    def train(
        self,
        kind: str,
        name: str,
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Mapping[str, Any] | None = None,
        on: str = "duckdb",
        progress: Callable[[int, int, str], object] = lambda done, total, words: None,
    ) -> dict[str, Any]:
        """Train one here and now, and store it as the next version under its name.

        Parameters
        ----------
        settings, scope
            As over HTTP: of the kind, and which part of the log is learned from.
        on
            ``duckdb``, ``spark``, or the URL of a Spark master.
        progress
            Told now and then how much is done, of how much (0: not known), and what is being done.

        Raises
        ------
        NotEnoughData
            There is too little in the log; it says how much is missing of what.
        InvalidModel, InvalidSetting
            A rule is broken.
        AlreadyExists
            The name belongs to a model of another kind.
        NotFound
            There is no such retriever.
        MissingDependency
            The extra ``train`` is not installed.
        """
        word, inputs = self._read(kind, name, settings, scope)
        trained = train_by_kind(self._engine, self._namespace, word, inputs, progress, on=on)
        stored = trained.artifact
        assert stored is not None  # it was not only to be measured
        return plain_answer(present_model(stored, None))

    def start(
        self,
        kind: str,
        name: str,
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Leave a training to the workers; the task. What :meth:`train` refuses, but for the data.

        Raises
        ------
        InvalidModel, InvalidSetting, AlreadyExists, NotFound, MissingDependency
            As :meth:`train`.
        """
        word, inputs = self._read(kind, name, settings, scope)
        return plain_answer(
            present_task(start_training(self._engine, self._namespace, word, inputs))
        )

    def export_pairs(
        self,
        path: str | PathLike[str],
        *,
        settings: Mapping[str, Any] | None = None,
        scope: Mapping[str, Any] | None = None,
        on: str = "duckdb",
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Write pairs of queries and what was clicked for them, to train a model of vectors on.

        Parameters
        ----------
        path
            ``pairs.jsonl`` or ``pairs.parquet`` stands for ``pairs.train.jsonl`` and so on.
        settings
            Of :class:`~desirepath.engine.training.embedding_pairs.PairSettings`.
        scope, on
            As of :meth:`train`.
        progress
            Told now and then how many rows more are copied from the log.

        Returns
        -------
        dict
            How many pairs there are, what was left out, and ``files`` by side.

        Raises
        ------
        NotEnoughData
            There are no pairs; it says what is missing.
        InvalidModel, InvalidSetting
            A rule is broken.
        InvalidFile
            A file cannot be written.
        NotFound
            There is no such retriever.
        MissingDependency
            The extra ``analysis`` is not installed.
        """
        with needs_extra("analysis"):
            from desirepath.engine.training.embedding_pairs import PairSettings
            from desirepath.engine.training.pair_files import export_pairs
        for plain in (settings, scope):
            check_plain_values(dict(plain or {}), InvalidModel)
        with below("settings"):
            wanted = convert(dict(settings or {}), PairSettings, InvalidSetting)
        where = read_scope(self._engine, self._namespace.number, dict(scope or {}))
        written = export_pairs(
            self._engine, self._namespace, Path(path), wanted, where, on=on, progress=progress
        )
        files = {side: str(file) for side, file in written.files.items()}
        return {**plain_answer(written.report), "files": files}

    def list(
        self,
        *,
        kind: str | None = None,
        name: str | None = None,
        page_size: int = 50,
        page: int = 1,
    ) -> dict[str, Any]:
        """A page of versions, newest first: ``results``, and ``total`` of all pages.

        Raises
        ------
        InvalidQuery
            There cannot be such a page.
        """
        plain = {"kind": kind, "name": name, "page_size": page_size, "page": page}
        query = convert(plain, ModelListQuery, InvalidQuery)
        results, total = list_page(self._engine, self._namespace.number, query)
        return {"results": [plain_answer(one) for one in results], "total": total}

    def get(self, id_or_name: str, version: int | None = None) -> dict[str, Any]:
        """Read a version by its id, or by a name: what serves, or the newest where none does.

        Raises
        ------
        NotFound
            There is none such.
        """
        return plain_answer(read_model(self._engine, self._namespace.number, id_or_name, version))

    def deploy(
        self, id_or_name: str, version: int | None = None, *, force: bool = False
    ) -> dict[str, Any]:
        """Let a version serve: that of an id, or of a name, by default the newest.

        Raises
        ------
        NotFound
            There is none such.
        NotBetter
            It was not better than what needs no learning, and is not forced.
        NotGated
            It has to pass the gate of a retriever.
        """
        number = self._namespace.number
        model = models.deploy_model(self._engine, number, id_or_name, version, force=force)
        return plain_answer(present_deployments(model))

    def roll_back(self, id_or_name: str) -> dict[str, Any]:
        """Let the version serve that did before this one.

        Raises
        ------
        NotFound
            There is no such model.
        Conflict
            No other version served before.
        """
        model = models.roll_back_model(self._engine, self._namespace.number, id_or_name)
        return plain_answer(present_deployments(model))

    def deployments(self, id_or_name: str) -> dict[str, Any]:
        """What served under a name, and when.

        Raises
        ------
        NotFound
            There is no such model.
        """
        model = models.find_model(self._engine, self._namespace.number, id_or_name)
        return plain_answer(present_deployments(model))

    def delete(self, id_or_name: str) -> int:
        """Delete a version by its id, or all of a name; how many versions.

        Raises
        ------
        NotFound
            There is none such.
        Conflict
            The version of this id serves.
        """
        return models.delete_model(self._engine, self._namespace.number, id_or_name)

    def _read(
        self,
        kind: str,
        name: str,
        settings: Mapping[str, Any] | None,
        scope: Mapping[str, Any] | None,
    ) -> Any:
        plain = {
            "kind": kind,
            "name": name,
            "settings": settings and dict(settings),
            "scope": scope and dict(scope),
        }
        check_plain_values(plain, InvalidModel)
        return read_training(self._engine, self._namespace.number, plain)


class Tasks:
    """See how long jobs stand, and cancel them."""

    def __init__(self, engine: Engine, namespace: int) -> None:
        self._engine = engine
        self._namespace = namespace

    def list(
        self, *, status: str | None = None, page_size: int = 50, page: int = 1
    ) -> dict[str, Any]:
        """A page, newest first: ``results``, and ``total`` of all pages.

        Raises
        ------
        InvalidQuery
            There is no such status, or cannot be such a page.
        """
        wanted = None if status is None else convert(status, JobStatus, InvalidQuery)
        place = convert({"page_size": page_size, "page": page}, ModelListQuery, InvalidQuery)
        start, size = place_of(place)
        with self._engine.storage.read() as session:
            total = session.jobs.count(self._namespace, status=wanted)
            found = session.jobs.jobs(self._namespace, size, start, status=wanted)
        return {"results": [plain_answer(present_task(one)) for one in found], "total": total}

    def get(self, task_id: str) -> dict[str, Any]:
        """Read one.

        Raises
        ------
        NotFound
            There is none of that id.
        """
        return plain_answer(present_task(find_task(self._engine, self._namespace, task_id)))

    def cancel(self, task_id: str) -> dict[str, Any]:
        """End one without an effect.

        Raises
        ------
        NotFound
            There is none of that id.
        Conflict
            It has ended already.
        """
        return plain_answer(present_task(cancel_task(self._engine, self._namespace, task_id)))
