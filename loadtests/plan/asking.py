"""What the next request is, and its body. Pure: chance is seeded."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.plan.prompts import Prompt, made_up
from loadtests.plan.recorded import Request
from loadtests.plan.scenario import Ask, Compare, Scenario

SIZE_FIELDS = frozenset({"max_tokens", "max_completion_tokens"})


@dataclass(frozen=True, slots=True)
class Question:
    """One request, wherever it goes."""

    model: str
    body: dict[str, Any]
    streamed: bool
    most_tokens: int | None
    expect: Sequence[str]

    def to(self, compare: Compare) -> Question:
        """The same of the provider itself."""
        body = {**self.body, "model": compare.model, **compare.parameters}
        return Question(self.model, body, self.streamed, self.most_tokens, (compare.model,))


class Chooser:
    """Of one process: asks by their weight, own prompts in turn, made-up ones never twice."""

    def __init__(
        self, scenario: Scenario, own_prompts: Mapping[str, Sequence[Prompt]], process: int, run: str = ""
    ) -> None:
        self._scenario = scenario
        self._own = own_prompts
        self._seed = scenario.seed * 1_000_003 + process
        self._chance = random.Random(self._seed)  # noqa: S311  it guards nothing
        self._weights = [ask.weight for ask in scenario.asks]
        self._number = 0
        self._run = run
        self._turn = dict.fromkeys(own_prompts, process)

    def next(self) -> Question:
        (ask,) = self._chance.choices(self._scenario.asks, self._weights)
        return question(ask, self._prompt(ask))

    def replay(self, request: Request) -> Question:
        ask = Ask(
            model=request.model,
            max_tokens=request.completion_tokens,
            prompt_tokens=max(request.prompt_tokens, 1),
            stream=request.stream,
        )
        return question(ask, self._prompt(ask))

    def _prompt(self, ask: Ask) -> Prompt:
        self._number += 1
        if ask.prompts is None:
            return made_up(ask.prompt_tokens, self._number, self._seed, self._run)
        own = self._own[ask.prompts]
        self._turn[ask.prompts] += 1
        return own[self._turn[ask.prompts] % len(own)]


def question(ask: Ask, prompt: Prompt) -> Question:
    most = prompt.max_tokens or ask.max_tokens
    body: dict[str, Any] = {"model": ask.model, "messages": prompt.messages, **prompt.more}
    if ask.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if not SIZE_FIELDS & ask.parameters.keys():
        body["max_completion_tokens"] = most
    body |= ask.parameters
    return Question(ask.model, body, ask.stream, most, ask.expect)
