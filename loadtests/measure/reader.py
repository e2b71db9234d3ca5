"""An answer's bytes and when they came, read as they come: what was heard. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadtests.measure import numbers
from plugins.stream.decode import Decoder, ProtocolError
from plugins.stream.parse import objects_in, parse_object
from plugins.stream.shape import Shape
from plugins.stream.watch import Broken, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Times are the clock's that the bytes were given with."""

    role: float | None = None  # the first event, whatever it held
    first: float | None = None
    last: float | None = None
    gap: float | None = None
    deliveries: int = 0
    events: int = 0
    first_events: int = 0
    octets: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish: str | None = None
    done: bool = False
    whole: bool = False  # every choice has its finish reason, and nothing spoiled the stream
    error: str | None = None  # the code of an error within the stream
    model: str | None = None
    queue_seconds: float | None = None
    numbers_hold: bool | None = None


class Reader:
    """Of one stream. `feed` is all that happens while the clock runs, and mostly it counts bytes."""

    __slots__ = (
        "_data",
        "_decoder",
        "_heard_numbers",
        "_quotes",
        "_shape",
        "_silence",
        "_spoilt",
        "_watch",
        "deliveries",
        "first_events",
        "octets",
        "role",
    )

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._watch = Watch()
        self._spoilt: str | None = None
        self._data: list[bytes] = []  # kept where words are numbered, and until that is known
        self._heard_numbers: bool | None = None
        self._shape: Shape | None = None  # of the events before
        self._silence = b""  # an event of that shape without a word
        self._quotes = 0
        self.role: float | None = None
        self.deliveries = 0
        self.first_events = 0
        self.octets = 0

    @property
    def spoke(self) -> bool:
        return self._watch.first_token_at is not None

    def feed(self, data: bytes, at: float) -> None:
        self.octets += len(data)
        if self._spoilt is not None:
            return
        watch = self._watch
        before = watch.events
        if number := self._all_alike(data):
            watch.hear(number, 0, at)
        else:
            self._see(data, at)
        if watch.events > before:
            self.deliveries += 1
            self.first_events = self.first_events or watch.events
        if self._heard_numbers is not False:
            self._keep(data)

    def close(self) -> Heard:
        watch = self._watch
        usage = watch.usage or {}
        tail = self._decoder.close()
        told = _count(usage.get("completion_tokens"))
        return Heard(
            role=self.role,
            first=watch.first_token_at,
            last=watch.last_token_at,
            gap=watch.largest_gap if self.deliveries > 1 else None,
            deliveries=self.deliveries,
            events=watch.events,
            first_events=self.first_events,
            octets=self.octets,
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=told,
            finish=watch.finish_reason,
            done=watch.done or tail.startswith(b"data: [DONE]"),
            whole=watch.whole and self._spoilt is None,
            error=self._error(),
            model=watch.model,
            queue_seconds=_seconds((watch.time_info or {}).get("queue_time")),
            numbers_hold=self._numbers_hold(told, usage),
        )

    def _all_alike(self, data: bytes) -> int:
        """How many events these bytes are, when they differ in nothing but plain text; 0 for a closer look.

        Every event begins and ends as the shape does, and no quote is left for its text to say more with.
        """
        shape = self._watch.shape
        if shape is None or self._decoder.pending or not (data.startswith(shape.start) and data.endswith(shape.end)):
            return 0
        if shape is not self._shape:
            around = shape.head + shape.tail
            self._shape, self._silence, self._quotes = shape, around, around.count(b'"')
        number = data.count(b"\n\n")
        alike = (
            data.count(shape.joint) == number - 1
            and data.count(b'"') == number * self._quotes
            and self._silence not in data
        )
        return number if alike else 0

    def _see(self, data: bytes, at: float) -> None:
        try:
            events = self._decoder.feed(data)
        except ProtocolError:
            self._spoilt = "malformed"
            return
        for event in events:
            self._watch.see(event, at)
        if self.role is None and any(event.data is not None for event in events):
            self.role = at

    def _keep(self, data: bytes) -> None:
        self._data.append(data)
        if self._heard_numbers is None and self.spoke:
            self._heard_numbers = numbers.begin(b"".join(self._data))
        if self._heard_numbers is False:
            self._data.clear()

    def _error(self) -> str | None:
        if self._watch.error is not None:
            return self._watch.error.code or self._watch.error.type or "error"
        if self._spoilt is None and self._watch.verdict_at_end() is Broken.MALFORMED:
            return "malformed"
        return self._spoilt

    def _numbers_hold(self, told: int | None, usage: dict[str, Any]) -> bool | None:
        """Of one choice: several are told apart by their index alone."""
        if not self._heard_numbers:
            return None
        thought = _count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens")) or 0
        return numbers.hold(self._data, None if told is None else told - thought)


def read_whole(body: bytes, at: float) -> Heard:
    """An answer that is one JSON object: all of it came with its last byte."""
    found = parse_object(body) or {}
    choice = next(iter(objects_in(found.get("choices"))), {})
    message = choice.get("message")
    said = isinstance(message, dict) and any(message.get(name) for name in ("content", "reasoning", "tool_calls"))
    told = found.get("usage")
    usage: dict[str, Any] = told if isinstance(told, dict) else {}
    finish = choice.get("finish_reason")
    return Heard(
        role=at,
        first=at if said else None,
        last=at if said else None,
        deliveries=int(said),
        events=int(said),
        first_events=int(said),
        octets=len(body),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        finish=finish,
        done=True,
        whole=bool(finish),
        error=code_of(found),
        model=found.get("model"),
        queue_seconds=_seconds((found.get("time_info") or {}).get("queue_time")),
    )


def code_of(body: dict[str, Any]) -> str | None:
    """The code of an error body, wrapped as OpenAI does or flat as Cerebras does."""
    error = body.get("error", body if "choices" not in body else None)
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return None
    code = error.get("code") or error.get("type")
    return str(code) if code else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
