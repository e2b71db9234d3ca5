"""Circuits: when a target is called no more, when it is tried again, and how many attempts a request may cost.

What may differ per target is a class of its own; what an exception does not set is as the file has it for all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from plugins.policy.settings import Name, Settings


class AllOpen(StrEnum):
    """What is done when the circuit of every target is open."""

    PROBE = "probe"  # each is tried ahead of time, by one request at a time
    REFUSE = "refuse"


class Fitting(Settings):
    """Settings that must fit each other: in the file, and with what differs for a target."""

    @abstractmethod
    def misfit(self) -> str | None: ...

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if misfit := self.misfit():
            raise ValueError(misfit)
        return self


class TripsOfTarget(Settings):
    """What opens a circuit. Any one of the three is enough."""

    window_seconds: float = Field(10, ge=1, le=600, description="Over which calls the two ratios are taken.")
    minimum_calls: int = Field(10, ge=1, le=10000, description="Below so many in the window no ratio means anything.")
    failure_ratio: float = Field(0.5, gt=0, le=1, description="Of the calls in the window, how many may fail.")
    consecutive_failures: int = Field(5, ge=1, le=1000, description="In a row; this works with little traffic too.")
    slow_first_token_seconds: float = Field(
        1.5,
        gt=0,
        le=600,
        description="A later first token is slow; in proportion later where a workload's first_token_seconds is longer "
        "than routing.yaml's own.",
    )
    slow_ratio: float = Field(0.8, gt=0, le=1, description="Of the calls in the window, how many may be slow.")


class Trips(TripsOfTarget):
    loop_lag_ms: float = Field(
        100, ge=1, le=10000, description="While our own process was later than this, lateness is not the provider's."
    )


class OpenTimes(Settings):
    """How long a target is left alone. The time doubles with every opening and falls again with every recovery."""

    seconds: float = Field(5, gt=0, le=3600, description="The first time.")
    most_seconds: float = Field(120, gt=0, le=3600, description="However often it has opened.")
    jitter_ratio: float = Field(0.2, ge=0, le=1, description="Added at random, so that gateways do not come at once.")
    forgiven_after_seconds: float = Field(
        60, gt=0, le=86400, description="So long closed without a break makes one opening forgotten."
    )


class Open(OpenTimes, Fitting):
    def misfit(self) -> str | None:
        if self.most_seconds < self.seconds:
            return f"most_seconds must be at least seconds, {self.seconds:g} (was {self.most_seconds:g})"
        return None


class ProbeOfTarget(Settings):
    """The one request in flight that tries whether a target is back."""

    first_token_seconds: float = Field(2, gt=0, le=600, description="What its client may lose before the next target.")
    lease_seconds: float = Field(
        10, gt=0, le=600, description="Without a report by then another may try, be it of another gateway of the fleet."
    )
    successes: int = Field(2, ge=1, le=100, description="In a row, each at its first token, close the circuit.")
    between_seconds: float = Field(
        1, gt=0, le=600, description="From one try ahead of time that failed to the next one."
    )


class Probe(ProbeOfTarget, Fitting):
    all_open: AllOpen = Field(
        AllOpen.PROBE,
        description="When every target is open. probe: one request at a time tries each ahead of time; refuse: 503.",
    )

    def misfit(self) -> str | None:
        if self.lease_seconds < self.first_token_seconds:
            least, was = self.first_token_seconds, self.lease_seconds
            return f"lease_seconds must be at least first_token_seconds, {least:g} (was {was:g})"
        return None


class Capacity(Settings):
    """After a 429 a target is left alone for what its headers say. That is no failure."""

    least_seconds: float = Field(0.25, gt=0, le=60, description="Whatever the headers say.")
    most_seconds: float = Field(60, gt=0, le=3600, description="Whatever the headers say: buckets refill all the time.")
    most_seconds_by_day: float = Field(900, gt=0, le=86400, description="When what is used up counts by hour or day.")
    unsaid_seconds: float = Field(1, gt=0, le=60, description="When no header says; doubles with each in a row.")
    unsaid_most_seconds: float = Field(30, gt=0, le=600, description="However many in a row.")


class Allowance(Settings):
    """What a target's headers say is left of its rate limits. A request that may need more goes to the next one."""

    heeded: bool = Field(True, description="false: a target is called until it answers 429.")
    completion_tokens: int = Field(
        16384, ge=0, description="Reserved by Cerebras where a request sets no limit, and never more than that."
    )
    spare_ratio: float = Field(
        0.03,
        ge=0,
        lt=1,
        description="Of what comes back in a minute, left unspent: estimates err, and others spend too.",
    )
    forgotten_after_seconds: float = Field(
        600, ge=1, le=86400, description="What was heard so long ago is no longer known, and the target is called."
    )


class InFlight(Fitting):
    """How many requests are under way at once. A stream is until it has ended or its client has left."""

    most: int = Field(
        400, ge=1, description="In this worker. One more is shed, at once: 503 `overloaded`, Retry-After 1."
    )
    most_per_target: int = Field(300, ge=1, description="At one target. One more goes to the next target.")
    loop_lag_ms: float = Field(
        1000, ge=50, description="While this process has been later than this for a while, new requests are shed too."
    )
    least: int = Field(16, ge=0, description="So few are never shed for that: it is not they who make it late.")

    def misfit(self) -> str | None:
        if self.most_per_target > self.most:
            return f"a target must carry at most what the worker carries, {self.most} (was {self.most_per_target})"
        return None


class Attempts(Settings):
    """What a request may cost in calls. A target that is skipped is no attempt."""

    most: int = Field(3, ge=1, le=10, description="Per request, over all its targets.")
    extra_ratio: float = Field(
        0.2, ge=0, le=1, description="Attempts beyond a request's first that may await a first token, of all in flight."
    )
    extra_minimum: int = Field(3, ge=1, le=1000, description="So many at once whatever is in flight; others wait.")


class OfTarget(Settings):
    """What differs for one target; what is left out is as it is for all."""

    trips: TripsOfTarget | None = Field(None, description="What opens its circuit.")
    open: OpenTimes | None = Field(None, description="How long it stays open.")
    probe: ProbeOfTarget | None = Field(None, description="How it closes again.")
    capacity: Capacity | None = Field(None, description="What a 429 does.")
    allowance: Allowance | None = Field(None, description="What is done before a 429.")
    misconfigured_seconds: float | None = Field(None, gt=0, le=3600, description="After a 401, 402, 403 or 404.")
    in_flight_most: int | None = Field(None, ge=1, description="How many of our requests it carries at once.")

    def onto(self, whole: CircuitsFile) -> dict[str, object]:
        """The sections of the file as they are for this target."""
        parts = {name: getattr(self, name) for name in ("trips", "open", "probe", "capacity", "allowance")}
        found: dict[str, object] = {
            name: getattr(whole, name).model_copy(update={each: getattr(part, each) for each in part.model_fields_set})
            for name, part in parts.items()
            if part is not None
        }
        if self.misconfigured_seconds is not None:
            found["misconfigured_seconds"] = self.misconfigured_seconds
        if self.in_flight_most is not None:
            found["in_flight"] = whole.in_flight.model_copy(update={"most_per_target": self.in_flight_most})
        return found


class Sharing(Settings):
    """What the gateways of a fleet tell each other over REDIS_URL. No request waits for it."""

    tick_ms: int = Field(100, ge=20, le=5000, description="From one exchange with the store to the next.")
    namespace: str = Field(
        "waferline",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Gateways of the same name are one fleet, so that two fleets can use one store.",
    )


class CircuitsFile(Settings):
    """One circuit per target: provider, upstream model and credential."""

    trips: Trips = Field(default_factory=Trips, description="What opens a circuit.")
    open: Open = Field(default_factory=Open, description="How long it stays open.")
    probe: Probe = Field(default_factory=Probe, description="How it closes again.")
    capacity: Capacity = Field(default_factory=Capacity, description="What a 429 does.")
    misconfigured_seconds: float = Field(
        60, gt=0, le=3600, description="After a 401, 402, 403 or 404 from a provider, which is an operator's to mend."
    )
    sharing: Sharing = Field(default_factory=Sharing, description="How a fleet shares all of that.")
    attempts: Attempts = Field(default_factory=Attempts, description="How often a request is tried.")
    allowance: Allowance = Field(default_factory=Allowance, description="What is done before a 429.")
    in_flight: InFlight = Field(default_factory=InFlight, description="How much is carried at once.")
    targets: dict[Name, OfTarget] = Field(
        default_factory=dict, description="By the id of a deployment in litellm_config.yaml: only what differs there."
    )

    def of(self, deployments: Iterable[str]) -> CircuitsFile:
        """The settings of one target, by the names it has."""
        found = self
        for deployment in deployments:
            if deployment in self.targets:
                found = found.model_copy(update=self.targets[deployment].onto(found))
        return found
