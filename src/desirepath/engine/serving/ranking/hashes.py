"""Documents, and pairs of a query and a document, as 64 bits that are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from desirepath.methods.keyed_columns import KeyArray

__all__ = ["hash_document", "hash_pairs", "keys_of"]


def hash_document(document_id: str) -> bytes:
    """BLAKE2b of the id, 8 bytes."""
    return blake2b(document_id.encode(), digest_size=8).digest()


def hash_pairs(query: str, document_ids: Iterable[str]) -> list[bytes]:
    """BLAKE2b of the query, a NUL (which neither can contain) and each id, 8 bytes each."""
    begun = blake2b(query.encode() + b"\0", digest_size=8)
    hashes = []
    for document_id in document_ids:
        whole = begun.copy()
        whole.update(document_id.encode())
        hashes.append(whole.digest())
    return hashes


def keys_of(hashes: Iterable[bytes]) -> KeyArray:
    """Hashes as keys."""
    return np.frombuffer(b"".join(hashes), "<u8").astype(np.uint64, copy=False)
