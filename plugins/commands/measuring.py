"""What `waferline doctor` finds out by calling a target: with the gateway's own pool, dialect and watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from plugins.commands.context import Loaded
from plugins.commands.examined import Examined, State
from plugins.policy.catalog import Row, find
from plugins.policy.routing import resolve
from plugins.policy.speed import Pace, pace_of_first_token, pace_of_rate, reference
from plugins.policy.targets import CEREBRAS, Address, Target
from plugins.telemetry.event import tokens_per_second
from plugins.telemetry.record import UNREACHED, Attempt, Fault, Record
from plugins.upstream.caller import AttemptFailedError, Caller, Mode, direct
from plugins.upstream.pool import Pool
from plugins.upstream.probe import UnreachableError, handshake
from plugins.upstream.warming import Warming

TOKENS = 128  # of one answer at most: enough to tell a rate, and a hundredth of a cent
PROMPT = "Count from 1 to 100 in words, separated by commas. Write nothing else."
FEW_TOKENS = 24  # fewer come in one packet or two, which says nothing about a rate

_LOOK = "look at: a preview or wrong endpoint, your rate limit, a proxy that buffers, connections that are not kept"
_PACES = {
    Pace.RIGHT: (State.OK, ""),
    Pace.DOUBTFUL: (State.WARN, f"measure again, then {_LOOK}"),
    Pace.WRONG: (State.BAD, _LOOK),
    Pace.BURST: (State.WARN, "something on the way buffers the stream: look for a proxy between here and the provider"),
    Pace.UNKNOWN: (State.NOTE, ""),
}


@dataclass(slots=True)
class Samples:
    """First-token times in milliseconds on new and on kept connections, and rates; what ended it early, if anything."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    failed: Attempt | None = None


async def connection(target: Target, address: Address) -> list[Examined]:
    """A new connection in its steps, then one of the pool's, warmed as the gateway does."""
    about = target.deployment
    try:
        steps = await handshake(address.url, time.monotonic)
    except UnreachableError as error:
        return [Examined(about, "connection", State.BAD, str(error), "check the address, and what lies between")]
    parts = [f"DNS {steps.dns_ms:.1f}", f"TCP {steps.tcp_ms:.1f}"]
    parts += [] if steps.tls_ms is None else [f"TLS {steps.tls_ms:.1f}"]
    figures = {"dns_ms": steps.dns_ms, "tcp_ms": steps.tcp_ms, "tls_ms": steps.tls_ms}
    opened = Examined(about, "connection", State.OK, f"{steps.total_ms:.1f} ms: {', '.join(parts)}", figures=figures)
    pool = Pool()
    warming = Warming(pool, [(target.provider, address)], time.monotonic, lambda: 1)
    await warming.begin()
    await pool.close()
    return [opened, *(_warmth(about, each) for each in warming.status().values())]


def _warmth(about: str, warmth: dict[str, Any]) -> Examined:
    if warmth["error"]:
        return Examined(
            about, "warming", State.BAD, f"no answer ({warmth['error']})", "check the address, and what lies between"
        )
    if warmth["status"] in (401, 403):
        return Examined(about, "warming", State.BAD, f"answered {warmth['status']}", "check the key")
    said = f"{warmth['warm_ms']:.1f} ms on a kept connection, {warmth['cold_ms']:.1f} ms on a new one"
    figures = {name: warmth[name] for name in ("cold_ms", "warm_ms", "status")}
    return Examined(about, "warming", State.OK, said, figures=figures)


async def samples(loaded: Loaded, target: Target, address: Address, number: int) -> Samples:
    """As many answers on new connections, each followed by one on the same connection."""
    taken = Samples()
    for _ in range(number):
        pool = Pool()
        try:
            for firsts in (taken.cold, taken.warm):
                attempt = await _ask(Caller(pool, time.monotonic), loaded, target, address)
                if attempt.watch.first_token_at is not None:
                    firsts.append((attempt.watch.first_token_at - attempt.started) * 1000)
                rate = _rate(attempt)
                taken.rates += [] if rate is None else [rate]
        except AttemptFailedError as failed:
            taken.failed = failed.attempt
            break
        finally:
            await pool.close()
    return taken


async def _ask(caller: Caller, loaded: Loaded, target: Target, address: Address) -> Attempt:
    record = Record("doctor", time.monotonic(), loaded.policies, "/v1/chat/completions")
    body: dict[str, Any] = {
        "model": target.model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_completion_tokens": TOKENS,
    }
    if target.provider == CEREBRAS and _reasons(_row(loaded, target)):
        body["reasoning_effort"] = "low"
    route = resolve(loaded.policies.routing, target.model)
    begun = await caller.call(record, route, direct(target, address), body, Mode.COLLECT)
    return begun.attempt


def _rate(attempt: Attempt) -> float | None:
    usage = attempt.watch.usage or {}
    tokens = usage.get("completion_tokens")
    return tokens_per_second(attempt.watch, usage) if isinstance(tokens, int) and tokens >= FEW_TOKENS else None


def told(loaded: Loaded, target: Target, taken: Samples) -> Iterator[Examined]:
    about, known = target.deployment, reference(_row(loaded, target))
    if taken.cold or taken.warm:
        figures = {"cold_ms": _median(taken.cold), "warm_ms": _median(taken.warm), "reference_ms": known.first_token_ms}
        first = _median(taken.warm) or _median(taken.cold) or 0.0
        parts = [f"{name} {median(some):.0f} ms" for name, some in (("cold", taken.cold), ("warm", taken.warm)) if some]
        state, cure = _PACES[pace_of_first_token(first, known.first_token_ms)]
        said = ", ".join(parts) + (f" (published: {known.first_token_ms:.0f} ms)" if known.first_token_ms else "")
        yield Examined(about, "first token", state, said, cure, figures)
    if taken.rates:
        rate = median(taken.rates)
        state, cure = _PACES[pace_of_rate(rate, known.tokens_per_s)]
        said = f"{rate:,.0f}" + (f" (published: {known.tokens_per_s:,.0f})" if known.tokens_per_s else "")
        yield Examined(
            about, "tokens/s", state, said, cure, {"tokens_per_s": rate, "reference_tokens_per_s": known.tokens_per_s}
        )
    if taken.failed is not None:
        yield _failure(about, taken.failed)


def _failure(about: str, attempt: Attempt) -> Examined:
    said = attempt.error.message if attempt.error else str(attempt.fault)
    status = attempt.status
    if status == 429:
        return Examined(about, "completion", State.WARN, "is at its rate limit", "wait a minute, or `--samples 1`")
    if status in (401, 403):
        return Examined(
            about, "completion", State.BAD, f"answered {status}, {said}", "check the key and what it may use"
        )
    if status == 404:
        cure = "check the model's id at this provider; `waferline catalog sync` lists Cerebras'"
        return Examined(about, "completion", State.BAD, f"answered 404, {said}", cure)
    if attempt.fault in UNREACHED | {Fault.FIRST_TOKEN_TIMEOUT}:
        cure = "check the address, and the deadlines of policies/routing.yaml"
        return Examined(about, "completion", State.BAD, f"gave no answer ({attempt.fault})", cure)
    what = f"answered {status}, {said}" if attempt.error else f"broke off ({attempt.fault})"
    return Examined(about, "completion", State.BAD, what, "see whether it stays; the provider's status page may know")


def _row(loaded: Loaded, target: Target) -> Row | None:
    """What Cerebras' model is said to do, Cerebras does; others serve the same weights as fast as they can."""
    found = find(loaded.policies.catalog, target.upstream_model) if target.provider == CEREBRAS else None
    return found[1] if found else None


def _reasons(row: Row | None) -> bool:
    return row is not None and bool(row.capabilities.reasoning)


def _median(values: list[float]) -> float | None:
    return round(median(values), 2) if values else None
