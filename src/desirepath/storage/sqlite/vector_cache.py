"""Vectors of an index in memory, as long as nobody changes them.

One product of a matrix takes a tenth of a walk through the table. What is kept is known by the
index's ``generation``, which changes with every change of its vectors and is read in the snapshot
of whoever asks: what one sees is never older or newer than the rest.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from desirepath.domain.document import Metric
from desirepath.storage.relational.searching import Hit

__all__ = ["MOST_BYTES", "VectorCache", "VectorMatrix"]

MOST_BYTES = 256 << 20
"""Of the vectors that one process keeps; what does not fit is read from the table each time."""

_NEARLY = 1e-5  # more than what sums of float32 are wrong by, as a share of what is summed


class VectorMatrix(Struct, frozen=True, kw_only=True, eq=False):
    """All vectors of an index.

    Parameters
    ----------
    numbers, document_ids : length n
        Whose they are.
    vectors : shape (n, dimension), float32
    lengths : shape (n,)
        Euclidean.
    """

    numbers: Sequence[int]
    document_ids: Sequence[str]
    vectors: NDArray[np.float32]
    lengths: NDArray[np.float64]

    def nearest(self, metric: Metric, vector: Sequence[float], limit: int) -> list[Hit]:
        """The best ``limit``, equal ones by document_id.

        Single precision says which rows are near the best; these are scored in double precision,
        row by row, so that equal vectors have equal scores wherever they stand.
        """
        wanted = np.array(vector, np.float32).astype(np.float64)
        length = float(np.linalg.norm(wanted))
        near = self._near(metric, wanted, length, limit)
        scores = self._scores(metric, wanted, length, near)
        ranked = sorted(
            zip(near.tolist(), scores.tolist(), strict=True),
            key=lambda pair: (-pair[1], self.document_ids[pair[0]]),
        )
        return [
            Hit(self.numbers[row], self.document_ids[row], score) for row, score in ranked[:limit]
        ]

    def _near(
        self, metric: Metric, wanted: NDArray[np.float64], length: float, limit: int
    ) -> NDArray[np.intp]:
        """Rows among which the best are."""
        n = len(self.numbers)
        if n <= limit:
            return np.arange(n)
        if not limit:
            return np.arange(0)
        products = (self.vectors @ wanted.astype(np.float32)).astype(np.float64)
        longest = float(self.lengths.max())
        match metric:
            case Metric.COSINE:
                keys, size = products / (self.lengths * length), 1.0
            case Metric.DOT_PRODUCT:
                keys, size = products, longest * length
            case Metric.EUCLIDEAN:
                keys = 2 * products - self.lengths**2
                size = longest**2 + 2 * longest * length
        least = np.partition(keys, n - limit)[n - limit]
        return np.flatnonzero(keys >= least - 2 * _NEARLY * size)

    def _scores(
        self,
        metric: Metric,
        wanted: NDArray[np.float64],
        length: float,
        rows: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        vectors = self.vectors[rows].astype(np.float64)
        if metric is Metric.EUCLIDEAN:
            return np.asarray(1 / (1 + np.sqrt(((vectors - wanted) ** 2).sum(axis=1))))
        products = (vectors * wanted).sum(axis=1)
        if metric is Metric.DOT_PRODUCT:
            return np.asarray(products)
        return np.asarray(products / (self.lengths[rows] * length))


class VectorCache:
    """The matrices of one process.

    An index is kept from the second search of one generation on, so that one that changes all the
    time is not read as a whole each time.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[int, tuple[int, VectorMatrix]] = OrderedDict()
        self._seen: dict[int, int] = {}
        self._lock = threading.Lock()

    def matrix(
        self, number: int, generation: int, load: Callable[[int], VectorMatrix | None]
    ) -> VectorMatrix | None:
        """The vectors of an index at a generation; None when they should be read from the table.

        Parameters
        ----------
        load
            Reads them, unless they take more than so many bytes.
        """
        with self._lock:
            found = self._kept.get(number)
            if found is not None and found[0] == generation:
                self._kept.move_to_end(number)
                return found[1]
            if self._seen.get(number) != generation:
                self._seen[number] = generation
                return None
        matrix = load(self._most_bytes)
        if matrix is not None:
            self._keep(number, generation, matrix)
        return matrix

    def _keep(self, number: int, generation: int, matrix: VectorMatrix) -> None:
        with self._lock:
            self._kept[number] = (generation, matrix)
            self._kept.move_to_end(number)
            while sum(one.vectors.nbytes for _, one in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
