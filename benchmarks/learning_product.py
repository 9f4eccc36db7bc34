"""The product itself, in process, for the study of learning.

Each search is an ``execute`` with candidates, logged in an SQLite database in memory; each click is
an interaction that is recorded, folded into sums, and read again by the next search. Only HTTP is
left out. Time is a testing clock's: a day passes when the study says so.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from benchmarks.learning_engines import PAGE, Context, QueryLists, Shown, make_seed
from desirepath.api.execute import present_served
from desirepath.domain.interaction import read_interaction
from desirepath.domain.retriever import read_retriever
from desirepath.engine.bootstrap import DEFAULT_NAMESPACE, ensure_defaults
from desirepath.engine.engine import Engine
from desirepath.engine.executing import ExecuteRequest, Served, execute
from desirepath.engine.learning.resolving import Belief, believe
from desirepath.engine.recording import RecordingRules, SentInteraction, Submission
from desirepath.engine.retrievers import create_retriever
from desirepath.engine.serving.people import Asker, contexts_of
from desirepath.engine.serving.searching import SentCandidate
from desirepath.methods.levels import FloatArray
from desirepath.storage.open import IN_MEMORY, open_storage
from desirepath.testing.clock import TestingClock

SEGMENT = "INPUT.segment"
DAY_SECONDS = 86_400


class ProductEngine:
    """A database in memory with one retriever that learns, fed with candidates.

    Parameters
    ----------
    features
        URIs, in the order of weights.
    rng
        Gives the seed of each draw.
    learning_config
        What differs from the product's defaults.
    """

    def __init__(
        self,
        features: Sequence[str],
        rng: np.random.Generator,
        learning_config: Mapping[str, Any] | None = None,
    ) -> None:
        self._clock = TestingClock()
        storage = open_storage(IN_MEMORY, self._clock)
        self._engine = Engine(storage, self._clock, RecordingRules())
        self._engine.fuser.make_seed = partial(make_seed, rng)
        ensure_defaults(self._engine)
        namespace = self._engine.directory.namespace(DEFAULT_NAMESPACE)
        assert namespace is not None
        self._namespace = namespace.number
        self._features = tuple(features)
        parameters = {
            "fusion": "learned",
            "final_top_k": PAGE,
            "learning_config": dict(learning_config or {}),
        }
        stage = {"stage_id": "feature_search", "parameters": parameters}
        draft = read_retriever(
            {"retriever_name": "shop", "stages": [{"stage_name": "fuse", "config": stage}]}
        )
        self._retriever = create_retriever(self._engine, self._namespace, draft)
        with storage.write() as session:
            session.learned.add_features(
                self._namespace, self._retriever.retriever_id, self._features
            )
        self._sent: dict[int, tuple[QueryLists, dict[str, list[SentCandidate]]]] = {}

    def search(self, query_lists: QueryLists, context: Context) -> Shown:
        request = ExecuteRequest(
            inputs=_inputs(context),
            user_id=context.user_id or None,
            candidates=self._candidates(query_lists),
            page_size=PAGE,
        )
        served = execute(self._engine, self._retriever, request)
        return Shown(served, [hit.document_id for hit in served.hits])

    def click(self, token: Served, positions: Sequence[int]) -> None:
        for position in positions:
            self._record(
                {
                    "execution_id": token.execution.execution_id,
                    "feature_id": token.hits[position].document_id,
                    "interaction_type": ["click"],
                    "position": position,
                }
            )

    def next_day(self) -> None:
        self._clock.advance(seconds=DAY_SECONDS)

    def mean_weights(self, context: Context) -> FloatArray:
        return self._belief(context).mean_weights

    def close(self) -> None:
        self._engine.close()

    def _record(self, body: Mapping[str, Any]) -> None:
        submission = Submission(
            namespace=self._namespace,
            interactions=(SentInteraction(*read_interaction(body)),),
            deduplicate=True,
        )
        answer = self._engine.submit(submission)
        assert isinstance(answer, list)
        if answer[0].error is not None:
            raise answer[0].error

    def _belief(self, context: Context) -> Belief:
        """What ``GET …/weights`` answers with, of everybody or of a user."""
        config = self._retriever.learning
        assert config is not None
        asker = Asker(user_id=context.user_id or None, inputs=_inputs(context))
        where = (self._namespace, self._retriever.retriever_id)
        fuser = self._engine.fuser
        with self._engine.storage.read() as session:
            return believe(
                session,
                *where,
                config,
                contexts_of(session, *where, config, asker),
                fuser.ordinals(session, *where, self._features),
                session_id=None,
                session_window=self._engine.rules.session_window,
                now=session.now(),
                closed_days=fuser.closed_days,
            )

    def _candidates(self, query_lists: QueryLists) -> dict[str, list[SentCandidate]]:
        """The study asks the same few queries again and again."""
        found = self._sent.get(id(query_lists))
        if found is None:
            candidates = {
                uri: [
                    SentCandidate(document_id=document_id, score=score)
                    for document_id, score in zip(one.document_ids, one.scores, strict=True)
                ]
                for uri, one in query_lists.items()
            }
            found = query_lists, candidates
            self._sent[id(query_lists)] = found
        return found[1]


class SdkEngine(ProductEngine):
    """The same, with interactions as the official SDK makes them of an execution's answer.

    Its ``create_interaction_from_result`` reads the answer as it goes over the wire, and always
    names the first of its feature URIs; only the sending is replaced.
    """

    def __init__(
        self,
        features: Sequence[str],
        rng: np.random.Generator,
        learning_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(features, rng, learning_config)
        from mixpeek import Mixpeek  # of the developer set

        client: Any = Mixpeek("key", base_url="http://in-process/v1")
        client._request = self._receive
        self._create: Callable[..., Any] = client.retrievers.create_interaction_from_result

    def click(self, token: Served, positions: Sequence[int]) -> None:
        answer = msgspec.to_builtins(present_served(token, self._retriever))
        for position in positions:
            self._create(answer, position=position)

    def _receive(
        self, method: str, path: str, *, body: Mapping[str, Any], namespace: str | None
    ) -> dict[str, Any]:
        assert (method, path, namespace) == ("POST", "/retrievers/interactions", None)
        assert body["feature_uri"] in self._features
        self._record(body)
        return {}


def _inputs(context: Context) -> dict[str, str]:
    return {"segment": context.segment} if context.segment else {}
