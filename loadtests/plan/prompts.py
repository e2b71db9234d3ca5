"""Own prompts, one JSON object per line, and made-up ones of a given size. Pure.

Three forms: {"prompt": "..."}; {"messages": [...]} with "tools" where there are some; as ShareGPT writes it,
{"conversations": [{"from": "human", "value": "..."}, ...]}. A conversation is asked turn by turn, with the answers that
were written down.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

_STRIDE = 7919  # a prime
CHARACTERS_PER_TOKEN = 4  # near enough for plans; what was used is told by the answers
_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
_SIZE_FIELDS = ("max_tokens", "max_completion_tokens")
_KNOWN = frozenset({"messages", "tools", "tool_choice", "prompt", "conversations", "id", *_SIZE_FIELDS})
_WORDS = (
    "wafer token signal river answer question model city garden letter window music engine number reason story morning "
    "winter market teacher pilot doctor reads carries finds keeps builds moves turns follows holds gives makes quick "
    "quiet bright early narrow simple steady because while before after under across between and or but then never"
).split()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request, but for its model and its bounds."""

    messages: list[dict[str, Any]]
    more: dict[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None

    @property
    def tokens(self) -> int:
        return max(1, len(orjson.dumps([self.messages, self.more])) // CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a line, and what cures it."""

    line: int
    what: str
    cure: str


def parse(text: str) -> tuple[list[Prompt], list[Flaw]]:
    prompts: list[Prompt] = []
    flaws: list[Flaw] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            prompts += _prompts(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            flaws.append(Flaw(number, f"is not JSON, {error.msg}", "one JSON object per line"))
        except _FlawError as error:
            flaws.append(Flaw(number, *error.args))
    if not prompts and not flaws:
        flaws.append(Flaw(1, "holds no prompt", 'add a line such as {"prompt": "Say hello."}'))
    return prompts, flaws


def made_up(tokens: int, number: int, seed: int, run: str = "") -> Prompt:
    """Each differs from all others, those of other runs too, from its first word on: no provider's cache answers."""
    opening = f"Question {zlib.crc32(f'{run}/{seed}/{number}'.encode()):08x}{number:x}: "
    left = max(tokens * CHARACTERS_PER_TOKEN - len(opening), 1)
    words = _words(seed)
    start = number * _STRIDE % len(words)
    text = words[start : start + left]
    text += words * ((left - len(text)) // len(words) + 1) if len(text) < left else ""
    return Prompt([{"role": "user", "content": opening + text[:left]}])


@lru_cache(maxsize=4)
def _words(seed: int) -> str:
    """Made once: putting a long prompt together word by word would keep all streams waiting."""
    return " ".join(random.Random(seed).choices(_WORDS, k=20_000))  # noqa: S311  it guards nothing


class _FlawError(ValueError):
    """What is wrong, and the cure."""


def _prompts(row: object) -> Iterator[Prompt]:
    if not isinstance(row, dict):
        raise _FlawError("must be a JSON object", 'such as {"prompt": "Say hello."}')
    unknown = sorted(row.keys() - _KNOWN)
    forms = [name for name in ("messages", "prompt", "conversations") if name in row]
    if unknown:
        raise _FlawError(f"has the unknown key {unknown[0]!r}", f"remove it; known are {', '.join(sorted(_KNOWN))}")
    if len(forms) != 1:
        raise _FlawError("needs one of messages, prompt or conversations", "keep one of them")
    size = next((row[name] for name in _SIZE_FIELDS if name in row), None)
    if size is not None and not (type(size) is int and size > 0):
        raise _FlawError(f"has the size {size!r}", "max_tokens is a whole number above 0")
    more = {name: row[name] for name in ("tools", "tool_choice") if name in row}
    for messages in _turns(_messages(row, forms[0])):
        yield Prompt(messages, more, size)


def _messages(row: dict[str, Any], form: str) -> list[dict[str, Any]]:
    given = row[form]
    if form == "prompt":
        if not isinstance(given, str) or not given:
            raise _FlawError("has a prompt that is not text", 'such as {"prompt": "Say hello."}')
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given or not all(isinstance(each, dict) for each in given):
        raise _FlawError(f"has {form} that are no list of objects", "see loadtests/README.md for the forms")
    messages = [_shared(each) for each in given] if form == "conversations" else given
    strange = next((each for each in messages if not isinstance(each.get("role"), str)), None)
    if strange is not None:
        raise _FlawError("has a message without a role", 'such as {"role": "user", "content": "Hello"}')
    if all(each["role"] != "user" for each in messages):
        raise _FlawError("has no message of a user", "add one")
    return messages


def _shared(turn: dict[str, Any]) -> dict[str, Any]:
    role = _ROLES.get(str(turn.get("from")))
    if role is None or not isinstance(turn.get("value"), str):
        raise _FlawError(f"has a turn from {turn.get('from')!r}", 'such as {"from": "human", "value": "Hello"}')
    return {"role": role, "content": turn["value"]}


def _turns(messages: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What stands before each answer that was written down, and all of it when it does not end with one."""
    asked = False
    for index, message in enumerate(messages):
        if message["role"] == "assistant" and asked:
            yield list(messages[:index])
        asked = message["role"] in ("user", "tool")
    if asked:
        yield list(messages)
