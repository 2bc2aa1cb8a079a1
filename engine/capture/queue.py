"""The bounded queue between two threads of a pipeline: nothing that must be kept is dropped, and memory stays bounded."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

WAIT_S = 0.1  # the longest wait between two looks at whether to give up


class WeighedQueue(Generic[T]):
    """First in, first out, of weighted items; full, it drops the oldest droppable ones (counted) or lets the sender wait."""

    def __init__(self, capacity: int, keep_capacity: int | None = None) -> None:
        self.capacity = capacity
        self.keep_capacity = keep_capacity or capacity  # for items that must be kept
        self._changed = threading.Condition()
        self._items: deque[tuple[T, int, bool]] = deque()
        self._closed = False
        self.held = 0
        self.dropped = 0

    def put(self, item: T, weight: int, *, keep: bool, given_up: Callable[[], bool] | None = None) -> bool:
        """Append an item.

        Args:
            item: to hand over.
            weight: its share of the capacity; an item heavier than that fits an empty queue.
            keep: True: wait for room, never drop it. False: never wait; it may be dropped later (or now, if only kept items
                are in its way).
            given_up: asked at least every 0.1 s of waiting.

        Returns:
            Whether the item is in.
        """
        with self._changed:
            if keep:
                while self.held and self.held + weight > self.keep_capacity and not self._closed:
                    if given_up is not None and given_up():
                        return False
                    self._changed.wait(WAIT_S)
            elif self.held + weight > self.capacity:
                self._make_room(weight)
                if self.held and self.held + weight > self.capacity:
                    self.dropped += weight
                    return False
            if self._closed:
                return False
            self._items.append((item, weight, keep))
            self.held += weight
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None) -> T | None:
        """Remove and return the oldest item; None where none came in time, or the queue is closed and empty."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait_for(lambda: self._items or self._closed, timeout_s)
            if not self._items:
                return None
            item, weight, _ = self._items.popleft()
            self.held -= weight
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Take no more; what is held can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and not self._items

    def _make_room(self, weight: int) -> None:
        kept: deque[tuple[T, int, bool]] = deque()
        while self._items and self.held + weight > self.capacity:
            item, old, keep = self._items.popleft()
            if keep:
                kept.append((item, old, keep))
            else:
                self.held -= old
                self.dropped += old
        self._items.extendleft(reversed(kept))
