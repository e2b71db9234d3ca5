"""What to answer a request with: how many tokens, reasoning or not, text or tool calls. Pure."""

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import Any, Literal

from simulator.catalog import Model
from simulator.knobs import Knobs
from simulator.schema import smallest
from simulator.text import SILENCE, Passage, first_tokens, passage_of, quoted, reel

REASONING_TOKENS = {"low": 8, "medium": 16, "high": 32}
CACHE_BLOCK = 128
HUGE_BYTES = 2 * 1024 * 1024
VARIANTS = 64


@dataclass(frozen=True, slots=True)
class Usage:
    prompt: int
    completion: int
    reasoning: int
    cached: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    id: str
    name: str
    arguments: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Choice:
    unseen: int  # reasoning tokens that take time and are never shown
    reasoning: Passage
    content: Passage
    calls: tuple[ToolCall, ...]
    finish: Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Answer:
    id: str
    created: float
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    show_usage: bool
    first_token: float
    pace: float
    service_tier: str | None

    @property
    def fingerprint(self) -> str:
        return "fp_" + hashlib.sha256(self.model.encode()).hexdigest()[:20]

    @property
    def longest(self) -> int:
        """Tokens of the choice that takes longest; choices are spoken side by side."""
        return self.usage.completion // len(self.choices)


def compose(
    body: dict[str, Any], knobs: Knobs, model: Model, identity: str, created: float, show_usage: bool
) -> Answer:
    """The answer to a valid body. `identity` is 32 hex digits that tell this answer from all others."""
    count = body.get("n") or 1
    variant = _variant(body, knobs.seed)
    choices = tuple(_choice(body, knobs, model, identity, (variant + index) % VARIANTS) for index in range(count))
    prompt = prompt_tokens(body)
    usage = Usage(
        prompt=prompt,
        completion=sum(_tokens(choice) for choice in choices),
        reasoning=sum(choice.unseen + choice.reasoning.tokens for choice in choices),
        cached=cached_tokens(prompt, knobs.cached_share),
    )
    return Answer(
        id=f"chatcmpl-{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:]}",
        created=created,
        model="llama3.1-8b" if knobs.fault == "wrong_model" else model.id,
        choices=choices,
        usage=usage,
        show_usage=show_usage and knobs.fault != "no_usage",
        first_token=knobs.first_token,
        pace=knobs.pace,
        service_tier="default" if body.get("service_tier") == "auto" else None,
    )


def prompt_tokens(body: dict[str, Any]) -> int:
    """Four characters are a token; close enough for limits, and a test can compute it."""
    return max(1, (_characters(body.get("messages")) + _characters(body.get("tools"))) // 4)


def max_tokens(body: dict[str, Any]) -> int | None:
    """The limit the client set; -1 means the model's."""
    asked = body.get("max_completion_tokens", body.get("max_tokens"))
    return asked if isinstance(asked, int) and asked >= 0 else None


def cached_tokens(prompt: int, share: float) -> int:
    return int(prompt * share) // CACHE_BLOCK * CACHE_BLOCK


def _tokens(choice: Choice) -> int:
    calls = sum(call.tokens for call in choice.calls)
    return choice.unseen + choice.reasoning.tokens + choice.content.tokens + calls


def _choice(body: dict[str, Any], knobs: Knobs, model: Model, identity: str, variant: int) -> Choice:
    calls = _calls(body, knobs, identity)
    limit = max_tokens(body)
    total = knobs.tokens if limit is None else min(limit, knobs.tokens)
    thinking = min(_reasoning_tokens(body, knobs, model), total)
    unseen, reasoning, before = _shown(body.get("reasoning_format"), thinking, knobs, variant)
    if calls:
        return Choice(unseen, reasoning, before, calls, "tool_calls")
    content = _joined(before, _content(body, knobs, total - thinking, variant))
    cut = limit is not None and limit < knobs.tokens and content.tokens + thinking >= limit
    return Choice(unseen, reasoning, content, (), "length" if cut else "stop")


def _reasoning_tokens(body: dict[str, Any], knobs: Knobs, model: Model) -> int:
    effort = body.get("reasoning_effort")
    off = model.reasoning == "never" or (
        model.reasoning == "optional" and (effort == "none" or body.get("disable_reasoning"))
    )
    if off:
        return 0
    usual = REASONING_TOKENS.get(str(effort), REASONING_TOKENS["medium"])
    asked = usual if knobs.reasoning_tokens is None else knobs.reasoning_tokens
    return min(asked, knobs.tokens // 2)


def _shown(how: object, tokens: int, knobs: Knobs, variant: int) -> tuple[int, Passage, Passage]:
    """Reasoning as unseen tokens, as reasoning, or as content in think tags."""
    if not tokens or how == "hidden":
        return tokens, SILENCE, SILENCE
    words = reel("prose", variant + VARIANTS, knobs.tokens_per_event).passage(tokens)
    if how != "raw":
        return 0, words, SILENCE
    tagged = [quoted("<think>"), *words.pieces, quoted("</think>")]
    return 0, SILENCE, Passage(tagged, [0, *words.sizes, 0])


def _content(body: dict[str, Any], knobs: Knobs, tokens: int, variant: int) -> Passage:
    form = body.get("response_format") or {}
    if form.get("type") in ("json_object", "json_schema"):
        schema = (form.get("json_schema") or {}).get("schema")
        value = smallest(schema) if schema else {"answer": "wafer"}
        return first_tokens(passage_of(json.dumps(value), knobs.tokens_per_event, variant), tokens)
    # Numbered text starts at w0001 whatever the prompt, and is the same for all, so that an oracle needs no seed.
    kind = "unicode" if knobs.fault == "split_utf8" and knobs.text == "prose" else knobs.text
    strip = reel(kind, 0 if kind == "numbered" else variant, knobs.tokens_per_event)
    boundary = knobs.after if knobs.fault != "none" else 0
    words = strip.passage(tokens, boundary)
    if knobs.fault != "huge":
        return words
    # One token for the clock: what is tested is a long line, not a long wait for it.
    giant = Passage([quoted("x" * HUGE_BYTES)], [1])
    before = strip.passage(min(boundary, tokens))
    return _joined(
        _joined(before, giant), Passage(words.pieces[len(before.pieces) :], words.sizes[len(before.pieces) :])
    )


def _calls(body: dict[str, Any], knobs: Knobs, identity: str) -> tuple[ToolCall, ...]:
    """Calls of the offered tools in turn; after a tool's result the model talks again, or an agent would never end."""
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    forced = choice == "required" or isinstance(choice, dict)
    answered = (body["messages"][-1:] or [{}])[0].get("role") == "tool"
    if not tools or choice == "none" or not knobs.tool_calls or (answered and not forced):
        return ()
    functions = [tool["function"] for tool in tools]
    if isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        functions = [function for function in functions if function["name"] == wanted] or functions
    count = 1 if body.get("parallel_tool_calls") is False else knobs.tool_calls
    return tuple(_call(functions[index % len(functions)], identity, index) for index in range(count))


def _call(function: dict[str, Any], identity: str, index: int) -> ToolCall:
    arguments = json.dumps(smallest(function.get("parameters") or {"type": "object"}) or {}, separators=(",", ":"))
    digits = hashlib.sha256(f"{identity}/{index}".encode()).hexdigest()[:9]
    return ToolCall(digits, function["name"], arguments, max(1, (len(function["name"]) + len(arguments)) // 4))


def _characters(value: object) -> int:
    if isinstance(value, str):
        return 0 if value.startswith("data:") else len(value)
    if isinstance(value, dict):
        return sum(_characters(child) for child in value.values())
    return sum(_characters(child) for child in value) if isinstance(value, list) else 0


def _variant(body: dict[str, Any], seed: int) -> int:
    said = str((body["messages"][-1:] or [{}])[0].get("content"))
    return (zlib.crc32(said.encode(errors="replace")) + seed) % VARIANTS


def _joined(left: Passage, right: Passage) -> Passage:
    return Passage(left.pieces + right.pieces, left.sizes + right.sizes)
