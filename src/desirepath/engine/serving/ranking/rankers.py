"""The rankers of a process: found, loaded, kept up with the log, and asked."""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np

from desirepath.domain.artifact import Artifact
from desirepath.domain.ranking_features import DAY
from desirepath.engine.directory import Directory
from desirepath.engine.kept_models import KeptModels
from desirepath.engine.ranker_files import RANKING_KINDS, RankerParts, read_parts
from desirepath.engine.serving.judged import Judged
from desirepath.engine.serving.ranking.counts import Counts, Tally
from desirepath.engine.serving.ranking.features import AskedList, FeatureReader
from desirepath.engine.serving.ranking.shared_counts import SharedCounts
from desirepath.engine.serving.ranking.tail import LogTail
from desirepath.errors import DesirepathError, InvalidFile, RankerUnavailable, StorageError
from desirepath.methods.keyed_columns import KeyedColumns
from desirepath.methods.levels import FloatArray
from desirepath.methods.ranking.counters import NEVER, CounterSnapshot
from desirepath.methods.ranking.lambdamart import Ranker
from desirepath.storage.base import Session, Storage

__all__ = ["LoadedRanker", "Rankers"]

MOST_RANKERS = 16
"""That a process holds at once, those that were asked last."""
_PATIENCE_SECONDS = 0.25
_TURN_SECONDS = 1.0
_IDLE_SECONDS = 3_600.0  # a ranker that nobody asked for so long does not follow the log
_log = logging.getLogger("desirepath")


class LoadedRanker:
    """A version of a ranker, or of a click-through model, ready to be asked by any thread.

    The one scores by what orders best, the other by the chance of a click.
    """

    def __init__(self, artifact: Artifact, parts: RankerParts) -> None:
        self.artifact = artifact
        self.layout = parts.layout
        self.trained_at = _trained_at(parts)
        self.counts = _shared_counts(artifact.namespace, parts, self.trained_at)
        self._ranker = _ranker(parts)
        self._calibration = parts.calibration
        self._reader = FeatureReader(artifact.namespace, parts.layout, parts.likeness)

    def judge(self, session: Session, asked: AskedList, patience_seconds: float) -> Judged:
        """Say which documents of a list should come first.

        Raises
        ------
        RankerUnavailable
            It has not read the log yet, or it fails.
        """
        counts = self.counts.at(session, asked.now, patience_seconds)
        if counts is None:
            raise RankerUnavailable("The ranker is still reading what came to the log.")
        return self.judge_by(session, counts, asked)

    def judge_by(self, session: Session, counts: Counts, asked: AskedList) -> Judged:
        """:meth:`judge` by some counts: those of :attr:`trained_at` know nothing that came after.

        Raises
        ------
        RankerUnavailable
            It fails.
        """
        features = self._reader.read(session, counts, asked)
        try:
            scores = self._ranker.scores(features)
            if self._calibration is not None:
                scores = self._calibration.apply(scores)
        except Exception as error:  # whatever a model does, the search goes on
            raise RankerUnavailable("The ranker failed.") from error
        return Judged(
            model=self.artifact.name,
            version=self.artifact.version,
            names=self.layout.names,
            document_ids=tuple(hit.document_id for hit in asked.hits),
            features=features,
            scores=scores,
        )


class Rankers:
    """Trained rankers, by name and version, for any thread.

    A ranker is loaded when it is first asked. From then on a thread of this object reads what comes
    to the log, once a second, so that a search finds its counts ready.
    """

    def __init__(self, storage: Storage, directory: Directory) -> None:
        self._storage, self._directory = storage, directory
        self.patience_seconds = _PATIENCE_SECONDS
        """How long a search waits for counts; a test that must not fail sets more."""
        self._kept = KeptModels(self._load, MOST_RANKERS)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def get(self, namespace: int, name: str, version: int | None) -> LoadedRanker:
        """A version of a ranker, or the one that is deployed; not within a session.

        Raises
        ------
        RankerUnavailable
            There is no such ranker, or it cannot be used here.
        """
        artifact = self._directory.model(namespace, name, version)
        if artifact is None or artifact.kind not in RANKING_KINDS:
            which = "deployed" if version is None else "of this version"
            raise RankerUnavailable(f"No ranker of this name is {which}.")
        return self._kept.get(artifact)

    def catch_up(self, namespace: int, name: str, version: int | None) -> None:
        """Let a ranker read all that came to the log, however long it takes.

        Raises
        ------
        RankerUnavailable
            There is no such ranker, or it cannot be used here.
        """
        self.get(namespace, name, version).counts.keep_up(self._storage, self._stopped)

    def close(self) -> None:
        """Stop reading the log."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _load(self, artifact: Artifact) -> LoadedRanker:
        try:
            with self._storage.read() as session:
                parts = read_parts(
                    lambda file: session.artifacts.file(artifact.namespace, artifact.id, file),
                    artifact.kind,
                )
            loaded = LoadedRanker(artifact, parts)
        except StorageError:
            raise
        except DesirepathError as error:
            raise RankerUnavailable(error.message) from error
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_up, name="rankers", daemon=True)
            self._thread.start()
        return loaded

    def _keep_up(self) -> None:
        while not self._stopped.wait(_TURN_SECONDS):
            for loaded in self._kept.asked_within(_IDLE_SECONDS):
                try:
                    loaded.counts.keep_up(self._storage, self._stopped)
                except StorageError:
                    break  # a search will say so, or the next turn goes better
                except Exception:  # a search with this one will be degraded; others go on
                    _log.exception("ranker %s cannot read the log", loaded.artifact.artifact_id)


def _ranker(parts: RankerParts) -> Ranker:
    ranker = Ranker(parts.trees)
    if ranker.n_features != len(parts.layout.names):
        raise InvalidFile("The ranker was trained with another layout than the one beside it.")
    return ranker


def _trained_at(parts: RankerParts) -> Counts:
    """The counts of the moment at which it was trained."""
    origin, half_life = parts.counters.origin, parts.layout.half_life_days * DAY
    return Counts(origin, origin, half_life, _tally(parts.counters))


def _shared_counts(namespace: int, parts: RankerParts, trained_at: Counts) -> SharedCounts:
    layout = parts.layout
    return SharedCounts(
        trained_at,
        LogTail(
            namespace=namespace,
            retriever_id=layout.retriever_id,
            epoch=parts.counters.origin,
            half_life=layout.half_life_days * DAY,
            propensities=np.array(layout.propensities),
        ),
    )


def _tally(counters: CounterSnapshot) -> Tally:
    def moments(column: Any, never: float) -> FloatArray:
        return np.where(column == NEVER, never, column.astype(np.float64))

    return Tally(
        KeyedColumns(
            counters.keys,
            (
                counters.exposed,
                counters.clicks,
                moments(counters.last_click, -np.inf),
                moments(counters.first_at, np.inf),
            ),
        ),
        KeyedColumns(counters.pair_keys, (counters.pair_exposed, counters.pair_clicks)),
        counters.exposed_all,
        counters.clicks_all,
    )
