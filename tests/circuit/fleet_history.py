"""Any history of a fleet: three replicas and a store, with ticks that are lost, a store that forgets, and operators."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plugins.circuit.facts import Origin, Permit, Result, State
from plugins.state.store import PROBED
from tests.circuit.fleet import Replica, World

PROBE_SECONDS = 2.0  # of a probe that is not hung
SIZE = 3
WHICH = st.integers(0, SIZE - 1)
FAILURES = st.sampled_from([Origin.PROVIDER, Origin.PROVIDER, Origin.PROVIDER, Origin.PATH, Origin.LATE])


class FleetHistory(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.replicas = [Replica(self.world, f"r{number}") for number in range(SIZE)]
        self.born = SIZE
        self.older: list[Any] = [self.world.snapshot()]
        self.probes: list[tuple[Replica, Permit, float]] = []  # in flight, of replicas that ask the fleet
        self.whole_since = float("-inf")
        self.unaware: set[str] = set()  # replicas that have not heard from the store since it lost something
        self.best: dict[int, str] = {0: "closed"}  # every agreement there ever was

    # ---- steps -------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.05, 0.1, 0.4, 1.0, 2.1, 5.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(which=WHICH, answered=st.sampled_from([True, True, True, False]))
    def somebody_ticks(self, which: int, answered: bool) -> None:
        self.tick(self.replicas[which], answered=answered)

    def tick(self, replica: Replica, *, answered: bool = True) -> None:
        replica.tick(reply_lost=not answered)
        if answered and replica.name in self.unaware:
            self.unaware.remove(replica.name)
            self.whole_since = self.world.now
        for record in self.world.store.records.values():
            assert self.best.setdefault(record.epoch, record.state) == record.state, "an epoch is one agreement"

    @rule(which=WHICH)
    def somebody_does_not_get_through(self, which: int) -> None:
        self.world.store.reachable = False
        self.replicas[which].tick()
        self.world.store.reachable = True

    @rule(which=WHICH, origin=FAILURES, ticks=st.booleans())
    def somebody_trips(self, which: int, origin: Origin, ticks: bool) -> None:
        replica = self.replicas[which]
        while replica.state is State.CLOSED and replica.call(Result.FAILURE, origin):
            pass
        if ticks:
            self.somebody_ticks(which, True)

    @rule(which=WHICH, last_resort=st.booleans())
    def somebody_asks(self, which: int, last_resort: bool) -> None:
        replica = self.replicas[which]
        asks_the_fleet = replica.circuit.leave is not None
        permit = replica.ask(last_resort=last_resort)
        if isinstance(permit, Permit) and permit.probe and asks_the_fleet and not self.unaware:
            now = self.world.now
            since = max(self.whole_since, now - PROBE_SECONDS)
            assert [each for each, _, at in self.probes if at > since] == [], "one in flight"
            self.probes.append((replica, permit, now))

    @precondition(lambda self: self.probes)
    @rule(
        which=st.integers(0),
        result=st.sampled_from([Result.SUCCESS, Result.SUCCESS, Result.FAILURE, Result.NOTHING, Result.CAPACITY]),
        origin=FAILURES,
    )
    def a_probe_is_reported(self, which: int, result: Result, origin: Origin) -> None:
        replica, permit, _ = self.probes.pop(which % len(self.probes))
        replica.report(permit, result, origin)

    @rule(which=WHICH, state=st.sampled_from([State.FORCED_OPEN, State.FORCED_CLOSED, None, None]))
    def an_operator_steps_in(self, which: int, state: State | None) -> None:
        self.world.now += 1
        self.replicas[which].circuit.force(state, self.world.now)

    @rule()
    def the_store_is_remembered(self) -> None:
        self.older = [*self.older[-2:], self.world.snapshot()]

    @rule(which=st.integers(0, 2))
    def the_store_falls_back(self, which: int) -> None:
        self.world.restore(self.older[which % len(self.older)])
        self.it_is_lost()

    @rule()
    def the_store_is_flushed(self) -> None:
        self.world.restore({})
        self.it_is_lost()

    def it_is_lost(self) -> None:
        self.world.now += 0.01  # a store that failed over is not back within the millisecond
        self.unaware = {each.name for each in self.replicas}

    @rule(which=WHICH, ends_well=st.booleans())
    def somebody_starts_anew(self, which: int, ends_well: bool) -> None:
        gone = self.replicas[which]
        self.unaware.discard(gone.name)
        if ends_well:
            gone.part()
        self.probes = [each for each in self.probes if each[0] is not gone]
        self.replicas[which] = Replica(self.world, f"r{self.born}")
        self.born += 1

    # ---- stretches that chance alone would hardly find -----------------------------------------------------

    @rule(which=WHICH)
    def there_is_an_outage(self, which: int) -> None:
        self.somebody_trips(which, Origin.PROVIDER, True)
        self.it_is_quiet()
        self.world.now += max(0.0, self.replicas[which].circuit.standing[0] - self.world.now)
        self.it_is_quiet()
        for number in range(SIZE):
            self.somebody_asks(number, False)

    @rule(minutes=st.sampled_from([0, 0, 3]))
    def it_is_quiet(self, minutes: int = 0) -> None:
        """Ticks alone: then they agree."""
        self.world.now += minutes * 60
        known = max((_share(each)._epoch for each in self.replicas if _share(each) and _speaks(each)), default=0)
        turned = [each for each in self.replicas if _turned(each)]
        changed = any(_proposes(each) for each in self.replicas)
        for _ in range(3):
            for each in self.replicas:
                self.tick(each)
            self.world.now += 0.1
        (record,) = self.world.store.records.values()
        assert record.epoch >= known
        if not changed and not turned:
            assert record.state == self.best[max(known, record.epoch)]
        for each in self.replicas:
            assert _is_own(each) or str(each.state) == record.state
            assert _is_own(each) or each.circuit.standing[1] == record.ejections
        if turned:
            latest = max(turned, key=lambda each: each.circuit.turned_at)
            assert {each.state for each in self.replicas} == {latest.state}
        self.somebody_may_probe(record, rested=minutes > 0)

    def somebody_may_probe(self, record: Any, *, rested: bool) -> None:
        if record.state in PROBED and rested:
            may = [each for each in self.replicas if not _is_own(each) and each.left is None]
            assert len(may) <= 1
            assert may or all(_is_own(each) for each in self.replicas)

    # ---- always ------------------------------------------------------------------------------------------

    @invariant()
    def nobody_falls_back(self) -> None:
        for each in getattr(self, "replicas", ()):
            for share in each.fleet._shares.values():
                assert share._epoch >= getattr(share, "seen", 0)
                share.seen = share._epoch


def _share(replica: Replica) -> Any:
    return next(iter(replica.fleet._shares.values()), None)


def _is_own(replica: Replica) -> bool:
    share = _share(replica)
    return share is not None and share._is_own


def _speaks(replica: Replica) -> bool:
    own = replica.state is State.OPEN and replica.circuit.opened_by is not Origin.PROVIDER
    return not own and not _is_own(replica)


def _turned(replica: Replica) -> bool:
    share = _share(replica)
    return replica.circuit.turned_at > (share._agreed_hand if share else float("-inf"))


def _proposes(replica: Replica) -> bool:
    share = _share(replica)
    return bool(replica.circuit.mark != (share._agreed if share else (0, 0)))
