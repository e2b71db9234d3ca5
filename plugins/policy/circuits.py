"""Circuits: when a target is called no more, when it is tried again, and how many attempts a request may cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from plugins.policy.settings import Settings


class AllOpen(StrEnum):
    """What is done when the circuit of every target is open."""

    PROBE = "probe"  # each is tried ahead of time, by one request at a time
    REFUSE = "refuse"


class Trips(Settings):
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
    loop_lag_ms: float = Field(
        100, ge=1, le=10000, description="While our own process was later than this, lateness is not the provider's."
    )


class Open(Settings):
    """How long a target is left alone. The time doubles with every opening and falls again with every recovery."""

    seconds: float = Field(5, gt=0, le=3600, description="The first time.")
    most_seconds: float = Field(120, gt=0, le=3600, description="However often it has opened.")
    jitter_ratio: float = Field(0.2, ge=0, le=1, description="Added at random, so that gateways do not come at once.")
    forgiven_after_seconds: float = Field(
        60, gt=0, le=86400, description="So long closed without a break makes one opening forgotten."
    )

    @model_validator(mode="after")
    def _most_is_more(self) -> Self:
        if self.most_seconds < self.seconds:
            raise ValueError(f"most_seconds must be at least seconds, {self.seconds:g} (was {self.most_seconds:g})")
        return self


class Probe(Settings):
    """The one request in flight that tries whether a target is back."""

    first_token_seconds: float = Field(2, gt=0, le=600, description="What its client may lose before the next target.")
    lease_seconds: float = Field(
        10, gt=0, le=600, description="Without a report by then another may try, be it of another gateway of the fleet."
    )
    successes: int = Field(2, ge=1, le=100, description="In a row, each at its first token, close the circuit.")
    all_open: AllOpen = Field(
        AllOpen.PROBE,
        description="When every target is open. probe: one request at a time tries each ahead of time; refuse: 503.",
    )
    between_seconds: float = Field(
        1, gt=0, le=600, description="From one such try ahead of time that failed to the next one."
    )

    @model_validator(mode="after")
    def _lease_covers_the_wait(self) -> Self:
        if self.lease_seconds < self.first_token_seconds:
            least, was = self.first_token_seconds, self.lease_seconds
            raise ValueError(f"lease_seconds must be at least first_token_seconds, {least:g} (was {was:g})")
        return self


class Capacity(Settings):
    """After a 429 a target is left alone for what its headers say. That is no failure."""

    least_seconds: float = Field(0.25, gt=0, le=60, description="Whatever the headers say.")
    most_seconds: float = Field(60, gt=0, le=3600, description="Whatever the headers say: buckets refill all the time.")
    most_seconds_by_day: float = Field(900, gt=0, le=86400, description="When what is used up counts by hour or day.")
    unsaid_seconds: float = Field(1, gt=0, le=60, description="When no header says; doubles with each in a row.")
    unsaid_most_seconds: float = Field(30, gt=0, le=600, description="However many in a row.")


class Attempts(Settings):
    """What a request may cost in calls. A target that is skipped is no attempt."""

    most: int = Field(3, ge=1, le=10, description="Per request, over all its targets.")
    extra_ratio: float = Field(
        0.2, ge=0, le=1, description="Attempts beyond a request's first that may await a first token, of all in flight."
    )
    extra_minimum: int = Field(3, ge=1, le=1000, description="So many at once whatever is in flight; others wait.")


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
