"""Requests, tokens and dollars of a run that has not begun: the most that is likely. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtests.plan.recorded import Request
from loadtests.plan.scenario import Ask, Scenario

FASTEST_ANSWER_SECONDS = 0.2  # no user of a closed loop asks faster than this
FASTEST_TOKENS_PER_S = 3000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Estimate:
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None  # None: the price of what is asked for is not known

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __str__(self) -> str:
        cost = "at an unknown price" if self.cost is None else f"about ${self.cost:,.2f} at list price"
        return (
            f"at most about {self.requests:,} requests, {self.prompt_tokens:,} prompt tokens and "
            f"{self.completion_tokens:,} completion tokens, {cost}"
        )


def estimate(
    scenario: Scenario, prompt_tokens: Sequence[float], replayed: Sequence[Request], prices: Mapping[str, Price]
) -> Estimate:
    """`prompt_tokens` are those of each ask, on average."""
    if scenario.arrival == "recorded":
        asked, told = (sum(getattr(each, name) for each in replayed) for name in ("prompt_tokens", "completion_tokens"))
        dearest = _dearest([each.model for each in replayed], prices)
        return Estimate(len(replayed), asked, told, _cost(asked, told, dearest))
    requests = _requests(scenario)
    shares = [ask.weight / sum(each.weight for each in scenario.asks) for ask in scenario.asks]
    prompt = sum(share * tokens for share, tokens in zip(shares, prompt_tokens, strict=True)) * requests
    completion = sum(share * ask.max_tokens for share, ask in zip(shares, scenario.asks, strict=True)) * requests
    dearest = _dearest([ask.model for ask in scenario.asks], prices)
    return Estimate(round(requests), round(prompt), round(completion), _cost(prompt, completion, dearest))


def _requests(scenario: Scenario) -> float:
    if scenario.is_open:
        return sum((stage.rate or 0) * stage.seconds for stage in scenario.stages)
    total = sum(ask.weight for ask in scenario.asks)
    answer = sum(ask.weight / total * _fastest(ask) for ask in scenario.asks) + scenario.think_seconds
    return sum((stage.users or 0) * stage.seconds for stage in scenario.stages) / answer


def _fastest(ask: Ask) -> float:
    return FASTEST_ANSWER_SECONDS + ask.max_tokens / FASTEST_TOKENS_PER_S


def _dearest(models: Sequence[str], prices: Mapping[str, Price]) -> Price | None:
    """A workload may be served by any of its models."""
    known = [prices[model] for model in models if model in prices] or list(prices.values())
    if not known:
        return None
    return Price(max(price.input for price in known), max(price.output for price in known))


def _cost(prompt: float, completion: float, price: Price | None) -> float | None:
    return None if price is None else (prompt * price.input + completion * price.output) / 1e6
