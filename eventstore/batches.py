"""Batches that wait to be written to the log: which of them share a commit, and which callers return when it is durable."""

from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Sequence

from eventstore.chain import Head
from eventstore.commitments import NO_COMMITMENTS, Commitments
from eventstore.event import Recorded
from eventstore.insertion import Group

GROUP_EVENTS_MAX = 2_048  # a group with so many takes no further batch


class Batches:
    """Batches on their way into the log: the group under way, and those that wait. `head` is the last durable event.

    `commitments` tell what digests cover.
    """

    __slots__ = ("_under_way", "_waiting", "commitments", "head")

    def __init__(self, head: Head, commitments: Commitments = NO_COMMITMENTS) -> None:
        self.head = head
        self.commitments = commitments
        self._under_way: Group | None = None
        self._waiting: deque[Group] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no group is under way."""
        return self._under_way is None

    @property
    def ahead(self) -> Head:
        """The head once the group under way is durable."""
        return self.head if self._under_way is None else self._under_way.head

    def add(self, batch: Sequence[Recorded], payloads: Sequence[str] | None = None) -> Future[None]:
        """Chain a batch to all before it; done once it is durable. Raises and asserts what `Group.add` does."""
        if not self._waiting:
            self._waiting.append(Group(self.ahead, self.commitments.content))
        elif len(self._waiting[-1]) >= GROUP_EVENTS_MAX:
            self._waiting.append(Group(self._waiting[-1].head, self.commitments.content))
        self._waiting[-1].add(batch, payloads)
        return _waiting_for(self._waiting[-1])

    def begin(self) -> Group | None:
        """The next group is under way; None while another one is, or when nothing waits."""
        if self._under_way is not None or not self._waiting:
            return None
        self._under_way = self._waiting.popleft()
        return self._under_way

    def begin_segment(self, commitments: Commitments) -> None:
        """What waits goes into another segment than it was added for, where digests cover these commitments."""
        assert self.is_idle, "a segment is closed between two groups"
        self.commitments, head = commitments, self.head
        for group in self._waiting:
            group.chain_anew(head, commitments.content)
            head = group.head

    def conclude(self) -> None:
        """The group under way is durable."""
        assert self._under_way is not None, "a commit that nobody began"
        group, self._under_way = self._under_way, None
        self.head = group.head
        for done in group.waiting:
            if not done.done():  # its caller was cancelled; the batch is durable all the same
                done.set_result(None)

    def strand(self, error: Exception) -> None:
        """Nothing of what is on its way is known to become durable."""
        groups = [*([] if self._under_way is None else [self._under_way]), *self._waiting]
        self._waiting.clear()
        for done in [done for group in groups for done in group.waiting if not done.done()]:
            done.set_exception(error)

    def last(self) -> Future[None] | None:
        """Done with the last batch that is on its way by now; None if none is."""
        group = self._waiting[-1] if self._waiting else self._under_way
        return None if group is None else _waiting_for(group)


def _waiting_for(group: Group) -> Future[None]:
    done: Future[None] = get_running_loop().create_future()
    group.waiting.append(done)
    return done
