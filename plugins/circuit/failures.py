"""What an attempt says about its target: failed, slow, at its limit, misconfigured by us, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from plugins.circuit.facts import Finding, Origin, Result
from plugins.circuit.written import duration, number
from plugins.telemetry.record import UNREACHED, Attempt, Fault, Outcome

Header = Callable[[bytes], str | None]  # of an answer, by its name in lower case

NOTHING = Finding(Result.NOTHING)
SPOKE = Finding(Result.SUCCESS)
_CONFIG = frozenset({401, 402, 403, 404})
_CLIENTS = frozenset({400, 409, 413, 415, 422})

_QUEUE = "queue_exceeded"  # the provider is busy; no quota of ours is used up
_KINDS = {"token_quota_exceeded": ("tokens",), "request_quota_exceeded": ("requests",), _QUEUE: ()}
_EVERY_KIND = ("tokens", "requests")
QUOTAS = frozenset({"token_quota_exceeded", "request_quota_exceeded"})
_BY_DAY = ("hour", "day")


def before_first_token(attempt: Attempt) -> Finding:
    """Of an attempt that ended without a token."""
    if attempt.outcome is Outcome.CLIENT_GONE or attempt.fault is Fault.REQUEST_TIMEOUT:
        return NOTHING  # others had used up the request's time
    status, code = _refusal(attempt)
    if status is not None:
        if status == 429:
            return Finding(Result.CAPACITY, code or "429", attempt.retry_after, attempt.limit_by_day)
        if status in _CONFIG:
            return Finding(Result.MISCONFIGURED, f"{status} {code}" if code else str(status))
        if status in _CLIENTS:
            return NOTHING
        return Finding(Result.FAILURE, str(status))
    # A certificate does not mend itself within seconds, and nobody may be asked not to look at it.
    result = Result.MISCONFIGURED if attempt.fault is Fault.TLS else Result.FAILURE
    origin = Origin.PATH if attempt.fault in UNREACHED else Origin.PROVIDER
    return Finding(result, str(attempt.fault), origin=origin)


def lost_race(attempt: Attempt, *, lagged: bool) -> Finding:
    """Called off before its first token. One that was so late that another had to start is slow: otherwise hedging
    would hide from its circuit that a target is dead."""
    return NOTHING if attempt.is_hedge or lagged else Finding(Result.SLOW)


def _refusal(attempt: Attempt) -> tuple[int | None, str | None]:
    """The status and code in which the provider said no, if it said anything."""
    told = attempt.watch.error
    if attempt.fault is Fault.ERROR_EVENT and told is not None:
        return told.meant_status, told.code if told.code in _KINDS else None  # it may be anything, and is told on
    if attempt.fault is Fault.HTTP_STATUS:
        return attempt.status, attempt.error.code if attempt.error else None
    return None, None


def at_first_token(ttft: float | None, slow_after: float, *, lagged: bool) -> Finding:
    """No time: it spoke all at once, and nobody can say when it began. `lagged`: our own process was late meanwhile."""
    slow = ttft is not None and ttft > slow_after and not lagged
    return Finding(Result.SLOW if slow else Result.SUCCESS)


def wait(header: Header, code: str | None, now: datetime, fits_after: float | None = None) -> tuple[float | None, bool]:
    """How long a 429 asks to be left alone, and whether what is used up counts by the hour or day.

    `fits_after`: the seconds until there is enough for this request, where something is left, but less than it wanted.
    """
    told = [seconds for seconds in (_retry_after(header, now), _milliseconds(header(b"retry-after-ms"))) if seconds]
    used_up = [(per, seconds) for per, seconds in _used_up(header, code, fits_after) if seconds]
    by_day = any(per in _BY_DAY for per, _ in used_up)
    return max([*told, *(seconds for _, seconds in used_up)], default=None), by_day


def _used_up(header: Header, code: str | None, fits_after: float | None) -> list[tuple[str, float | None]]:
    """The buckets that have nothing left, with the time to their reset; else the one that the error names."""
    kinds = _KINDS.get(code or "", _EVERY_KIND)
    found: list[tuple[str, float | None]] = []
    for kind in kinds:
        found += [
            (per[1:], duration(header(f"x-ratelimit-reset-{kind}{per}".encode())))
            for per in ("-minute", "-hour", "-day", "")
            if number(header(f"x-ratelimit-remaining-{kind}{per}".encode())) == 0
        ]
    if not found and fits_after is not None:
        return [("minute", fits_after)]
    if not found and code in _KINDS:  # something is left, but less than the request wanted
        found = [("minute", duration(header(f"x-ratelimit-reset-{kind}-minute".encode()))) for kind in kinds]
    return found


def _retry_after(header: Header, now: datetime) -> float | None:
    text = header(b"retry-after")
    seconds = number(text)
    if seconds is not None or not text:
        return seconds
    until, there = _date(text), _date(header(b"date") or "")
    # By the provider's own clock, where it tells it: ours may be another.
    return None if until is None else max(0.0, (until - (there or now)).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _milliseconds(text: str | None) -> float | None:
    found = number(text)
    return None if found is None else found / 1000
