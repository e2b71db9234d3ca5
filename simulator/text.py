"""Words to say, as tokens packed into events. Same variant, same text: an answer can be predicted."""

import json
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_WORDS = (
    "the a this each every one some light water stone river signal wafer token answer question model city garden "
    "letter window music engine number reason story morning winter market teacher pilot doctor runs reads carries "
    "finds keeps builds moves turns follows holds gives makes small quick quiet bright early narrow simple steady "
    "because while before after under across between and or but then never often again slowly together"
).split()
_BEYOND_ASCII = ("café", "naïve", "größer", "日本", "語", "😀", "🚀", "👩‍💻", "Ωmega", "żółć", "…", "—")
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Passage:
    """Text cut into events: the JSON string of each, and how many tokens it holds."""

    pieces: list[bytes]
    sizes: list[int]

    @property
    def tokens(self) -> int:
        return sum(self.sizes)

    @property
    def text(self) -> str:
        return "".join(json.loads(piece) for piece in self.pieces)


SILENCE = Passage([], [])


class Reel:
    """An endless text, made as far as it is asked for and kept, so that a stream costs only slices."""

    def __init__(self, kind: str, variant: int, per_event: float) -> None:
        self._random = random.Random(f"{kind}/{variant}/{per_event}")
        self._source = _numbered() if kind == "numbered" else _prose(self._random, kind == "unicode")
        self._per_event = per_event
        self._tokens: list[str] = []
        self._pieces: list[bytes] = []
        self._ends: list[int] = []

    def passage(self, count: int, boundary: int = 0) -> Passage:
        """The first `count` tokens; an event ends exactly at `boundary`, so that a fault can hit there."""
        self._reach(count)
        if 0 < boundary < count:
            return _joined(self._between(0, boundary), self._between(boundary, count))
        return self._between(0, count)

    def _between(self, start: int, end: int) -> Passage:
        first = bisect_right(self._ends, start)
        last = bisect_right(self._ends, end)
        whole_from = self._ends[first - 1] if first else 0
        pieces, ends = self._pieces[first:last], self._ends[first:last]
        edges = [start, *ends]
        if pieces and whole_from != start:
            pieces[0] = self._piece(start, ends[0])
        if edges[-1] < end:
            pieces.append(self._piece(edges[-1], end))
            edges.append(end)
        return Passage(pieces, [after - before for before, after in pairwise(edges)])

    def _piece(self, start: int, end: int) -> bytes:
        return quoted("".join(self._tokens[start:end]))

    def _reach(self, count: int) -> None:
        while not self._ends or self._ends[-1] < count:
            for _ in range(_BLOCK):
                start = self._ends[-1] if self._ends else 0
                end = start + event_size(self._random, self._per_event)
                while len(self._tokens) < end:
                    self._tokens.append(next(self._source))
                self._ends.append(end)
                self._pieces.append(self._piece(start, end))


@lru_cache(maxsize=256)
def reel(kind: str, variant: int, per_event: float) -> Reel:
    return Reel(kind, variant, per_event)


def passage_of(text: str, per_event: float, variant: int = 0) -> Passage:
    """Given text in tokens of four characters: for JSON answers, whose words are not ours to choose."""
    chance = random.Random(variant)
    pieces, sizes, at = [], [], 0
    while at < len(text):
        size = event_size(chance, per_event)
        part = text[at : at + 4 * size]
        pieces.append(quoted(part))
        sizes.append(-(-len(part) // 4))
        at += len(part)
    return Passage(pieces, sizes)


def first_tokens(passage: Passage, count: int) -> Passage:
    """`passage` cut after `count` tokens or the event that reaches them."""
    total = 0
    for index, size in enumerate(passage.sizes):
        if total >= count:
            return Passage(passage.pieces[:index], passage.sizes[:index])
        total += size
    return passage


def event_size(chance: random.Random, mean: float) -> int:
    """Uniform from one to twice the mean less one, so that the mean holds and bursts vary as captures do."""
    top = 2 * mean - 1
    whole = int(top)
    return chance.randint(1, max(1, whole + (chance.random() < top - whole)))


def quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _joined(left: Passage, right: Passage) -> Passage:
    return Passage(left.pieces + right.pieces, left.sizes + right.sizes)


def _numbered() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"w{number:04d} "


def _prose(chance: random.Random, beyond_ascii: bool) -> Iterator[str]:
    left, opening = 0, True
    while True:
        if left == 0:
            left, opening = chance.randint(6, 14), True
        word = chance.choice(_BEYOND_ASCII) if beyond_ascii and chance.random() < 0.4 else chance.choice(_WORDS)
        yield (word.capitalize() if opening else " " + word)
        opening, left = False, left - 1
        if left == 0:
            yield ".\n" if chance.random() < 0.1 else ". "
