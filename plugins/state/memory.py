"""A store within one process: what a store promises, said in Python. exchange.lua is the same for Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from plugins.state.store import CLOSED, PROBED, Answer, Change, Known, StoreError, Terms, Told


@dataclass(slots=True)
class _Record:
    """What is known of one target, in milliseconds of the store's clock."""

    epoch: int = 0
    state: str = CLOSED
    opens: int = 0  # again: the end of the open time
    ejections: int = 0
    successes: int = 0
    hand: int = -1
    full: int = 0
    misconfigured: int = 0
    by: str = ""
    holder: str = ""
    lease: int = 0
    wanted: str = ""
    wanted_until: int = 0
    unused: int = 0
    suspects: dict[str, int] = field(default_factory=dict)

    def merge(self, me: str, told: Told, terms: Terms, now: int) -> None:
        accepted = self._accepts(me, told, now)
        if accepted:
            self._agree(me, told, now)
        if accepted or told.epoch == self.epoch:
            self.full = max(self.full, now + told.full_ms)
            self.misconfigured = max(self.misconfigured, now + told.misconfigured_ms)
        self._lend(me, told, terms, now, current=accepted or told.epoch == self.epoch)

    def _accepts(self, me: str, told: Told, now: int) -> bool:
        if told.change == Change.BY_HAND:
            return now - told.hand_ms >= self.hand
        if told.change == Change.NONE:
            return told.epoch > self.epoch  # the store lost what this replica still knows
        if told.epoch < self.epoch and self.by != me:
            return False  # late: another agreement came first
        return told.change == Change.MADE or self.state in PROBED or self._confirmed(me, told, now)

    def _confirmed(self, me: str, told: Told, now: int) -> bool:
        self.suspects = {name: ends for name, ends in self.suspects.items() if ends > now}
        if set(self.suspects) - {me}:
            return True
        self.suspects[me] = now + told.open_ms
        return False

    def _agree(self, me: str, told: Told, now: int) -> None:
        if told.change == Change.SUSPECTED and self.holder == me:
            self.holder = ""  # whose way there may be at fault leaves the next try to others
        restated = told.change == Change.NONE
        self.epoch = told.epoch if restated else max(now, self.epoch + 1, told.epoch + 1)
        self.state, self.opens, self.by = told.state, now + told.open_ms, me
        self.ejections, self.successes = told.ejections, told.successes
        self.unused, self.suspects = 0, {}
        if restated or told.change == Change.BY_HAND:
            self.hand = now - told.hand_ms if told.hand_ms >= 0 else -1
            self.full = self.misconfigured = 0

    def _lend(self, me: str, told: Told, terms: Terms, now: int, *, current: bool) -> None:
        if self.state not in PROBED:
            self.holder, self.lease, self.wanted = "", 0, ""
            return
        if self.lease <= now:
            self.holder = ""
        asks = bool(told.asks) and told.change != Change.SUSPECTED
        if self.holder == me and told.gives:
            self.holder = self.wanted if self.wanted_until > now else ""
            self.lease, self.wanted, self.unused = now + terms.lease_ms, "", self.unused + 1
        elif self.holder == me and asks:
            self.lease = now + terms.lease_ms
        elif not self.holder and asks and current:
            self.holder, self.lease, self.wanted = me, now + terms.lease_ms, ""
        elif self.holder not in ("", me) and told.missed:
            self.wanted, self.wanted_until = me, now + terms.wanted_ms

    def known(self, now: int) -> Known:
        return Known(
            epoch=self.epoch,
            state=self.state,
            open_ms=max(0, self.opens - now),
            ejections=self.ejections,
            successes=self.successes,
            hand_ms=now - self.hand if self.hand >= 0 else -1,
            full_ms=max(0, self.full - now),
            misconfigured_ms=max(0, self.misconfigured - now),
            by=self.by,
            holder=self.holder,
            lease_ms=max(0, self.lease - now) if self.holder else 0,
            wanted=int(self.wanted not in ("", self.holder) and self.wanted_until > now),
            unused=self.unused,
        )


class MemoryStore:
    """Shared by whoever holds it. `reachable` may be taken away, and `records` put back to what they were."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.reachable = True
        self.records: dict[tuple[str, str], _Record] = {}
        self._seen: dict[tuple[str, str], int] = {}

    async def exchange(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
        return self.exchanged(replica, told, terms)

    def exchanged(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
        if not self.reachable:
            raise StoreError("the store was taken away")
        now = self._now_ms()
        self._seen[terms.namespace, replica] = now
        replicas = sum(name == terms.namespace and now - at <= terms.seen_ms for (name, _), at in self._seen.items())
        known = {}
        for target, each in told.items():
            record = self.records.setdefault((terms.namespace, target), _Record())
            record.merge(replica, each, terms, now)
            known[target] = record.known(now)
        return Answer(replicas, known)

    async def close(self) -> None:
        """Nothing is held open."""
