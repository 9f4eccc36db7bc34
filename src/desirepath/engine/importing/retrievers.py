"""The retrievers of an import: found by id or name, made when they are not there."""

from __future__ import annotations

from msgspec.structs import replace

from desirepath.domain.ids import IdGenerator, format_id, parse_id
from desirepath.domain.retriever import ADHOC_ID, RetrieverDraft
from desirepath.engine.importing.batches import ReadRetriever
from desirepath.errors import NotFound
from desirepath.storage.base import Session

__all__ = ["RetrieverBook"]

_DESCRIPTION = "Made by an import: its searches were served elsewhere."


class RetrieverBook:
    """Remembers which retriever a name or id of the source's is.

    Parameters
    ----------
    namespace
        Whose retrievers.
    default
        Name or id for executions that name none.
    make_id
        Makes ids for new ones.
    """

    def __init__(self, namespace: int, default: str, make_id: IdGenerator) -> None:
        self._namespace = namespace
        self._default = default
        self._make_id = make_id
        self._reserved: dict[str, bytes] = {}
        self._known: dict[str, str] = {}
        self._made: dict[str, str] = {}

    @property
    def made(self) -> dict[str, str]:
        """Ids of the retrievers that were made, by name."""
        return self._made

    def reserve_default(self, session: Session) -> str:
        """The id of the default retriever, which is made when something needs it.

        Raises
        ------
        NotFound
            The default is an id, and there is none of it.
        """
        found = session.catalog.find_retriever(self._namespace, self._default)
        if found is not None:
            self._known[self._default] = found.retriever_id
            return found.retriever_id
        if parse_id("ret", self._default) is not None:
            raise NotFound("retriever", self._default)
        id = self._reserved[self._default] = self._make_id.next(session.now())
        return format_id("ret", id)

    def resolve(self, session: Session, named: str) -> str:
        """The id of the retriever of an execution; it is there afterwards.

        A retriever that is named by an id which is not known here comes from another database: it
        is made with that id, so that exported rows keep theirs.
        """
        named = named or self._default
        if named == ADHOC_ID:  # it never was a retriever's
            return named
        if named not in self._known:
            found = session.catalog.find_retriever(self._namespace, named)
            if found is not None:
                self._known[named] = found.retriever_id
            else:
                self._make(session, named, RetrieverDraft(retriever_name=_name_for(named)))
        return self._known[named]

    def describe(self, session: Session, described: ReadRetriever) -> None:
        """Make a retriever as a file describes it, unless its id or its name is there."""
        named, name = described.retriever_id, described.draft.retriever_name
        catalog = session.catalog
        found = (named and catalog.find_retriever(self._namespace, named)) or (
            catalog.find_retriever(self._namespace, name)
        )
        if found:
            self._known[named or name] = self._known[name] = found.retriever_id
            return
        self._make(session, named or name, described.draft)
        self._known[name] = self._known[named or name]

    def find(self, session: Session, id_or_name: str) -> str | None:
        """The id of the retriever that an interaction names; None when there is none."""
        if id_or_name in self._known:
            return self._known[id_or_name]
        found = session.catalog.find_retriever(self._namespace, id_or_name)
        return None if found is None else found.retriever_id

    def _make(self, session: Session, named: str, draft: RetrieverDraft) -> None:
        now = session.now()
        id = parse_id("ret", named) or self._reserved.get(named) or self._make_id.next(now)
        if draft.description is None:
            draft = replace(draft, description=_DESCRIPTION)
        made = session.catalog.create_retriever(self._namespace, id, draft, now)
        self._known[named] = self._made[draft.retriever_name] = made.retriever_id


def _name_for(named: str) -> str:
    """A name for a retriever that is known by a foreign id only."""
    return f"imported-{named}" if named.startswith("ret_") else named
