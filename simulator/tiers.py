"""The published numbers per tier and model, and the headers that tell of them."""

from collections.abc import Iterable

from simulator.knobs import Knobs
from simulator.limiter import Limit, reset_seconds

USUAL_RESET = "11.382867097854614"  # as captured: a bare float of seconds
# (requests per minute, uncached tokens per minute, total tokens per minute)
_DEVELOPER = {"gpt-oss-120b": (1000, 1_000_000, 3_000_000), "qwen-3.8-27b": (300, 150_000, 750_000)}
_DEVELOPER_OTHER = (500, 500_000, 1_500_000)
_FREE = (5, 30_000, 90_000)
_FREE_LONG = (Limit("tokens", "hour", 1_000_000), Limit("tokens", "day", 1_000_000))
# Nothing is enforced on the unlimited tier, and nobody who believes its headers ever waits.
_SHOWN = {
    ("requests", "minute"): 1_000_000,
    ("requests", "hour"): 60_000_000,
    ("requests", "day"): 1_440_000_000,
    ("tokens", "minute"): 10_000_000_000,
    ("tokens", "hour"): 600_000_000_000,
    ("tokens", "day"): 14_400_000_000_000,
}


def limits(model: str, knobs: Knobs) -> tuple[Limit, ...]:
    """What is enforced for this model, requests first, as they are the cheaper thing to check."""
    rpm, tpm, total = _minute(model, knobs)
    enforced = [
        Limit("requests", "minute", rpm) if rpm is not None else None,
        Limit("tokens", "minute", tpm, "uncached") if tpm is not None else None,
        Limit("tokens", "minute", total, "total") if total is not None else None,
    ]
    return tuple(limit for limit in enforced if limit) + (_FREE_LONG if knobs.tier == "free" else ())


def headers(state: Iterable[tuple[Limit, float]], knobs: Knobs, spent: int) -> dict[str, str]:
    """x-ratelimit-*; where nothing is enforced, as if this request were the account's only one."""
    shown = {key: (float(amount), amount, 60.0) for key, amount in _SHOWN.items()}
    told = {
        key: (left - (spent if key[0] == "tokens" else 1), amount, reset)
        for key, (left, amount, reset) in shown.items()
    }
    for limit, available in state:
        if limit.kind == "tokens" and limit.per == "minute" and limit.bucket != knobs.token_header:
            continue
        told[limit.kind, limit.per] = (available, limit.amount, reset_seconds(limit, available, knobs.time_to_reset))
    return _written(told)


def exhausted(told: dict[str, str], code: str | None, reset: str | None) -> dict[str, str]:
    """Headers of a 429 that no bucket caused: the bucket it blames is empty, and resets as the fault wants."""
    kind = {"token_quota_exceeded": "tokens", "request_quota_exceeded": "requests"}.get(str(code))
    if kind is None:
        return told
    blamed = {f"x-ratelimit-remaining-{kind}-minute": "0", f"x-ratelimit-reset-{kind}-minute": reset or USUAL_RESET}
    return {**told, **blamed}


def _written(told: dict[tuple[str, str], tuple[float, int, float]]) -> dict[str, str]:
    lines: dict[str, str] = {}
    for (kind, per), (left, amount, reset) in told.items():
        lines[f"x-ratelimit-limit-{kind}-{per}"] = str(amount)
        lines[f"x-ratelimit-remaining-{kind}-{per}"] = str(max(0, int(left)))
        lines[f"x-ratelimit-reset-{kind}-{per}"] = repr(reset)
    return lines


def _minute(model: str, knobs: Knobs) -> tuple[int | None, int | None, int | None]:
    published: tuple[int | None, int | None, int | None] = (None, None, None)
    if knobs.tier == "free":
        published = _FREE
    elif knobs.tier == "developer":
        published = _DEVELOPER.get(model, _DEVELOPER_OTHER)
    rpm = published[0] if knobs.rpm is None else knobs.rpm
    tpm = published[1] if knobs.tpm is None else knobs.tpm
    tripled = published[2] if knobs.tpm is None else 3 * knobs.tpm
    return rpm, tpm, tripled if knobs.total_tpm is None else knobs.total_tpm
