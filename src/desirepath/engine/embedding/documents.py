"""Vectors of documents that came without, where their index names a model."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from desirepath.domain.document import Document, VectorIndex, as_float32, texts_of
from desirepath.engine.embedding.needed import KnownVectors, Wanted
from desirepath.storage.base import DocumentIndex

__all__ = ["embedded", "text_to_embed"]


class _Gap(Struct, frozen=True):
    """A vector that a document lacks: its place among the documents, its index, its text."""

    place: int
    index: VectorIndex
    wanted: Wanted


def embedded(
    documents: DocumentIndex,
    namespace: int,
    arriving: Sequence[Document],
    own: Sequence[Collection[str]],
    known: KnownVectors,
) -> list[Document]:
    """Documents with the vectors that embedders make of their texts.

    A document whose text is that of the stored one keeps the vector that is stored: the documents
    are a memory of their own, and storing a catalogue again asks for nothing. Without a text there
    is no vector.

    Parameters
    ----------
    own : length n
        For each document the indexes for which the caller sent a vector; it stays.
    known
        Vectors that were made for this.

    Raises
    ------
    VectorsNeeded
        Some have not been made yet.
    EmbedderError
        Some cannot be made.
    """
    indexes = [index for index in documents.vector_indexes(namespace) if index.embedder]
    if not indexes:
        return list(arriving)
    bare = [_without_vectors(d, indexes, sent) for d, sent in zip(arriving, own, strict=True)]
    ids = [d.document_id for d in bare if any(index.name not in d.vectors for index in indexes)]
    stored = documents.get(namespace, ids, with_vectors=True)
    vectors = [dict(document.vectors) for document in bare]
    gaps: list[_Gap] = []
    for place, document in enumerate(bare):
        before = stored.get(document.document_id)
        for index in indexes:
            text = None if index.name in document.vectors else text_to_embed(index, document)
            if text is None:
                continue
            assert index.embedder is not None
            if before and index.name in before.vectors and text == text_to_embed(index, before):
                vectors[place][index.name] = before.vectors[index.name]
            else:
                prefix = index.embedder.document_prefix
                gaps.append(_Gap(place, index, Wanted(index.embedder.model, prefix + text)))
    made = known.get([(gap.index, gap.wanted) for gap in gaps])
    for gap, vector in zip(gaps, made, strict=True):
        vectors[gap.place][gap.index.name] = as_float32(vector)
    return [replace(one, vectors=found) for one, found in zip(bare, vectors, strict=True)]


def _without_vectors(
    document: Document, indexes: Sequence[VectorIndex], own: Collection[str]
) -> Document:
    """A document without vectors that may be those of another text."""
    doubtful = {index.name for index in indexes}.difference(own)
    kept = {name: v for name, v in document.vectors.items() if name not in doubtful}
    return replace(document, vectors=kept)


def text_to_embed(index: VectorIndex, document: Document) -> str | None:
    """What a document's vector is made of, without the prefix; None when it has no such text.

    Examples
    --------
    >>> from desirepath.domain.text_embedding import TextEmbedding
    >>> index = VectorIndex(name="title", dimension=3, embedder=TextEmbedding(model="m"))
    >>> document = Document(
    ...     document_id="a", payload={"title": "Red shoe"}, created_at=0, updated_at=0
    ... )
    >>> text_to_embed(index, document)
    'Red shoe'
    """
    if index.embedder is None:
        return None
    fields = index.embedder.fields or (index.name,)
    texts = texts_of(document, fields)
    text = "\n".join(texts[field] for field in fields if field in texts)
    return text[: index.embedder.max_characters] or None
