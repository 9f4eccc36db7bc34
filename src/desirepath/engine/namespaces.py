"""Make a namespace as it is asked for, and remove one."""

from __future__ import annotations

from collections.abc import Sequence

from desirepath.domain.document import VectorIndex
from desirepath.domain.ids import format_id
from desirepath.domain.namespace import NamespaceDraft
from desirepath.engine.bootstrap import DEFAULT_NAMESPACE
from desirepath.engine.deleting import delete_namespace
from desirepath.engine.engine import Engine
from desirepath.errors import InvalidNamespace
from desirepath.storage.base import Namespace

__all__ = ["drop_namespace", "make_namespace"]


def make_namespace(engine: Engine, draft: NamespaceDraft) -> Namespace:
    """A new namespace with its vector indexes.

    Raises
    ------
    AlreadyExists
        The id or the name is that of another one.
    InvalidNamespace
        A model makes vectors of another length than its index has.
    EmbedderError
        A model that an index names cannot be asked.
    """
    _try_embedders(engine, draft.vector_configs or ())
    with engine.storage.write() as session:
        now = session.now()
        made = session.catalog.create_namespace(
            draft.namespace_id or format_id("ns", engine.make_id.next(now)),
            draft.name,
            now,
            description=draft.description,
            text_fields=draft.text_fields,
            fixed_vectors=draft.vector_configs is not None,
        )
        session.catalog.set_retention(made.number, draft.retention_days)
        for index in draft.vector_configs or ():
            session.documents.define_vector(made.number, index)
        found = session.catalog.find_namespace(made.namespace_id)
    engine.directory.forget()
    return found or made


def _try_embedders(engine: Engine, indexes: Sequence[VectorIndex]) -> None:
    """Have a vector made for each index that names a model: better now than a catalogue later."""
    for number, index in enumerate(indexes):
        if index.embedder is None:
            continue
        (vector,) = engine.embedder.embed(index.embedder.model, ["A red shoe."])
        if len(vector) != index.dimension:
            raise InvalidNamespace(
                f"The model makes vectors of {len(vector)} numbers.",
                ("vector_configs", number, "dimension"),
            )


def drop_namespace(engine: Engine, namespace: Namespace) -> None:
    """Delete a namespace with everything in it.

    Raises
    ------
    InvalidNamespace
        It is the one that requests without a name use.
    """
    if namespace.name == DEFAULT_NAMESPACE:
        raise InvalidNamespace("The namespace default stays: requests without a name use it.")
    delete_namespace(engine, namespace.number)
