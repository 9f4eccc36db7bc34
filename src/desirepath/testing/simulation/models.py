"""Models of the shop: trained by the service from what shoppers did, as anybody would over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from desirepath.errors import DesirepathError, MissingDependency
from desirepath.testing.simulation.service import Refused, Service, path_of

__all__ = ["Model", "Models"]

_ASK_SECONDS = 0.25
_MOST_SECONDS = 300.0
_ENDED = ("COMPLETED", "FAILED", "CANCELED")
_NOT_INSTALLED = 501


class Model(Struct, frozen=True, kw_only=True):
    """A model that was trained, and what its measure on the log says.

    Parameters
    ----------
    seconds
        That the task took, from being sent to its end.
    """

    name: str
    version: int
    verdict: str
    seconds: float


class Models:
    """The models of a namespace.

    Parameters
    ----------
    service
        Within the namespace.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def train(
        self,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        scope: Mapping[str, Any] | None = None,
    ) -> Model:
        """Start the task, wait for it, and read what came of it.

        Raises
        ------
        MissingDependency
            The service lacks the extra ``train``.
        DesirepathError
            The task failed: too little happened, say.
        """
        began = time.monotonic()
        body = {"kind": kind, "name": name, "settings": settings, "scope": scope or {}}
        try:
            task = self._service.call("POST", path_of("models"), body)
        except Refused as refused:
            if refused.status == _NOT_INSTALLED:
                raise MissingDependency("lightgbm", "train") from refused
            raise
        while task["status"] not in _ENDED and time.monotonic() - began < _MOST_SECONDS:
            time.sleep(_ASK_SECONDS)
            task = self._service.call("GET", path_of("tasks", task["task_id"]))
        if task["status"] != "COMPLETED":
            raise DesirepathError(f"The training of {name} did not end well: {task['error']}")
        made = self._service.call("GET", path_of("models", task["outputs"][0]["model_id"]))
        return Model(
            name=name,
            version=made["version"],
            verdict=made["verdict"],
            seconds=time.monotonic() - began,
        )

    def deploy(self, model: Model) -> None:
        """Let it serve, whatever its measure said: the simulation is to show what it is worth."""
        body = {"version": model.version, "force": True}
        self._service.call("POST", path_of("models", model.name, "deploy"), body)
