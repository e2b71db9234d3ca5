"""What became of a request. Pure.

The client's libraries look at the status and at the end of the transport; an answer is only whole here when it says so
itself, and says it about all of itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from loadtests.measure.reader import Heard
from loadtests.record.sample import Outcome

AT_ONCE_TOKENS = 250  # a tenth of a second of them; fewer may come in one piece from whoever waits for a core
AT_ONCE_SHARE = 0.8
FAST_TOKENS_PER_S = 3000
NOBODY_TOKENS_PER_S = 20_000  # an order of magnitude beyond the fastest provider
SHED_SECONDS = 0.2
OURS_SHED = "overloaded"
OURS_FAILED = frozenset({"upstream_unavailable", "target_not_configured"})  # a 503 that says the providers are down


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How the request went as HTTP."""

    status: int | None = None  # None: no answer at all
    trouble: str | None = None  # of the transport: refused, reset, cut, stall, timeout, tls, dns
    code: str | None = None  # of an error body
    seconds: float = 0.0
    streamed: bool = True  # as asked for
    most_tokens: int | None = None  # as asked for
    expected_models: Collection[str] = ()  # none: any will do
    late: float = 0.0  # seconds by which we ourselves were late meanwhile


def classify(exchange: Exchange, heard: Heard) -> tuple[Outcome, str | None]:
    """And why, where it is not whole."""
    if exchange.status is None:
        return Outcome.FAILED, exchange.trouble or "no answer"
    if exchange.status != 200:
        return _refused(exchange)
    if trouble := exchange.trouble or heard.error:
        return (Outcome.FAILED if heard.first is None else Outcome.BROKEN), trouble
    return _ended(exchange, heard)


def _refused(exchange: Exchange) -> tuple[Outcome, str]:
    status, code = exchange.status or 0, exchange.code
    reason = code or f"status {status}"
    if status == 429:
        return Outcome.LIMITED, reason
    if status == 503 and (code == OURS_SHED or (exchange.seconds < SHED_SECONDS and code not in OURS_FAILED)):
        return Outcome.SHED, reason
    if 400 <= status < 500:
        return Outcome.REFUSED, reason
    return Outcome.FAILED, reason


def _ended(exchange: Exchange, heard: Heard) -> tuple[Outcome, str | None]:
    short = f"finish 'length' at {heard.completion_tokens} of {exchange.most_tokens} tokens"
    checks = (
        (heard.whole, Outcome.TRUNCATED, "no finish reason"),
        (heard.first is not None, Outcome.EMPTY, "no word"),
        (heard.numbers_hold is not False, Outcome.TRUNCATED, "words are missing, twice or out of order"),
        (not _too_short(exchange, heard), Outcome.TRUNCATED, short),
        (fits(heard.model, exchange.expected_models), Outcome.WRONG_MODEL, f"{heard.model} answered"),
        (not (exchange.streamed and came_at_once(heard, exchange.late)), Outcome.BUFFERED, "it arrived at once"),
    )
    return next(((outcome, why) for fine, outcome, why in checks if not fine), (Outcome.WHOLE, None))


def _too_short(exchange: Exchange, heard: Heard) -> bool:
    told, most = heard.completion_tokens, exchange.most_tokens
    return heard.finish == "length" and told is not None and most is not None and told < most


def came_at_once(heard: Heard, late: float) -> bool:
    """Unless it may have waited for us."""
    tokens = heard.completion_tokens or heard.events
    if heard.first is None or heard.last is None or tokens - late * FAST_TOKENS_PER_S < AT_ONCE_TOKENS:
        return False
    return heard.first_events >= AT_ONCE_SHARE * heard.events or heard.last - heard.first < tokens / NOBODY_TOKENS_PER_S


def fits(served: str | None, expected: Collection[str]) -> bool:
    """A dated variant, or the name without its owner, is the model that was asked for."""
    if not expected or served is None:
        return True
    return any(served == name or served.startswith(f"{name}-2") or name.endswith(f"/{served}") for name in expected)
