"""Very many terms with a number each, held in a fraction of what a dictionary takes."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

_TOGETHER = 32  # terms of which only the first is an object
_AFTER = b"\xff"  # comes after every byte of UTF-8


class Lexicon:
    """Terms in the order of their code points, without line breaks, and a number for each, below 2**32."""

    def __init__(self, rows: Iterable[tuple[str, int]] = ()) -> None:
        lines = bytearray(b"\n")
        self._firsts: list[bytes] = []
        self._starts = array("I")  # where in the lines the break before the first of a group is
        self._numbers = array("I")
        for term, number in rows:
            encoded = term.encode()
            if len(self._numbers) % _TOGETHER == 0:
                self._firsts.append(encoded)
                self._starts.append(len(lines) - 1)
            self._numbers.append(number)
            lines += encoded + b"\n"
        self._starts.append(len(lines) - 1)
        self._lines = bytes(lines)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, term: str) -> bool:
        return self._place(term) is not None

    def number(self, term: str) -> int:
        """The number of a term; 0 of one that is not there."""
        place = self._place(term)
        return 0 if place is None else self._numbers[place]

    def beginning(self, head: str) -> list[str]:
        """The terms that begin so, in order."""
        first = _encoded(head)
        group = max(bisect_left(self._firsts, first) - 1, 0)
        start, end = self._starts[group], self._starts[bisect_left(self._firsts, first + _AFTER)]
        terms = self._lines[start + 1 : end].decode().split("\n") if start < end else []
        start = bisect_left(terms, head)
        end = bisect_right(terms, False, start, key=lambda term: not term.startswith(head))  # noqa: FBT003
        return terms[start:end]

    def _place(self, term: str) -> int | None:
        wanted = _encoded(term)
        group = bisect_right(self._firsts, wanted) - 1
        if group < 0 or b"\n" in wanted:
            return None
        start, end = self._starts[group], self._starts[group + 1]
        found = self._lines.find(b"\n" + wanted + b"\n", start, end + 1)
        if found < 0:
            return None
        return group * _TOGETHER + self._lines.count(b"\n", start, found)


def _encoded(term: str) -> bytes:
    return term.encode("utf-8", "surrogatepass")
