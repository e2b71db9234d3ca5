"""An answer as frames. The order of frames is common; how each one looks is the wire's own."""

import heapq
import json
from collections.abc import Iterator
from typing import Any, Protocol

from simulator.answer import Answer, Choice
from simulator.frames import Frame, Kind
from simulator.knobs import Knobs
from simulator.refusals import Refusal
from simulator.text import Passage

DONE = b"data: [DONE]\n\n"


class Wire(Protocol):
    """A provider's accent."""

    reasoning_field: str

    def role(self, answer: Answer, index: int) -> bytes: ...
    def around(self, answer: Answer, index: int, field: str) -> tuple[bytes, bytes]:
        """What stands before and after the JSON string of a delta."""

    def turn(self, answer: Answer, index: int) -> bytes | None:
        """The event between reasoning and content, if there is one."""

    def calls(self, answer: Answer, index: int, choice: Choice) -> list[bytes]: ...
    def finish(self, answer: Answer, index: int, choice: Choice, last: bool) -> bytes: ...
    def usage(self, answer: Answer) -> bytes | None:
        """The separate usage event, if there is one."""

    def whole(self, answer: Answer) -> dict[str, Any]: ...
    def refused(self, refusal: Refusal) -> dict[str, Any]: ...
    def error_event(self, refusal: Refusal, identity: str) -> dict[str, Any]: ...
    def headers(self, identity: str | None) -> dict[str, str]: ...
    def wants_usage(self, options: dict[str, Any] | None) -> bool: ...


def event(data: dict[str, Any]) -> bytes:
    return b"data: " + compact(data) + b"\n\n"


def compact(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def frames(answer: Answer, wire: Wire, knobs: Knobs) -> list[Frame]:
    """Every event of a streamed answer with its second, [DONE] included."""
    parts = [_choice_frames(answer, index, wire, knobs) for index in range(len(answer.choices))]
    line = list(parts[0]) if len(parts) == 1 else list(heapq.merge(*parts, key=lambda frame: frame.due))
    end = line[-1].due
    ends = [
        Frame(end, wire.finish(answer, index, choice, index == len(answer.choices) - 1), 0, "finish")
        for index, choice in enumerate(answer.choices)
    ]
    usage = wire.usage(answer)
    tail = [Frame(end, usage, 0, "usage")] if usage else []
    return [*line, *ends, *tail, Frame(end, DONE, 0, "done")]


def _choice_frames(answer: Answer, index: int, wire: Wire, knobs: Knobs) -> Iterator[Frame]:
    choice = answer.choices[index]
    role_at = answer.first_token if knobs.role_after is None else knobs.role_after
    yield Frame(role_at, wire.role(answer, index), 0, "role")
    clock = _Clock(answer.first_token, answer.pace, choice)
    field = wire.reasoning_field
    yield from clock.spoken(choice.reasoning, *wire.around(answer, index, field), "reasoning")
    turn = wire.turn(answer, index) if choice.reasoning.pieces and choice.content.pieces else None
    if turn:
        yield Frame(clock.now(0), turn, 0, "turn")
    yield from clock.spoken(choice.content, *wire.around(answer, index, "content"), "content")
    if choice.calls:
        due = clock.now(sum(call.tokens for call in choice.calls))
        for data in wire.calls(answer, index, choice):
            yield Frame(due, data, 0, "tool")


class _Clock:
    """Second by tokens spoken. It starts when the first event is ready: that event is the first token."""

    def __init__(self, first_token: float, pace: float, choice: Choice) -> None:
        opening = choice.reasoning.sizes or choice.content.sizes
        self._start = first_token - (opening[0] if opening else 0) / pace
        self._pace = pace
        self._spoken = choice.unseen

    def now(self, more: int) -> float:
        self._spoken += more
        return self._start + self._spoken / self._pace

    def spoken(self, passage: Passage, prefix: bytes, suffix: bytes, kind: Kind) -> Iterator[Frame]:
        for piece, size in zip(passage.pieces, passage.sizes, strict=True):
            yield Frame(self.now(size), prefix + piece + suffix, size, kind)
