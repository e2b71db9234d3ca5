"""What a target's rate limits leave of it: what its answers say, less what was sent since, plus what came back. Pure.

A provider keeps buckets that refill all the time. Of every request it reserves the prompt and the completion it may
need, and gives back what was not used once the answer has ended. So do we. An answer tells how its buckets stood when
its request was let in; whatever was sent after that request is taken off, in whatever order the answers arrive. A full
bucket loses what is returned to it, so what was taken comes off last: rather too little is left than too much. What
nobody told us, or told us long ago, keeps no request from being sent.

All of it is done for every request, so nothing here is done for every bucket that can be done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from plugins.circuit.facts import Rejected, Why
from plugins.circuit.written import duration
from plugins.policy.circuits import Allowance as Settings
from plugins.policy.size import Size

Fields = Iterable[tuple[bytes, bytes]]
Key = tuple[str, str]  # requests or tokens; minute, hour, day, or "" where a provider does not say
Told = list[float | None]  # limit, remaining, and the seconds to the reset

_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_LEARNT = 0.95  # the weight of what was learnt before, at each answer
_LEAST_FACTOR, _MOST_FACTOR = 0.25, 4.0  # nothing learnt makes an estimate smaller or larger than that
_LONGEST_NUMBER = 15  # digits that are exact as they are


def _names() -> dict[bytes, tuple[Key, int]]:
    return {
        f"x-ratelimit-{figure}-{kind}{'-' if per else ''}{per}".encode(): ((kind, per), number)
        for number, figure in enumerate(("limit", "remaining", "reset"))
        for kind in ("requests", "tokens")
        for per in (*_SECONDS, "")
        if figure != "reset" or not per  # a bucket that names its period needs none
    }


_NAMES = _names()


class Reservation:
    """What one request may take, and what had been taken when it was sent, itself included."""

    __slots__ = ("at", "let_in", "number", "prompt", "returned", "taken", "tokens")

    def __init__(self, number: int, at: float, prompt: int, tokens: int, taken: int, returned: int) -> None:
        self.number = number
        self.at = at
        self.prompt = prompt
        self.tokens = tokens
        self.taken = taken
        self.returned = returned
        self.let_in = False


class _Bucket:
    """What was left of it at some time, when so much had been returned."""

    __slots__ = ("at", "heard_at", "left", "limit", "rate", "returned", "tokens")

    def __init__(self, *, tokens: bool) -> None:
        self.tokens = tokens
        self.limit = self.left = self.rate = self.at = self.heard_at = 0.0
        self.returned = 0

    def left_at(self, now: float, returned: int) -> float:
        held = self.left + (now - self.at) * self.rate
        if self.tokens:
            held += returned - self.returned
        return held if held < self.limit else self.limit  # noqa: FURB136  min() takes longer


class Allowance:
    """Of one target."""

    def __init__(self, settings: Callable[[], Settings], *, reserves_unasked: bool) -> None:
        self._settings = settings
        self._reserves_unasked = reserves_unasked  # as Cerebras does for a request that sets no limit
        self._buckets: dict[Key, _Bucket] = {}
        self._taken = self._returned = 0  # tokens, since the beginning
        self._sent = 0  # requests, which are never returned
        self._heard = 0  # the number of the latest request whose answer told us something
        self._counted = self._estimated = 0.0
        self._factor = 1.0  # what this target counts, of what we estimate
        self._size: Size | None = None  # the latest that was asked about
        self._need = 0

    # ---- may it be sent ----------------------------------------------------------------------------------------

    def need(self, size: Size) -> int:
        """In tokens. A request is asked about more than once, one after the other."""
        if size is not self._size:
            asked = size.completion or 0
            if self._reserves_unasked:
                most = self._settings().completion_tokens
                asked = most if size.completion is None or asked > most else asked
            self._size, self._need = size, int(size.prompt * self._factor) + asked
        return self._need

    def rejection(self, size: Size | None, now: float) -> Rejected | None:
        """Why a request of this size should not be sent, with the seconds until it would fit."""
        if size is None or not self._buckets:
            return None
        settings = self._settings()
        if not settings.heeded:
            return None
        tokens, returned, least = self.need(size), self._returned, 0.0
        since, spared = now - settings.forgotten_after_seconds, settings.spare_ratio * 60
        for bucket in self._buckets.values():
            if bucket.heard_at < since:
                continue
            need = tokens if bucket.tokens else 1
            if need > bucket.limit:
                return Rejected(None, Why.TOO_LARGE)
            missing = need - bucket.left_at(now, returned) + min(spared * bucket.rate, bucket.limit - need)
            if missing > 0:
                least = max(least, missing / bucket.rate)
        return Rejected(least, Why.ALLOWANCE) if least else None

    def forget(self) -> None:
        """All that was told, so that it is found out anew."""
        self._buckets.clear()

    # ---- it was sent -------------------------------------------------------------------------------------------

    def reserve(self, size: Size | None, now: float) -> Reservation:
        prompt, tokens = (0, 0) if size is None else (size.prompt, self.need(size))
        self._sent += 1
        self._taken += tokens
        for bucket in self._buckets.values():
            bucket.left = bucket.left_at(now, self._returned) - (tokens if bucket.tokens else 1)
            bucket.at, bucket.returned = now, self._returned
        return Reservation(self._sent, now, prompt, tokens, self._taken, self._returned)

    def hear(self, reservation: Reservation, fields: Fields, now: float, *, let_in: bool) -> None:
        """`let_in`: the provider took the request, so that what it says is left is without what that one may need."""
        reservation.let_in = let_in
        if reservation.number < self._heard:
            return  # a later request has told how it was after this one
        for key, (limit, left, reset) in _told(fields).items():
            if limit is None or left is None or limit < 1:
                continue
            self._heard = reservation.number
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = _Bucket(tokens=key[0] == "tokens")
            bucket.limit, bucket.rate, bucket.left = limit, _rate(key[1], limit, left, reset), left
            bucket.at, bucket.returned = reservation.at, reservation.returned
            since = self._taken - reservation.taken if bucket.tokens else self._sent - reservation.number
            bucket.left = bucket.left_at(now, self._returned) - since
            bucket.at, bucket.returned, bucket.heard_at = now, self._returned, now

    def settle(self, reservation: Reservation, usage: dict[str, Any] | None, *, nothing: bool) -> None:
        """How it ended: `nothing` was used, or this much; without a word, as much as was reserved."""
        if nothing:
            self._take_back(reservation)
            return
        prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
        if prompt is None or completion is None:
            return
        self._learn(reservation.prompt, prompt)
        self._give_back(reservation.tokens - prompt - completion)

    def _take_back(self, reservation: Reservation) -> None:
        """Where it was never let in, nothing was taken there, as those sent after it have told or will tell."""
        if reservation.let_in:
            self._give_back(reservation.tokens)
        elif reservation.number > self._heard:
            for bucket in self._buckets.values():
                bucket.left += reservation.tokens if bucket.tokens else 1

    def _give_back(self, tokens: int) -> None:
        if tokens >= 0:
            self._returned += tokens
        else:  # it used more than was expected
            self._taken -= tokens
            for bucket in self._buckets.values():
                bucket.left += tokens if bucket.tokens else 0

    def _learn(self, estimated: int, counted: int) -> None:
        if estimated:
            self._estimated = self._estimated * _LEARNT + estimated
            self._counted = self._counted * _LEARNT + counted
            self._factor = min(max(self._counted / self._estimated, _LEAST_FACTOR), _MOST_FACTOR)

    def snapshot(self, now: float) -> list[dict[str, Any]]:
        """What is left of each limit, as far as that is known."""
        since = now - self._settings().forgotten_after_seconds
        return [
            {
                "of": kind,
                "per": per or None,
                "limit": round(bucket.limit),
                "left": max(0, int(bucket.left_at(now, self._returned))),
            }
            for (kind, per), bucket in self._buckets.items()
            if bucket.heard_at >= since
        ]


def _told(fields: Fields) -> dict[Key, Told]:
    found: dict[Key, Told] = {}
    for name, value in fields:
        known = _NAMES.get(name)
        if known is None:
            if not name.startswith(b"X-R"):  # as Go writes it
                continue
            known = _NAMES.get(name.lower())
            if known is None:
                continue
        key, figure = known
        told = found.get(key)
        if told is None:
            told = found[key] = [None, None, None]
        plain = value.isdigit() and len(value) <= _LONGEST_NUMBER
        told[figure] = float(value) if plain else duration(value.decode("latin-1"))
    return found


def _rate(per: str, limit: float, left: float, reset: float | None) -> float:
    """What comes back each second. Where no period is named, the reset tells how long the rest takes to come back."""
    if per:
        return limit / _SECONDS[per]
    if reset and left < limit:
        return max((limit - left) / reset, limit / _SECONDS["day"])
    return limit / _SECONDS["minute"]


def _count(usage: dict[str, Any] | None, name: str) -> int | None:
    """Providers write this, so it may be anything."""
    value = usage.get(name) if usage else None
    return value if isinstance(value, int) and 0 <= value < 10**9 else None
