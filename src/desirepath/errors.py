"""Every error that Desirepath raises on purpose.

::

    DesirepathError                  what to catch; the message is for people, fields for programs
    ├── InvalidInput                 (also ValueError) something sent breaks a rule
    │   ├── MalformedJSON            the body is no JSON, or JSON that databases would change
    │   ├── InvalidInteraction       InvalidExecution   InvalidRetriever   InvalidNamespace
    │   ├── InvalidDocument          InvalidDataset     InvalidModel
    │   ├── InvalidEvaluation        InvalidBenchmark
    │   ├── InvalidSearch            MissingInput(name)   TooManyQueries(most)
    │   ├── InvalidFilter            InvalidQuery (a query parameter)      InvalidCursor
    │   ├── InvalidSetting           a setting, a command-line flag or a key that cannot be used
    │   └── InvalidFile              an input file that is not what it was said to be
    ├── PayloadTooLarge              UnsupportedMediaType
    ├── NotFound(resource, id)
    ├── Conflict                     AlreadyExists, EventConflict, IdempotencyConflict,
    │                                NotLearning, NotBetter, NotGated
    ├── AccessDenied                 Unauthenticated, Forbidden
    ├── LimitExceeded(retry_after_seconds)
    ├── LearningError                LearningOverflow (a sum is too large to be exact),
    │                                NotEnoughData(what, needed, found)
    ├── Overloaded                   nothing was done
    ├── EmbedderError                no vector was made of a text, and nothing was stored
    │                                EmbedderUnavailable, EmbedderFailed
    ├── SearchTooSlow(milliseconds)  nothing was shown or logged
    ├── RankerUnavailable            a trained ranker cannot order a list right now
    ├── StorageError                 StorageUnavailable (nothing was written), StorageFull,
    │                                StorageCorrupt, MigrationNeeded, QueryTooSlow(field)
    └── MissingDependency(package, extra)   (also ImportError)

Nothing here knows HTTP: ``api/errors.py`` maps each class to a status. Messages never contain what
the caller sent, so that they can be shown and logged.
"""

from __future__ import annotations

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "Conflict",
    "DesirepathError",
    "EmbedderError",
    "EmbedderFailed",
    "EmbedderUnavailable",
    "EventConflict",
    "Forbidden",
    "IdempotencyConflict",
    "InvalidBenchmark",
    "InvalidCursor",
    "InvalidDataset",
    "InvalidDocument",
    "InvalidEvaluation",
    "InvalidExecution",
    "InvalidFile",
    "InvalidFilter",
    "InvalidInput",
    "InvalidInteraction",
    "InvalidModel",
    "InvalidNamespace",
    "InvalidQuery",
    "InvalidRetriever",
    "InvalidSearch",
    "InvalidSetting",
    "LearningError",
    "LearningOverflow",
    "LimitExceeded",
    "MalformedJSON",
    "MigrationNeeded",
    "MissingDependency",
    "MissingInput",
    "NotBetter",
    "NotEnoughData",
    "NotFound",
    "NotGated",
    "NotLearning",
    "Overloaded",
    "PayloadTooLarge",
    "QueryTooSlow",
    "RankerUnavailable",
    "SearchTooSlow",
    "StorageCorrupt",
    "StorageError",
    "StorageFull",
    "StorageUnavailable",
    "TooManyQueries",
    "Unauthenticated",
    "UnsupportedMediaType",
]


class DesirepathError(Exception):
    """Something went wrong in Desirepath."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        """The sentence for the caller."""
        return str(self.args[0])


class InvalidInput(DesirepathError, ValueError):
    """What was sent breaks a rule.

    Parameters
    ----------
    message
        What is wrong and what would be right, without the value that was sent.
    location
        Path to the offending value, from the outside in: ``("interactions", 3, "position")``.
    """

    def __init__(self, message: str = "", location: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.location = location


class MalformedJSON(InvalidInput):
    """The body is not JSON."""


class InvalidInteraction(InvalidInput):
    """The interaction breaks a rule."""


class InvalidExecution(InvalidInput):
    """The execution breaks a rule."""


class InvalidRetriever(InvalidInput):
    """The retriever breaks a rule."""


class InvalidDataset(InvalidInput):
    """The dataset of judgments breaks a rule."""


class InvalidEvaluation(InvalidInput):
    """What is to be evaluated or scored breaks a rule."""


class InvalidModel(InvalidInput):
    """The model breaks a rule."""


class InvalidBenchmark(InvalidInput):
    """The benchmark breaks a rule."""


class InvalidSearch(InvalidInput):
    """The search asks for what its retriever cannot do."""


class TooManyQueries(InvalidSearch):
    """More searches than one request may have.

    Parameters
    ----------
    most
        How many it may have.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"At most {most} queries at once.", ("queries",))
        self.most = most


class MissingInput(InvalidSearch):
    """The search lacks an input that its retriever needs.

    Parameters
    ----------
    name
        Path of the input as the retriever names it: ``"inputs.query"``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"The retriever needs {name}, and the search has no value for it.")
        self.name = name
        self.location = tuple(name.split("."))


class InvalidNamespace(InvalidInput):
    """The namespace breaks a rule."""


class InvalidDocument(InvalidInput):
    """The document breaks a rule."""


class InvalidFilter(InvalidInput):
    """The filter cannot be understood."""


class InvalidQuery(InvalidInput):
    """A query parameter cannot be used."""


class InvalidCursor(InvalidInput):
    """The cursor was not made by this server for this list."""


class InvalidSetting(InvalidInput):
    """A setting cannot be used."""


class InvalidFile(InvalidInput):
    """The file cannot be read as what it was said to be."""


class PayloadTooLarge(DesirepathError):
    """The body is larger than allowed."""


class UnsupportedMediaType(DesirepathError):
    """The body must be JSON: send Content-Type application/json, uncompressed, in UTF-8."""


class NotFound(DesirepathError):
    """There is no such thing here.

    Parameters
    ----------
    resource
        What was looked for: ``"interaction"``, ``"execution"``, ``"retriever"``, ``"namespace"``,
        ``"document"``, ``"text field"``, ``"vector index"``, ``"execution profile"``,
        ``"dataset"``, ``"model"``, ``"evaluation"``, ``"benchmark"``,
        ``"what-if"``.
    id
        The identifier as the caller named it.
    """

    def __init__(self, resource: str, id: str = "") -> None:
        where = "" if resource == "namespace" else " in this namespace"
        super().__init__(f"No such {resource}{where}.")
        self.resource = resource
        self.id = id


class Conflict(DesirepathError):
    """The request contradicts what is stored."""


class NotLearning(Conflict):
    """This retriever has no learned fusion: give it a feature_search stage with fusion learned."""


class NotBetter(Conflict):
    """This model was not better than what needs no learning; with force it serves all the same."""


class NotGated(Conflict):
    """A retriever with a gate uses this model: it serves once it has passed the gate."""


class AlreadyExists(Conflict):
    """The name is taken."""


class EventConflict(Conflict):
    """This id was used before with other content; nothing was changed."""


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used before with another request; use a new key."""


class AccessDenied(DesirepathError):
    """Access denied."""


class Unauthenticated(AccessDenied):
    """Missing or invalid API key: send it as Authorization: Bearer KEY."""


class Forbidden(AccessDenied):
    """This API key may not do that."""


class LimitExceeded(DesirepathError):
    """Too many requests.

    Parameters
    ----------
    retry_after_seconds
        When the next request may succeed.
    limit, window_seconds
        The limit that was reached.
    """

    def __init__(
        self, retry_after_seconds: float, limit: int, window_seconds: int, name: str = "requests"
    ) -> None:
        super().__init__(f"Too many requests: at most {limit} in {window_seconds} s.")
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit
        self.window_seconds = window_seconds
        self.name = name


class LearningError(DesirepathError):
    """What was recorded cannot be learned from."""


class LearningOverflow(LearningError):
    """A learned sum is too large to be kept exactly. Nothing was changed."""


class NotEnoughData(LearningError):
    """There is too little in the log to answer from.

    Parameters
    ----------
    what
        What there is too little of, as a plural: ``"clicks"``.
    needed, found
        How many it takes, and how many there are.
    why
        A sentence to begin with: what cannot be said, or what would help.
    """

    def __init__(self, what: str, *, needed: int, found: int, why: str = "") -> None:
        amount = f"Not enough {what}: {needed:,} needed, {found:,} found."
        super().__init__(f"{why} {amount}" if why else amount)
        self.what = what
        self.needed = needed
        self.found = found


class Overloaded(DesirepathError):
    """There is too much to do at once. Nothing was stored; try again."""


class EmbedderError(DesirepathError):
    """No vector was made of a text. Nothing was stored."""


class EmbedderUnavailable(EmbedderError):
    """The embedder does not answer right now. Nothing was stored; try again."""


class EmbedderFailed(EmbedderError):
    """The embedder will not make these vectors. Nothing was stored."""


class SearchTooSlow(DesirepathError):
    """The search took longer than its retriever allows. Nothing was logged.

    Parameters
    ----------
    milliseconds
        What ``budget_limits.max_time_ms`` allows.
    """

    def __init__(self, milliseconds: int) -> None:
        super().__init__(f"The search took longer than the {milliseconds} ms of its retriever.")
        self.milliseconds = milliseconds


class RankerUnavailable(DesirepathError):
    """A trained ranker cannot order a list right now; unless a stage says so, it goes on unordered.

    ``message`` says why: there is no such ranker, it cannot be used here, or it reads the log yet.
    """


class StorageError(DesirepathError):
    """The database failed."""


class StorageUnavailable(StorageError):
    """The database cannot be used right now. Nothing was stored; try again."""


class StorageFull(StorageUnavailable):
    """The disk is full. Nothing was stored; reading still works."""


class StorageCorrupt(StorageError):
    """The database file is damaged; restore a backup."""


class MigrationNeeded(StorageError):
    """The database has another schema than this version of Desirepath."""


class QueryTooSlow(StorageError):
    """The list would take too long.

    Parameters
    ----------
    field
        A field that would narrow the list if it were added to the request.
    """

    def __init__(self, field: str, seconds: float) -> None:
        super().__init__(
            f"No answer within {seconds:g} s. Narrow the list: add a condition on {field}."
        )
        self.field = field


class MissingDependency(DesirepathError, ImportError):
    """An optional package is not installed.

    Parameters
    ----------
    package
        What is missing.
    extra
        The extra that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs {package}, which is not installed: pip install 'desirepath[{extra}]'"
        )
        self.package = package
        self.extra = extra
