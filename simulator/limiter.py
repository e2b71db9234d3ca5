"""Token buckets with continuous refill, per key and model. Pure: time is an argument.

A request takes one from every request bucket and reserves its prompt and the completion it might need from every
token bucket. What it did not use comes back when it has ended.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["requests", "tokens"]
PER_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass(frozen=True, slots=True)
class Limit:
    kind: Kind
    per: str  # minute, hour or day
    amount: int
    bucket: Literal["total", "uncached"] = "total"

    @property
    def refill(self) -> float:
        """What comes back each second."""
        return self.amount / PER_SECONDS[self.per]


@dataclass(slots=True)
class Bucket:
    limit: Limit
    level: float
    at: float

    def available(self, now: float) -> float:
        return min(self.limit.amount, self.level + (now - self.at) * self.limit.refill)

    def take(self, amount: float, now: float) -> None:
        self.level, self.at = self.available(now) - amount, now


@dataclass(frozen=True, slots=True)
class Need:
    """What a request reserves, or what it used in the end."""

    prompt: int
    cached: int
    completion: int

    def of(self, limit: Limit) -> int:
        if limit.kind == "requests":
            return 1
        spent = self.prompt + self.completion
        return spent - self.cached if limit.bucket == "uncached" else spent


@dataclass(frozen=True, slots=True)
class Refused:
    limit: Limit
    seconds: float  # until the bucket holds enough, were nobody else to take from it


@dataclass(frozen=True, slots=True)
class Permit:
    account: tuple[str, str]
    need: Need


@dataclass(slots=True)
class Limiter:
    """`limits` are enforced; an account is opened at its first request, with full buckets."""

    _accounts: dict[tuple[str, str], list[Bucket]] = field(default_factory=dict)

    def admit(self, account: tuple[str, str], limits: tuple[Limit, ...], need: Need, now: float) -> Permit | Refused:
        buckets = self._buckets(account, limits, now)
        for bucket in buckets:
            missing = need.of(bucket.limit) - bucket.available(now)
            if missing > 0:
                return Refused(
                    bucket.limit,
                    missing / bucket.limit.refill if bucket.limit.amount else PER_SECONDS[bucket.limit.per],
                )
        for bucket in buckets:
            bucket.take(need.of(bucket.limit), now)
        return Permit(account, need)

    def settle(self, permit: Permit, used: Need, now: float) -> None:
        """Corrects the reservation. More than reserved leaves a debt, as a bucket may go below nothing."""
        for bucket in self._accounts.get(permit.account, ()):
            if bucket.limit.kind == "tokens":
                bucket.take(used.of(bucket.limit) - permit.need.of(bucket.limit), now)

    def remaining(self, account: tuple[str, str], limits: tuple[Limit, ...], now: float) -> list[tuple[Limit, float]]:
        return [(bucket.limit, bucket.available(now)) for bucket in self._buckets(account, limits, now)]

    def forget(self) -> None:
        self._accounts.clear()

    def _buckets(self, account: tuple[str, str], limits: tuple[Limit, ...], now: float) -> list[Bucket]:
        """Limits may be turned while running; buckets whose limit is the same keep their level."""
        kept = {bucket.limit: bucket for bucket in self._accounts.get(account, ())}
        buckets = [kept.get(limit) or Bucket(limit, limit.amount, now) for limit in limits]
        self._accounts[account] = buckets
        return buckets


def reservation(prompt: int, cached: int, asked: int | None, cap: int) -> Need:
    """Completion tokens are reserved as asked up to the cap, and the cap itself when the client set no limit."""
    return Need(prompt, cached, cap if asked is None else min(asked, cap))


def reset_seconds(limit: Limit, available: float, until: str) -> float:
    """Seconds to a full bucket, or to one that can serve again."""
    if not limit.amount:
        return PER_SECONDS[limit.per]
    wanted = limit.amount if until == "full" else min(1.0, limit.amount)
    return max(0.0, (wanted - available) / limit.refill)
