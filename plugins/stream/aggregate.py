"""The chunks of an answer as the one object a client that does not stream expects."""

from operator import itemgetter
from typing import Any

from plugins.stream.parse import join_text, objects_in, parse_object
from plugins.stream.shape import Shape, shape_of

_TEXTS = ("content", "reasoning", "reasoning_content", "refusal")
_LOGPROBS = ("logprobs", "reasoning_logprobs")


class Aggregate:
    """Takes the chunks of one answer in order."""

    __slots__ = ("_choices", "_fields", "_shape")

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._shape: Shape | None = None

    def add(self, data: bytes) -> None:
        """Takes an event's data. ValueError when it is not a chunk; [DONE] adds nothing."""
        shape = self._shape
        if shape is not None and (text := shape.text_in(data)):
            self._choices[shape.choice].say(shape.field, text)
            return
        if data.startswith(b"[DONE]"):
            return
        chunk = parse_object(data)
        if chunk is None:
            raise ValueError(f"a chunk must be a JSON object (was {data[:80]!r})")
        self._shape = shape_of(data, chunk) or self._shape
        self._take(chunk)

    def completion(self) -> dict[str, Any]:
        """The object so far. Fields we do not know are those of the last chunk that had them."""
        return {
            **self._fields,
            "object": "chat.completion",
            "choices": [self._choices[index].whole(index) for index in sorted(self._choices)],
        }

    def _take(self, chunk: dict[str, Any]) -> None:
        for name, value in chunk.items():
            if name != "choices" and value is not None:
                self._fields[name] = value
        for choice in objects_in(chunk.get("choices")):
            index = choice.get("index")
            index = index if isinstance(index, int) else 0
            self._choices.setdefault(index, _Choice()).take(choice)


class _Choice:
    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._logprobs: dict[str, dict[str, Any]] = {}
        self._calls = _Calls()
        self._function: _Call | None = None

    def say(self, field: str, text: str) -> None:
        self._texts.setdefault(field, []).append(text)

    def take(self, choice: dict[str, Any]) -> None:
        for name, value in choice.items():
            if name in _LOGPROBS and isinstance(value, dict):
                _extend(self._logprobs.setdefault(name, {}), value)
            elif name == "delta" and isinstance(value, dict):
                self._take_delta(value)
            elif name not in ("index", "delta") and value is not None:
                self._fields[name] = value

    def whole(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "message": self._whole_message(),
            "logprobs": None,
            "finish_reason": None,
            **self._fields,
            **self._logprobs,
        }

    def _take_delta(self, delta: dict[str, Any]) -> None:
        for name, value in delta.items():
            if name in _TEXTS and isinstance(value, str):
                self.say(name, value)
            elif name == "tool_calls":
                for call in objects_in(value):
                    self._calls.take(call)
            elif name == "function_call" and isinstance(value, dict):
                self._function = self._function or _Call()
                self._function.take({"function": value})
            elif value is not None:
                _extend(self._message, {name: value})

    def _whole_message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None, **self._message}
        message |= {field: join_text(parts) for field, parts in self._texts.items()}
        if calls := self._calls.whole():
            message["tool_calls"] = calls
            # OpenAI opens a stream with content "", yet its whole answer says null.
            message["content"] = message["content"] or None
        if self._function is not None:
            message["function_call"] = self._function.whole()["function"]
            message["content"] = message["content"] or None
        return message


class _Calls:
    """The tool calls of a choice, whole as Cerebras sends them or in fragments as OpenAI does."""

    def __init__(self) -> None:
        self._calls: list[tuple[int, _Call]] = []
        self._at: dict[int, _Call] = {}  # the call that a fragment with this index continues

    def take(self, fragment: dict[str, Any]) -> None:
        index = fragment.get("index")
        if not isinstance(index, int):
            index = 0
        call = self._at.get(index)
        if call is None or call.is_over_at(fragment):
            call = self._at[index] = _Call()
            self._calls.append((index, call))
        call.take(fragment)

    def whole(self) -> list[dict[str, Any]]:
        return [call.whole() for _, call in sorted(self._calls, key=itemgetter(0))]


class _Call:
    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._function: dict[str, Any] = {}
        self._arguments: list[str] = []

    def is_over_at(self, fragment: dict[str, Any]) -> bool:
        """Some providers number all their calls 0, or none. A second id with a name is a second call."""
        names = fragment.get("function")
        named = isinstance(names, dict) and bool(names.get("name"))
        return named and fragment.get("id") not in (None, "", self._fields.get("id"))

    def take(self, fragment: dict[str, Any]) -> None:
        for name, value in fragment.items():
            if name not in ("index", "function") and value is not None:
                self._fields.setdefault(name, value)
        function = fragment.get("function")
        for name, value in function.items() if isinstance(function, dict) else ():
            if name == "arguments" and isinstance(value, str):
                self._arguments.append(value)
            elif value:
                self._function.setdefault(name, value)

    def whole(self) -> dict[str, Any]:
        return {**self._fields, "function": {**self._function, "arguments": join_text(self._arguments)}}


def _extend(into: dict[str, Any], fields: dict[str, Any]) -> None:
    """Lists grow, everything else is replaced by what came last."""
    for name, value in fields.items():
        if isinstance(value, list) and isinstance(into.get(name), list):
            into[name].extend(value)
        elif value is not None or name not in into:
            into[name] = list(value) if isinstance(value, list) else value
