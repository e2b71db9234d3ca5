"""One circuit. May I call, and it went so: two questions, with the clock and chance as arguments. Pure.

Closed: every call is let through and counted. Open: none is, until its time is over; then it is half-open, and one
call at a time is let through as a probe, until enough of them spoke or one did not. Beside that stand two gates that
are no failures: capacity, after a 429, and misconfiguration, after a 401 or the like. Each change begins a generation,
and what was permitted in an older one changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugins.circuit.evidence import Evidence
from plugins.circuit.facts import Finding, Origin, Permit, Rejected, Result, State, Why
from plugins.circuit.tally import Tally
from plugins.policy.circuits import CircuitsFile

Tell = Callable[[str, dict[str, Any]], None]

_FORCED = {State.FORCED_OPEN: "circuit.forced_open", State.FORCED_CLOSED: "circuit.forced_closed"}
_ADOPTED = {
    State.CLOSED: "circuit.closed",
    State.OPEN: "circuit.opened",
    State.HALF_OPEN: "circuit.half_opened",
    **_FORCED,
}
_NEVER = float("-inf")


class Circuit:
    def __init__(self, settings: Callable[[], CircuitsFile], chance: Callable[[], float], tell: Tell) -> None:
        self._settings = settings
        self._chance = chance  # from 0 to 1
        self._tell = tell
        self.state = State.CLOSED
        self.generation = 0
        self.leave: float | None = None  # of the fleet to probe, until when; None where there is no fleet to ask
        self.missed = False  # somebody was turned away for want of it
        self.holder = ""  # the replica that has it
        self.turned_at = _NEVER  # by hand
        self.opened_by = Origin.PROVIDER
        self._leases = 0
        self._forget(0.0)

    def _forget(self, now: float) -> None:
        self._tally = Tally()
        self._evidence = Evidence()
        self._consecutive = 0
        self._ejections = 0
        self._closed_at = now
        self._open_until = 0.0
        self._full_until = 0.0
        self._unsaid = 0  # refusals for capacity in a row that did not say how long
        self._misconfigured_until = 0.0
        self._failed_at: dict[Origin, float] = {}
        self.full_for_all = self.misconfigured_for_all = 0.0  # of the two gates, what others may hear
        self._start_over()

    def _start_over(self) -> None:
        """What a state begins with."""
        self._lease = 0
        self._lease_until = 0.0
        self._successes = 0
        self._not_before = 0.0  # of tries ahead of time

    # ---- may I -------------------------------------------------------------------------------------------------

    def rejection(self, now: float, *, last_resort: bool = False) -> Rejected | None:
        """Why not, if not; nothing is taken by asking. `last_resort`: there is no other target left."""
        rejected = self._rejected(now, last_resort=last_resort)
        if rejected is not None and rejected.why is Why.PROBING and not self.is_probing(now):
            self.missed = True
        return rejected

    def is_probing(self, now: float) -> bool:
        return bool(self._lease) and now < self._lease_until

    def _rejected(self, now: float, *, last_resort: bool) -> Rejected | None:
        if self.state is State.FORCED_CLOSED:
            return None
        if self.state is State.FORCED_OPEN:
            return Rejected(None, Why.FORCED_OPEN)
        until, why = self._shut_until(now, last_resort=last_resort)
        return Rejected(until - now, why) if now < until else None

    def _shut_until(self, now: float, *, last_resort: bool) -> tuple[float, Why]:
        if now < self._misconfigured_until:
            return self._misconfigured_until, Why.MISCONFIGURED
        if now < self._full_until or self.state is State.CLOSED:
            return self._full_until, Why.CAPACITY
        if self.state is State.OPEN:
            until = min(self._open_until, self._not_before) if last_resort else self._open_until
            if now < until:
                return until, Why.OPEN
        if self.leave is not None and now >= self.leave and not self.is_probing(now):
            return now + self._settings().probe.between_seconds, Why.PROBING
        return self._lease_until if self._lease else 0.0, Why.PROBING

    def may_call(self, now: float, *, last_resort: bool = False) -> Permit | Rejected:
        """Every permit wants a report, be it that there is nothing to report."""
        rejected = self.rejection(now, last_resort=last_resort)
        if rejected is not None:
            return rejected
        if self.state is State.CLOSED or self.state is State.FORCED_CLOSED:
            return Permit(self.generation)
        if self.state is State.OPEN and now >= self._open_until:
            self._become(State.HALF_OPEN)
            self._tell("circuit.half_opened", {})
        self._leases += 1
        self._lease = self._leases
        self._lease_until = now + self._settings().probe.lease_seconds
        return Permit(self.generation, self._lease)

    # ---- it went so --------------------------------------------------------------------------------------------

    def report(self, permit: Permit, finding: Finding, now: float, client: str | None = None) -> None:
        """How a call began: at its first token, or when it failed before. No client: no request can have caused it."""
        if permit.probe:
            if permit.probe != self._lease:  # it took too long, and another is trying
                return
            self._lease = 0
        if not self._is_current(permit):
            return
        match finding.result:
            case Result.CAPACITY:
                self._refuse_for_capacity(finding, now)
            case Result.MISCONFIGURED:
                self._refuse_as_misconfigured(finding, now)
            case Result.NOTHING:
                pass
            case result if permit.probe:
                self._probed(result, now, finding.origin)
            case result:
                self._called(result, now, finding.origin, client)

    def broke(self, permit: Permit, now: float, origin: Origin = Origin.PROVIDER, client: str | None = None) -> None:
        """A call that began well did not end whole."""
        if not self._is_current(permit):
            return
        if permit.probe:
            self._open(now, "probe", origin)
        else:
            self._failed_at[origin] = now
            self._tally.add(now, self._settings().trips.window_seconds, failures=1)
            self._evidence.failed(client, now)
            self._trip(now)

    def dragged(self, permit: Permit, now: float, client: str | None = None) -> None:
        """A call that began well drips."""
        if not self._is_current(permit):
            return
        if permit.probe:
            self._open(now, "probe", Origin.PROVIDER)
        else:
            self._failed_at[Origin.PROVIDER] = now
            self._tally.add(now, self._settings().trips.window_seconds, slow=1)
            self._evidence.failed(client, now)
            self._trip(now)

    def _is_current(self, permit: Permit) -> bool:
        return permit.generation == self.generation and self.state not in _FORCED

    def _called(self, result: Result, now: float, origin: Origin, client: str | None) -> None:
        failed, slow = result is Result.FAILURE, result is Result.SLOW
        self._tally.add(now, self._settings().trips.window_seconds, calls=1, failures=failed, slow=slow)
        if failed:
            self._consecutive += 1
        else:
            self._consecutive = self._unsaid = 0
        if failed or slow:
            self._evidence.failed(client, now)
            self._failed_at[origin] = now
            self._trip(now)
        else:
            self._evidence.served(client, now)

    def _trip(self, now: float) -> None:
        why = self._reason()
        if why and self._evidence.suffices(now - self._settings().trips.window_seconds):
            self._open(now, why, self._origin(now))

    def _reason(self) -> str | None:
        trips, tally = self._settings().trips, self._tally
        if self._consecutive >= trips.consecutive_failures:
            return "consecutive_failures"
        if tally.calls >= trips.minimum_calls:
            if tally.failures >= trips.failure_ratio * tally.calls:
                return "failure_ratio"
            if tally.slow >= trips.slow_ratio * tally.calls:
                return "slow_ratio"
        return None

    def _origin(self, now: float) -> Origin:
        """Of the failures that count now: one that was measured late spoils them all, and one of the provider's own
        speaks for all others."""
        recent = {each for each, at in self._failed_at.items() if now - at <= self._settings().trips.window_seconds}
        return next((each for each in (Origin.LATE, Origin.PROVIDER) if each in recent), Origin.PATH)

    def _probed(self, result: Result, now: float, origin: Origin) -> None:
        """A probe that is slow has shown that the target is not well yet."""
        if result is Result.SUCCESS:
            if self.state is State.OPEN:  # tried ahead of time
                self._become(State.HALF_OPEN)
                self._tell("circuit.half_opened", {})
            self._unsaid = 0
            self._successes += 1
            if self._successes >= self._settings().probe.successes:
                self._close(now)
        elif self.state is State.OPEN:
            self._not_before = now + self._settings().probe.between_seconds
        else:
            self._open(now, "probe", origin)

    # ---- changes -----------------------------------------------------------------------------------------------

    def _become(self, state: State) -> None:
        self.state = state
        self.generation += 1
        self._start_over()

    def _open(self, now: float, why: str, origin: Origin) -> None:
        self.opened_by = origin
        rule = self._settings().open
        if self.state is State.CLOSED:
            forgiven = int((now - self._closed_at) / rule.forgiven_after_seconds)
            self._ejections = max(0, self._ejections - forgiven)
        grown = rule.seconds * 2.0**self._ejections
        seconds = min(grown, rule.most_seconds) * (1 + rule.jitter_ratio * self._chance())
        if grown < rule.most_seconds:
            self._ejections += 1
        self._open_until = now + seconds
        self._become(State.OPEN)
        tally = self._tally
        facts = {"calls": tally.calls, "failures": tally.failures, "slow": tally.slow}
        self._tell("circuit.opened", {"why": why, "seconds": round(seconds, 3), "ejections": self._ejections, **facts})

    def _close(self, now: float) -> None:
        self._recover(now)
        self._ejections = max(0, self._ejections - 1)
        self._become(State.CLOSED)
        self._tell("circuit.closed", {"ejections": self._ejections})

    def _recover(self, now: float) -> None:
        self._tally.clear()
        self._evidence = Evidence()
        self._consecutive = 0
        self._failed_at.clear()
        self._closed_at = now

    def _refuse_for_capacity(self, finding: Finding, now: float) -> None:
        rule = self._settings().capacity
        gated = now < self._full_until
        if finding.seconds is not None:
            most = rule.most_seconds_by_day if finding.by_day else rule.most_seconds
            seconds = min(max(finding.seconds, rule.least_seconds), most)
        elif gated:
            return  # of many refused at once, one is enough to know
        else:
            seconds = min(rule.unsaid_seconds * 2.0 ** min(self._unsaid, 16), rule.unsaid_most_seconds)
            self._unsaid += 1
        seconds *= 1 + self._settings().open.jitter_ratio * self._chance()
        self._full_until = max(self._full_until, now + seconds)
        if finding.origin is not Origin.LATE:
            self.full_for_all = self._full_until
        if not gated:
            self._tell("circuit.gated", {"why": finding.detail or "capacity", "seconds": round(seconds, 3)})

    def _refuse_as_misconfigured(self, finding: Finding, now: float) -> None:
        gated = now < self._misconfigured_until
        self._misconfigured_until = now + self._settings().misconfigured_seconds
        if finding.origin is Origin.PROVIDER:  # whose certificates one replica cannot read, another may
            self.misconfigured_for_all = self._misconfigured_until
        if not gated:
            seconds = self._settings().misconfigured_seconds
            self._tell("circuit.misconfigured", {"why": finding.detail, "seconds": seconds, "alert": True})

    # ---- by hand -----------------------------------------------------------------------------------------------

    def force(self, state: State | None, now: float) -> None:
        """FORCED_OPEN, FORCED_CLOSED, or None: decide by yourself again, from what comes from now on."""
        self._forget(now)
        self.turned_at = now
        self._become(state or State.CLOSED)
        self._tell(_FORCED.get(self.state, "circuit.released"), {})

    # ---- from the fleet ----------------------------------------------------------------------------------------

    @property
    def mark(self) -> tuple[int, int]:
        """Changes with everything that the others are to hear."""
        return self.generation, self._successes

    @property
    def standing(self) -> tuple[float, int, int]:
        """Open until when, with how many openings and good probes so far."""
        return self._open_until, self._ejections, self._successes

    def adopt(
        self, state: State, seconds: float, ejections: int, successes: int, now: float, turned_at: float | None = None
    ) -> None:
        """What was agreed, whatever is thought here. `turned_at`: somebody did it by hand."""
        was = self.state
        if turned_at is not None:
            self._forget(now)
            self.turned_at = turned_at
        self._ejections = ejections
        if state is was is State.CLOSED and turned_at is None:
            return
        if state is State.CLOSED:
            self._recover(now)
        self._open_until, self.opened_by = now + seconds, Origin.PROVIDER
        lease, until = self._lease, self._lease_until
        self._become(state)
        self._successes = successes
        if state in (State.OPEN, State.HALF_OPEN):  # a probe that runs is one in flight, whatever it is worth now
            self._lease, self._lease_until = lease, until
        if state is not was:
            self._tell(_ADOPTED[state], {"why": "fleet", "seconds": round(seconds, 3), "ejections": ejections})

    def hear_of_gates(self, full: float, misconfigured: float, now: float) -> None:
        """For so many seconds more, as others found."""
        for event, seconds, until in (
            ("circuit.gated", full, self._full_until),
            ("circuit.misconfigured", misconfigured, self._misconfigured_until),
        ):
            if seconds > 0 and until <= now:
                self._tell(event, {"why": "fleet", "seconds": round(seconds, 3)})
        self._full_until = max(self._full_until, now + full)
        self._misconfigured_until = max(self._misconfigured_until, now + misconfigured)

    def snapshot(self, now: float) -> dict[str, Any]:
        """What it is doing, with what is left rather than times of a clock."""
        self._tally.forget(now, self._settings().trips.window_seconds)
        rejected = self._rejected(now, last_resort=False)
        return {
            "state": str(self.state),
            "rejects": str(rejected.why) if rejected else None,
            "seconds": round(rejected.seconds, 3) if rejected and rejected.seconds is not None else None,
            "calls": self._tally.calls,
            "failures": self._tally.failures,
            "slow": self._tally.slow,
            "consecutive_failures": self._consecutive,
            "ejections": self._ejections,
            "generation": self.generation,
            "probe_with": self.holder or None,
        }
