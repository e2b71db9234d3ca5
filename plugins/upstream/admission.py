"""Where an attempt gets its permit, and where its circuit hears how it went. Both lanes' attempts pass here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from plugins.circuit import failures
from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Origin, Permit, Rejected, Result
from plugins.circuit.machine import Circuit
from plugins.policy.routing import Route
from plugins.policy.targets import Target
from plugins.telemetry.record import Attempt, Fault, Outcome, Record, Skipped
from plugins.upstream.budget import Budget
from plugins.upstream.lag import Lag


class NotCalledError(Exception):
    """The target was left alone; nothing reached its provider."""


class Admission:
    def __init__(self, board: Board, lag: Lag, now: Callable[[], float], utc: Callable[[], datetime]) -> None:
        self._board = board
        self._lag = lag
        self._now = now
        self._utc = utc
        self.budget = Budget(lambda: board.settings.attempts)

    async def begin(self, record: Record, route: Route, target: Target, *, hedge: bool = False) -> Attempt:
        """The attempt, noted in the record; NotCalledError when there is to be none. A hedge waits for no turn."""
        circuit = self._board.of(target)
        extra = bool(record.attempts)
        if extra:
            if rejected := circuit.rejection(self._now(), last_resort=record.last_resort):
                raise _left_alone(record, target, rejected)  # which is no reason to wait for one's turn
            await self._take_extra(record, target, 0 if hedge else route.deadlines.first_token_seconds, route)
        permit = circuit.may_call(self._now(), last_resort=record.last_resort)
        if isinstance(permit, Rejected):
            if extra:
                self.budget.give_extra_back()
            raise _left_alone(record, target, permit)
        self.budget.in_flight += 1
        slow_after = _slow_after(self._board.settings.trips.slow_first_token_seconds, record, route)
        attempt = Attempt(target, self._now(), is_probe=bool(permit.probe), is_hedge=hedge)
        attempt.overseer = _Oversight(circuit, permit, self.budget, self._lag, slow_after, extra=extra)
        record.attempts.append(attempt)
        return attempt

    def probing(self, record: Record, route: Route) -> Route:
        """A probe's client does not wait as long as others would, if there is another target to go on to."""
        if not self.others(record):
            return route
        least = min(route.deadlines.first_token_seconds, self._board.settings.probe.first_token_seconds)
        return route.with_first_token(least)

    def others(self, record: Record) -> bool:
        """Whether another target could take over now."""
        now, targets = self._now(), record.decision.targets if record.decision else ()
        tried = {attempt.target for attempt in record.attempts}
        if len(record.attempts) >= self._board.settings.attempts.most:
            return False
        return any(each not in tried and self._board.of(each).rejection(now) is None for each in targets)

    def note_wait(self, attempt: Attempt, header: failures.Header) -> None:
        code = attempt.error.code if attempt.error else None
        attempt.retry_after, attempt.limit_by_day = failures.wait(header, code, self._utc())

    async def _take_extra(self, record: Record, target: Target, seconds: float, route: Route) -> None:
        left = record.started + route.deadlines.request_seconds - self._now()
        if left <= 0:
            record.skip(Skipped(target, "deadline", None))
            raise NotCalledError("the request has had its time")
        if len(record.attempts) >= self._board.settings.attempts.most:
            record.skip(Skipped(target, "attempts", None))
            raise NotCalledError("the request has had its attempts")
        if not await self.budget.take_extra(min(seconds, left)):
            record.skip(Skipped(target, "budget", None))
            raise NotCalledError("the retry budget is used up")


def _left_alone(record: Record, target: Target, rejected: Rejected) -> NotCalledError:
    record.skip(Skipped(target, str(rejected.why), rejected.seconds))
    return NotCalledError(f"its circuit says no, {rejected.why}")


class _Oversight:
    """Of one attempt: reports it once as it begins, and once more if it breaks later."""

    __slots__ = ("_budget", "_circuit", "_extra", "_lag", "_permit", "_reported", "_running", "_slow", "_slow_after")

    def __init__(
        self, circuit: Circuit, permit: Permit, budget: Budget, lag: Lag, slow_after: float, *, extra: bool
    ) -> None:
        self._circuit = circuit
        self._permit = permit
        self._budget = budget
        self._lag = lag
        self._slow_after = slow_after
        self._extra = extra
        self._running = True
        self._reported = False
        self._slow = False  # and counted as such

    def spoke(self, attempt: Attempt, now: float) -> None:
        if self._reported:
            return
        first = attempt.watch.first_token_at
        ttft = None if first is None else first - attempt.started
        late = ttft is not None and ttft > self._slow_after
        finding = failures.at_first_token(ttft, self._slow_after, lagged=late and self._lag.since(attempt.started))
        self._slow = finding.result is Result.SLOW
        self._report(finding, now)

    def dripped(self, attempt: Attempt, now: float) -> None:
        if not (self._slow or self._lag.since(attempt.started)):
            self._slow = True
            self._circuit.dragged(self._permit, now)

    def ended(self, attempt: Attempt, now: float) -> None:
        if self._running:
            self._running = False
            self._budget.in_flight -= 1
        if not self._reported:
            finding = self._finding(attempt)
            finding = finding._replace(origin=self._origin(attempt, finding.origin))
            self._report(finding, now)
            if finding.result is Result.CAPACITY and (rejected := self._circuit.rejection(now)):
                attempt.retry_after = rejected.seconds
        elif attempt.fault is Fault.PACE:
            self.dripped(attempt, now)
        elif attempt.fault not in (None, Fault.REQUEST_TIMEOUT):
            self._circuit.broke(self._permit, now, self._origin(attempt, Origin.PROVIDER))

    def _origin(self, attempt: Attempt, otherwise: Origin) -> Origin:
        return Origin.LATE if self._lag.since(attempt.started) else otherwise

    def _finding(self, attempt: Attempt) -> Finding:
        """Of an attempt that ended before it spoke, or all at once."""
        if attempt.outcome is Outcome.WHOLE:
            return failures.SPOKE
        if attempt.outcome is Outcome.LOST_RACE:
            return failures.lost_race(attempt, lagged=self._lag.since(attempt.started))
        return failures.before_first_token(attempt)

    def _report(self, finding: Finding, now: float) -> None:
        self._reported = True
        self._circuit.report(self._permit, finding, now)
        if self._extra:
            self._extra = False
            self._budget.give_extra_back()


def _slow_after(seconds: float, record: Record, route: Route) -> float:
    """Where a workload waits longer for its first token than others do, slow is later in proportion."""
    usual = record.policies.routing.deadlines.first_token_seconds
    return seconds * max(1.0, route.deadlines.first_token_seconds / usual)
