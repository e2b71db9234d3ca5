"""One request while it runs. The front opens the record, attempts are written into it, the event is made from it."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from plugins.dialect.openai import UpstreamError
from plugins.policy.engine import Decision, Policies
from plugins.policy.routing import Lane
from plugins.policy.size import Size
from plugins.policy.targets import Target
from plugins.policy.verdict import Refuse
from plugins.stream.watch import Watch
from plugins.telemetry.kept import Kept


class Outcome(StrEnum):
    """How an attempt, or the whole request, ended."""

    RUNNING = "running"
    WHOLE = "whole"
    BROKEN = "broken"  # began, and did not end with a finish reason
    FAILED = "failed"  # no target gave a first token
    REJECTED = "rejected"  # by the first provider asked, for a mistake of the client's
    REFUSED = "refused"  # by policy
    SHED = "shed"  # by us, who carry as much as we may
    CLIENT_GONE = "client_gone"
    LOST_RACE = "lost_race"  # an attempt that was called off, since another spoke first


class Fault(StrEnum):
    """Why an attempt did not end whole."""

    CONNECT = "connect"
    DNS = "dns"  # the provider's name has no address
    TLS = "tls"  # nobody vouches for its certificate
    HTTP_STATUS = "http_status"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105  not a secret
    STALL = "stall"
    PACE = "pace"  # it dripped, and another could take over
    TOTAL_TIMEOUT = "total_timeout"
    REQUEST_TIMEOUT = "request_timeout"  # of all attempts together
    CUT = "cut"  # the connection ended in the middle
    NO_FINISH = "no_finish"  # a clean end without a finish reason
    ERROR_EVENT = "error_event"
    MALFORMED = "malformed"
    NOT_A_STREAM = "not_a_stream"


UNREACHED = frozenset({Fault.CONNECT, Fault.DNS, Fault.TLS})  # no connection came about
Fields = Iterable[tuple[bytes, bytes]]  # the headers of an answer, as they came


class Overseer(Protocol):
    """Hears how an attempt goes."""

    def answered(self, attempt: Attempt, fields: Fields, now: float) -> None: ...

    def spoke(self, attempt: Attempt, now: float) -> None: ...

    def dripped(self, attempt: Attempt, now: float) -> None: ...

    def ended(self, attempt: Attempt, now: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Skipped:
    """A target that was not called."""

    target: Target
    why: str
    seconds: float | None  # until it is worth asking again
    at: float | None = None  # when that was said


@dataclass(slots=True)
class Attempt:
    """One call of one target. Times are monotonic seconds."""

    target: Target
    started: float
    watch: Watch = field(default_factory=Watch)
    outcome: Outcome = Outcome.RUNNING
    fault: Fault | None = None
    status: int | None = None
    error: UpstreamError | None = None
    retry_after: float | None = None  # seconds, as the provider says; as we shall wait once that is decided
    limit_by_day: bool = False  # what is used up counts by the hour or day
    ended: float | None = None
    size: Size | None = None
    is_probe: bool = False
    is_hedge: bool = False
    dripped: bool = False  # and went on, as nobody could take over
    overseer: Overseer | None = None

    def end(self, outcome: Outcome, now: float, fault: Fault | None = None) -> None:
        """The first end counts: what happens while cleaning up is not news."""
        if self.outcome is Outcome.RUNNING:
            self.outcome, self.ended, self.fault = outcome, now, fault
            if self.overseer is not None:
                self.overseer.ended(self, now)

    def answered(self, status: int, fields: Fields, now: float) -> None:
        """The head of its answer is there."""
        self.status = status
        if self.overseer is not None:
            self.overseer.answered(self, fields, now)

    def spoke(self, now: float) -> None:
        """Its first token is there."""
        if self.overseer is not None:
            self.overseer.spoke(self, now)

    def drip(self, now: float) -> None:
        """It goes on, at a crawl."""
        self.dripped = True
        if self.overseer is not None:
            self.overseer.dripped(self, now)

    def lose(self, now: float) -> None:
        """Another spoke first; what this one said, if it did, goes to nobody."""
        self.end(Outcome.LOST_RACE, now)
        if self.outcome is Outcome.WHOLE:
            self.outcome = Outcome.LOST_RACE

    @property
    def client_is_to_blame(self) -> bool:
        """The request itself is at fault: another target would say the same."""
        return self.status in (400, 413, 422)


@dataclass(slots=True)
class Record:
    """One request of one client."""

    request_id: str
    started: float
    policies: Policies
    path: str
    client: str | None = None
    decision: Decision | None = None
    size: Size | None = None
    lane: Lane | None = None
    stream: bool = False
    refusal: Refuse | None = None
    last_resort: bool = False  # no target's circuit is closed, so open ones may be tried ahead of time
    calling: Target | None = None  # the target that the gate let through, until the transport calls it
    asked: Target | None = None  # the last one LiteLLM called, and believes to have answered
    unobserved: bool = False  # nobody hears from LiteLLM whom it asked, nor acts on what comes
    attempts: list[Attempt] = field(default_factory=list)
    winner: Attempt | None = None  # of a race
    skipped: list[Skipped] = field(default_factory=list)
    delivered: Watch = field(default_factory=Watch)  # the stream as the client gets it
    status: int | None = None
    outcome: Outcome = Outcome.RUNNING
    dropped: tuple[str, ...] = ()
    kept: Kept | None = None  # where loggers are to hear of it
    usage: dict[str, Any] | None = None  # where no attempt of ours saw the answer

    @property
    def client_is_to_blame(self) -> bool:
        """Only the first target asked can say so: behind it stands a provider that may merely be stricter."""
        return bool(self.attempts) and self.attempts[0].client_is_to_blame

    @property
    def serving(self) -> Attempt | None:
        return self.winner or (self.attempts[-1] if self.attempts else None)

    def has_tried(self, target: Target) -> bool:
        """One that was called off has shown nothing, and may be needed when who won breaks before it is committed."""
        return any(each.target is target and each.outcome is not Outcome.LOST_RACE for each in self.attempts)

    def skip(self, skipped: Skipped) -> None:
        """Once per target: LiteLLM comes by several times."""
        if all(each.target is not skipped.target for each in self.skipped):
            self.skipped.append(skipped)

    def end(self, outcome: Outcome) -> None:
        if self.outcome is Outcome.RUNNING:
            self.outcome = outcome


# Set by the front; LiteLLM carries it along to the hooks and to the transport, through every task it starts.
current: ContextVar[Record | None] = ContextVar("waferline_record", default=None)
