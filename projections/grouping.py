"""The group of a tag (3.10), whoever named it: who uses a connector belongs to the group that was named last.

Authorize.conf, StartTransaction.conf and StopTransaction.conf tell it (IdTagInfoReceived; the cache holds nothing else), and so
does the Local Authorization List. An answer without a parentIdTag names no group: it takes none away, because many a central
system tells it in one answer and leaves it out of the next.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from eventstore.catalogue.authorization import IdTagInfo, IdTagInfoReceived, LocalListAmended, LocalListReplaced
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.connector import Connectors


class Grouped(Protocol):
    """Who uses a connector: by an authorization, a transaction, or a cable that is held."""

    @property
    def id_tag(self) -> str:
        """The tag as it was presented."""

    @property
    def parent_id_tag(self) -> str | None:
        """The tag's group, as far as it is known."""


TOLD: tuple[type[Event], ...] = (IdTagInfoReceived, LocalListReplaced, LocalListAmended)
Told = IdTagInfoReceived | LocalListReplaced | LocalListAmended
User = TypeVar("User", bound=Grouped)


def parents_told(event: Told) -> Mapping[str, str]:
    """The groups that the event names: casefolded tag to parent id tag."""
    if isinstance(event, IdTagInfoReceived):
        return parents_named([(event.id_tag, event.info)])
    return parents_named([(entry.id_tag, entry.info) for entry in event.entries])


def parents_named(words: Iterable[tuple[str, IdTagInfo | None]]) -> Mapping[str, str]:
    """The groups that these words on tags name: casefolded tag to parent id tag."""
    return {
        id_tag.casefold(): info.parent_id_tag
        for id_tag, info in words
        if info is not None and info.parent_id_tag is not None and info.parent_id_tag.strip()
    }


def regrouped(user: User, parents: Mapping[str, str]) -> User:
    """The same user of a connector, with the group that was just named for the tag, if one was."""
    parent_id_tag = parents.get(user.id_tag.casefold())
    if parent_id_tag is None or parent_id_tag == user.parent_id_tag:
        return user
    whole: Any = user
    regrouped_user: User = replace(whole, parent_id_tag=parent_id_tag)
    return regrouped_user


def on_told(connectors: Connectors, event: Told, recorded: Recorded, _: Clock) -> Connectors:
    """The fold of the connectors: who is authorized there, and for whom a cable is held."""
    parents = parents_told(event)
    if not parents:
        return connectors
    by_id = tuple(
        replace(
            connector,
            grant=connector.grant and regrouped(connector.grant, parents),
            held_for=connector.held_for and regrouped(connector.held_for, parents),
        )
        for connector in connectors.by_id
    )
    return replace(connectors, by_id=by_id, waiting=connectors.waiting and regrouped(connectors.waiting, parents))
