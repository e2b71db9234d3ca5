"""The words of a simulated answer, `w0001 w0002 ...`: each once and in order, or something got lost. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count, islice

_WORD = re.compile(rb"w(\d{4,}) ")
_FIRST = re.compile(rb'"content"\s*:\s*"(?:(?P<word>w\d{4,} )|[^"])')
_UNDECIDED_BYTES = 2**16
_EXPECTED: list[bytes] = []


def begin(data: bytes) -> bool | None:
    """Whether this is such an answer, by the first word that is content; reasoning comes before it, without numbers.
    None: it has not come yet."""
    found = _FIRST.search(data)
    if found is None:
        return None if len(data) < _UNDECIDED_BYTES else False
    return found["word"] is not None


def hold(data: Sequence[bytes], told: int | None) -> bool:
    """`told` is how many words there should be, where the usage says."""
    words = _WORD.findall(b"".join(data))
    return (told is None or len(words) == told) and words == _up_to(len(words))


def _up_to(number: int) -> list[bytes]:
    missing = number - len(_EXPECTED)
    if missing > 0:
        _EXPECTED.extend(b"%04d" % each for each in islice(count(len(_EXPECTED) + 1), missing))
    return _EXPECTED[:number]
