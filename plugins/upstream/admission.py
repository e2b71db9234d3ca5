"""Where an attempt gets its permit, and where its target's circuit and allowance hear how it went, on both lanes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from plugins.circuit import failures
from plugins.circuit.allowance import Reservation
from plugins.circuit.board import Board
from plugins.circuit.evidence import NO_REQUEST
from plugins.circuit.facts import Finding, Origin, Permit, Rejected, Result
from plugins.circuit.standing import Standing
from plugins.policy.routing import Route
from plugins.policy.targets import Target
from plugins.telemetry.record import UNREACHED, Attempt, Fault, Fields, Outcome, Record, Skipped
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
        standing = self._board.standing(target)
        extra = bool(record.attempts)
        if extra:
            if rejected := standing.rejection(self._now(), record.size, last_resort=record.last_resort):
                raise self._left_alone(record, target, rejected)  # which is no reason to wait for one's turn
            await self._take_extra(record, target, 0 if hedge else route.deadlines.first_token_seconds, route)
        now = self._now()
        permit = standing.may_call(now, record.size, last_resort=record.last_resort)
        if isinstance(permit, Rejected):
            if extra:
                self.budget.give_extra_back()
            raise self._left_alone(record, target, permit)
        self.budget.in_flight += 1
        slow_after = _slow_after(standing.settings.trips.slow_first_token_seconds, record, route)
        attempt = Attempt(target, now, size=record.size, is_probe=bool(permit.probe), is_hedge=hedge)
        place = _Place(standing, permit, standing.called(record.size, now))
        attempt.overseer = _Oversight(place, record.client, self.budget, self._lag, slow_after, extra=extra)
        record.attempts.append(attempt)
        return attempt

    def probing(self, record: Record, route: Route) -> Route:
        """A probe's client does not wait as long as others would, if there is another target to go on to."""
        if not self.others(record):
            return route
        probed = self._board.standing(record.attempts[-1].target)
        least = min(route.deadlines.first_token_seconds, probed.settings.probe.first_token_seconds)
        return route.with_first_token(least)

    def others(self, record: Record) -> bool:
        """Whether another target could take over now."""
        now, targets = self._now(), record.decision.targets if record.decision else ()
        if len(record.attempts) >= self._board.settings.attempts.most:
            return False
        return any(
            not record.has_tried(each) and self._board.standing(each).rejection(now, record.size) is None
            for each in targets
        )

    def note_wait(self, attempt: Attempt, header: failures.Header) -> None:
        code = attempt.error.code if attempt.error else None
        short = self._board.standing(attempt.target).allowance.rejection(attempt.size, self._now())
        fits_after = short.seconds if short and code in failures.QUOTAS else None
        attempt.retry_after, attempt.limit_by_day = failures.wait(header, code, self._utc(), fits_after)

    async def _take_extra(self, record: Record, target: Target, seconds: float, route: Route) -> None:
        left = record.started + route.deadlines.request_seconds - self._now()
        if left <= 0:
            record.skip(Skipped(target, "deadline", None, self._now()))
            raise NotCalledError("the request has had its time")
        if len(record.attempts) >= self._board.settings.attempts.most:
            record.skip(Skipped(target, "attempts", None, self._now()))
            raise NotCalledError("the request has had its attempts")
        if not await self.budget.take_extra(min(seconds, left)):
            record.skip(Skipped(target, "budget" if seconds < left else "deadline", None, self._now()))
            raise NotCalledError("the retry budget is used up")

    def _left_alone(self, record: Record, target: Target, rejected: Rejected) -> NotCalledError:
        record.skip(Skipped(target, str(rejected.why), rejected.seconds, self._now()))
        return NotCalledError(f"it is left alone, {rejected.why}")


class _Place(NamedTuple):
    """What an attempt was given."""

    standing: Standing
    permit: Permit
    reservation: Reservation


class _Oversight:
    """Of one attempt: reports it once as it begins, and once more if it breaks later."""

    __slots__ = ("_budget", "_client", "_extra", "_lag", "_place", "_reported", "_running", "_slow", "_slow_after")

    def __init__(
        self, place: _Place, client: str | None, budget: Budget, lag: Lag, slow_after: float, *, extra: bool
    ) -> None:
        self._place = place
        self._client = client
        self._budget = budget
        self._lag = lag
        self._slow_after = slow_after
        self._extra = extra
        self._running = True
        self._reported = False
        self._slow = False  # and counted as such

    def answered(self, attempt: Attempt, fields: Fields, now: float) -> None:
        let_in = attempt.status is not None and attempt.status < 400
        self._place.standing.allowance.hear(self._place.reservation, fields, now, let_in=let_in)

    def spoke(self, attempt: Attempt, now: float) -> None:
        if self._reported:
            return
        first = attempt.watch.first_token_at
        ttft = None if first is None else first - attempt.started
        late = ttft is not None and ttft > self._slow_after
        finding = failures.at_first_token(ttft, self._slow_after, lagged=late and self._lag.since(attempt.started))
        self._slow = finding.result is Result.SLOW
        self._report(finding, now, self._client)

    def dripped(self, attempt: Attempt, now: float) -> None:
        if not (self._slow or self._lag.since(attempt.started)):
            self._slow = True
            self._place.standing.circuit.dragged(self._place.permit, now, self._client)

    def ended(self, attempt: Attempt, now: float) -> None:
        if self._running:
            self._leave(attempt)
        if not self._reported:
            finding = self._finding(attempt)
            finding = finding._replace(origin=self._origin(attempt, finding.origin))
            self._report(finding, now, NO_REQUEST if attempt.fault in UNREACHED else self._client)
        elif attempt.fault is Fault.PACE:
            self.dripped(attempt, now)
        elif attempt.fault not in (None, Fault.REQUEST_TIMEOUT):
            origin = self._origin(attempt, Origin.PROVIDER)
            self._place.standing.circuit.broke(self._place.permit, now, origin, self._client)
        if attempt.fault is not None:
            rejected = self._place.standing.circuit.rejection(now)
            attempt.retry_after = rejected.seconds if rejected else None

    def _leave(self, attempt: Attempt) -> None:
        self._running = False
        self._budget.in_flight -= 1
        standing, _, reservation = self._place
        standing.ended()
        nothing = attempt.outcome is Outcome.FAILED and attempt.watch.first_token_at is None
        standing.allowance.settle(reservation, attempt.watch.usage, nothing=nothing)

    def _origin(self, attempt: Attempt, otherwise: Origin) -> Origin:
        return Origin.LATE if self._lag.since(attempt.started) else otherwise

    def _finding(self, attempt: Attempt) -> Finding:
        """Of an attempt that ended before it spoke, or all at once."""
        if attempt.outcome is Outcome.WHOLE:
            return failures.SPOKE
        if attempt.outcome is Outcome.LOST_RACE:
            return failures.lost_race(attempt, lagged=self._lag.since(attempt.started))
        return failures.before_first_token(attempt)

    def _report(self, finding: Finding, now: float, client: str | None) -> None:
        self._reported = True
        self._place.standing.circuit.report(self._place.permit, finding, now, client)
        if self._extra:
            self._extra = False
            self._budget.give_extra_back()


def _slow_after(seconds: float, record: Record, route: Route) -> float:
    """Where a workload waits longer for its first token than others do, slow is later in proportion."""
    usual = record.policies.routing.deadlines.first_token_seconds
    return seconds * max(1.0, route.deadlines.first_token_seconds / usual)
