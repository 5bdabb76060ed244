"""A small memory of recent results, bounded in bytes: the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class BytesCache(Generic[T]):
    """Not safe across threads. A value larger than the whole cache is returned but not kept."""

    def __init__(self, max_bytes: int, size_of: Callable[[T], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get_or_make(self, key: Hashable, make: Callable[[], T]) -> T:
        if (found := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            self.hits += 1
            return found[0]
        self.misses += 1
        value = make()
        size = self._size_of(value)
        if size <= self._max_bytes:
            self._kept[key] = (value, size)
            self.bytes += size
            while self.bytes > self._max_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self.bytes -= dropped
        return value

    def clear(self) -> None:
        self._kept.clear()
        self.bytes = 0
