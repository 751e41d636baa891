# SPDX-License-Identifier: Apache-2.0
"""What objects take in each version of CPython, as the allocator under them rounds it.

Of Python built with its GIL and no debug hooks, on 64 bits. tests/python/integration/test_sizes.py
compares all of it with the real thing.
"""

from __future__ import annotations

from typing import Literal

from hoopsnake.heap.layouts import Layout

Allocator = Literal["hoop", "pymalloc"]

GC_HEAD = 16
POINTER = 8
_OBJECT = 16
_SMALL, _MEDIUM, _PAGE = 512, 32 << 10, 4 << 10
_MAPPED = 128 << 10  # malloc() maps what is larger
_MOST_INLINE = {11: 29, 12: 29, 13: 29, 14: 30}


def _up(amount: int, step: int) -> int:
    return -(-amount // step) * step


class Sizes:
    """Bytes taken, under CPython 3.`minor`."""

    def __init__(self, minor: int, allocator: Allocator = "hoop") -> None:
        self.minor = minor
        self.allocator = allocator

    # --- the allocator ----------------------------------------------------------------------------

    def block(self, size: int) -> int:
        """What a request for so many bytes takes."""
        if size <= 0:
            return 0
        if size <= _SMALL:
            return _up(size, 16)
        return self._hoop(size) if self.allocator == "hoop" else self.malloc(size)

    def _hoop(self, size: int) -> int:
        if size <= _MEDIUM:
            step = 1 << (size - 1).bit_length() - 1 - 3
            return _up(size, step)
        return _up(size, 16)  # pages behind the end are never touched

    def malloc(self, size: int) -> int:
        """What glibc's malloc() takes for it."""
        if size <= 0:
            return 0
        return max(_up(size + 8, 16), 32) if size < _MAPPED else _up(size + 16, _PAGE)

    # --- instances --------------------------------------------------------------------------------

    def slotted(self, slots: int, *, weak: bool = False) -> int:
        """An instance of a class with `__slots__`."""
        return self.block(GC_HEAD + _OBJECT + POINTER * (slots + weak))

    def instance(self, attributes: int) -> int:
        """An instance of a plain class whose attributes are where its version puts them."""
        if self.minor == 10:
            return self.block(48) + self.shared_dict(attributes)
        if self.minor >= 13:
            return self.block(48 + self._inline(attributes))
        return self.block(56 if self.minor == 11 else 48) + self.block(self._inline(attributes))

    def is_inline(self, attributes: int) -> bool:
        """Whether so many attributes fit into the instance, without a dict."""
        return self.minor >= 11 and attributes <= _MOST_INLINE[min(self.minor, 14)]

    def _inline(self, attributes: int) -> int:
        """One value more than there are attributes, and the order in which they came."""
        capacity = min(attributes + 1, _MOST_INLINE[min(self.minor, 14)])
        if self.minor >= 13:
            return _up(capacity, POINTER) + (capacity + 1) * POINTER
        return _up(capacity + 2, POINTER) + capacity * POINTER

    def instance_object(self, attributes: int, size: int) -> int:
        """An instance whose attributes are not in a dict: what it takes, and its values."""
        if self.minor >= 13:
            return self.block(size + self._inline(attributes))
        return self.block(size) + (self.block(self._inline(attributes)) if self.minor > 10 else 0)

    def shared_dict(self, attributes: int) -> int:
        """A `__dict__` whose keys its class has."""
        slots = self.tight_slots(attributes)
        return self.block(64) + self.block(slots * 2 // 3 * POINTER)

    # --- containers -------------------------------------------------------------------------------

    def tuple(self, items: int) -> int:
        header = 32 if self.minor >= 14 else 24
        return self.block(GC_HEAD + header + POINTER * items)

    def list(self, items: int) -> int:
        """One that was made at once, by `list(...)`, with no room to grow."""
        return self.block(GC_HEAD + 40) + self.block(POINTER * (items + items % 2))

    @staticmethod
    def tight_slots(keys: int) -> int:
        """Of the smallest table of a dict that has room for so many."""
        slots = 8
        while slots * 2 // 3 < keys:
            slots *= 2
        return slots

    def table(self, slots: int, *, text_keys: bool) -> int:
        """The table of a dict."""
        header = 40 if self.minor == 10 else 32
        entry = 16 if text_keys and self.minor > 10 else 24
        index = 1 if slots <= 128 else 2 if slots <= 32768 else 4
        return header + slots * index + slots * 2 // 3 * entry

    def dict(self, keys: int, *, text_keys: bool = True) -> int:
        """One that was made at once, or copied."""
        if keys == 0:
            return self.block(GC_HEAD + 48)
        table = self.table(self.tight_slots(keys), text_keys=text_keys)
        return self.block(GC_HEAD + 48) + self.block(table)

    def set(self, members: int) -> int:
        """One that was copied."""
        slots = 8
        if members > 4:
            while slots <= 2 * members:
                slots *= 2
        return self.block(GC_HEAD + 200) + (self.block(slots * 16) if slots > 8 else 0)

    def taken(self, layout: int, size: int) -> int:
        """By an object of which `sys.getsizeof` says `size`, and by the buffer that is its own."""
        head = {
            Layout.LIST: GC_HEAD + 40,
            Layout.DICT: GC_HEAD + 48,
            Layout.SET: GC_HEAD + 200,
            Layout.BYTEARRAY: 56,
        }.get(Layout(layout) if layout in _WITH_BUFFER else Layout.OTHER)
        if head is None or size <= head:
            return self.block(size)
        return self.block(head) + self.block(size - head)

    # --- values -----------------------------------------------------------------------------------

    def text(self, characters: int, width: int = 1, *, ascii_only: bool = True) -> int:
        plain = 40 if self.minor >= 12 else 48
        compact = 56 if self.minor >= 12 else 72
        if width == 1 and ascii_only:
            return self.block(plain + characters + 1)
        return self.block(compact + width * (characters + 1))

    def bytes(self, length: int) -> int:
        return self.block(33 + length)

    def number(self, size: int = 24) -> int:
        return self.block(size)

    def array(self, items: int, item_bytes: int) -> int:
        """An `array.array` that was made at once."""
        return self.block(GC_HEAD + 64) + self.block(items * item_bytes)


_WITH_BUFFER = (Layout.LIST, Layout.DICT, Layout.SET, Layout.BYTEARRAY)
