"""What an answer has done so far: when it spoke, whether it ended, what broke it."""

from enum import Enum, auto
from typing import Any

from plugins.stream.decode import Event
from plugins.stream.fault import StreamError, fault_in, fault_named, fault_of_finish
from plugins.stream.parse import objects_in, parse_object
from plugins.stream.shape import TEXT_FIELDS, Shape, says_nothing, shape_of

_TOKEN_FIELDS = frozenset({"content", "reasoning", "reasoning_content", "tool_calls", "refusal", "function_call"})


class Kind(Enum):
    ROLE = auto()  # a role at the most
    OTHER = auto()  # nothing a person reads either, but a program may: usage alone, a comment, what we do not know
    TOKEN = auto()  # content, reasoning, refusal or a tool call
    FINISH = auto()  # a finish reason, with or without text
    DONE = auto()  # [DONE] and all behind it
    ERROR = auto()
    MALFORMED = auto()  # data that is not a JSON object


class Broken(Enum):
    """Why an answer that has ended is not whole."""

    NO_FINISH = "no_finish"
    ERROR_EVENT = "error_event"
    MALFORMED = "malformed"
    EMPTY = "empty"  # it ended before it said anything, so another target may answer instead


# Looking a member up on its class is slow before Python 3.12.
_TOKEN = Kind.TOKEN


class Watch:
    """Sees every event of one answer, in order."""

    __slots__ = (
        "_finish_reasons",
        "_malformed",
        "_shape",
        "asked",
        "done",
        "error",
        "events",
        "first_delta_at",
        "first_token_at",
        "id",
        "largest_gap",
        "last_token_at",
        "model",
        "text_bytes",
        "text_shape",
        "time_info",
        "usage",
    )

    def __init__(self) -> None:
        self.first_delta_at: float | None = None
        self.first_token_at: float | None = None
        self.last_token_at: float | None = None
        self.largest_gap = 0.0
        self.events = 0
        self.text_bytes = 0  # of tool calls, those of their arguments
        self.usage: dict[str, Any] | None = None
        self.time_info: dict[str, Any] | None = None
        self.model: str | None = None
        self.id: str | None = None
        self.error: StreamError | None = None
        self.done = False
        self.asked = 1  # choices
        self._malformed = False
        self._finish_reasons: dict[int, str | None] = {}  # of every choice seen
        self._shape: Shape | None = None
        self.text_shape: Shape | None = None  # of the event seen last, if that was plain text

    def see(self, event: Event, now: float) -> Kind:
        self.text_shape = shape = self._shape
        _, data, name = event
        # An event of a shape that was parsed before brings nothing new but its text.
        if shape is not None and data is not None and name is None and shape.text_in(data):
            self.text_bytes += len(data) - shape.around
            self._token(now)
            return _TOKEN
        return self._read(event, now)

    @property
    def shape(self) -> Shape | None:
        """The shape of the last text event, which the next ones are likely to have."""
        return self._shape

    def is_news(self, part: bytes) -> bool:
        """Whether a part of the stream, by a look at its ends, holds anything but more of the same text."""
        return self._shape is not None and not self._shape.may_go_on_with(part)

    def hear(self, events: int, text_bytes: int, now: float) -> None:
        """So many text events of the known shape, which came together."""
        self._token(now)
        self.events += events - 1
        self.text_bytes += text_bytes

    @property
    def finish_reason(self) -> str | None:
        """The first choice's."""
        return self._finish_reasons[min(self._finish_reasons)] if self._finish_reasons else None

    @property
    def whole(self) -> bool:
        """Every choice has finished: all that were asked for, or all there are when [DONE] says so."""
        reasons = self._finish_reasons
        finished = bool(reasons) and None not in reasons.values() and (self.done or len(reasons) >= self.asked)
        return finished and self.error is None and not self._malformed

    def verdict_at_end(self) -> Broken | None:
        if self.whole:
            return None
        if self.error is not None:
            return Broken.ERROR_EVENT
        if self._malformed:
            return Broken.MALFORMED
        said_nothing = self.events == 0 and not any(self._finish_reasons.values())
        return Broken.EMPTY if said_nothing else Broken.NO_FINISH

    def _read(self, event: Event, now: float) -> Kind:
        data = event.data
        self.text_shape = None
        if self.done or (data is not None and data.startswith(b"[DONE]")):
            self.done = True
            self._shape = None
            return Kind.DONE
        if event.name == b"error":
            return self._fail(fault_named(data, parse_object(data or b"")))
        return self._read_data(data, now) if data else Kind.OTHER

    def _read_data(self, data: bytes, now: float) -> Kind:
        chunk = parse_object(data)
        if chunk is None:
            self._malformed = True
            return Kind.MALFORMED
        if fault := fault_in(chunk):
            return self._fail(fault)
        self.text_shape = shape_of(data, chunk)
        if self.text_shape is not None:
            self._shape = self.text_shape
            self.text_bytes += len(data) - self.text_shape.around  # as JSON has them, escapes and all
        else:
            self.text_bytes += sum(map(_text_bytes, objects_in(chunk.get("choices"))))
        self._note(chunk)
        return self._hear(chunk, now)

    def _fail(self, error: StreamError) -> Kind:
        self.error = self.error or error
        return Kind.ERROR

    def _note(self, chunk: dict[str, Any]) -> None:
        """Names are those of the first chunk that has them, figures those of the last."""
        self.id = self.id or _text(chunk.get("id"))
        self.model = self.model or _text(chunk.get("model"))
        self.usage = _object(chunk.get("usage")) or self.usage
        self.time_info = _object(chunk.get("time_info")) or self.time_info

    def _hear(self, chunk: dict[str, Any], now: float) -> Kind:
        choices = objects_in(chunk.get("choices"))
        if choices and self.first_delta_at is None:
            self.first_delta_at = now
        speaks = any(_speaks(choice) for choice in choices)
        if speaks:
            self._token(now)
        reasons = [self._finish(choice) for choice in choices]
        if "error" in reasons:
            return self._fail(fault_of_finish())
        if any(reasons):
            return Kind.FINISH
        if speaks:
            return _TOKEN
        return Kind.ROLE if says_nothing(chunk) else Kind.OTHER

    def _finish(self, choice: dict[str, Any]) -> str | None:
        index = choice.get("index")
        reason = _text(choice.get("finish_reason"))
        index = index if isinstance(index, int) else 0
        self._finish_reasons[index] = reason or self._finish_reasons.get(index)
        return reason

    def _token(self, now: float) -> None:
        last = self.last_token_at
        if last is None:
            self.first_token_at = now
        elif now - last > self.largest_gap:
            self.largest_gap = now - last
        self.last_token_at = now
        self.events += 1


def _speaks(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(value and name in _TOKEN_FIELDS for name, value in delta.items())


def _text_bytes(choice: dict[str, Any]) -> int:
    delta = _object(choice.get("delta")) or {}
    calls = [_object(each.get("function")) for each in objects_in(delta.get("tool_calls"))]
    arguments = [call.get("arguments") for call in (*calls, _object(delta.get("function_call"))) if call]
    said = [*(delta.get(name) for name in TEXT_FIELDS), delta.get("refusal"), *arguments]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in said if isinstance(text, str))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
