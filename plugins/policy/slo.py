"""Service levels: what users of a workload are promised, and how sure a load test must be that it is kept.

The gateway never reads them; `waferline check` does, and the load tests judge by them.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from plugins.policy.settings import Name, Settings


class FirstTokenLimits(Settings):
    """From when a request was due to its first token, in milliseconds."""

    p50: float | None = Field(None, gt=0, le=600_000, description="Half of all requests are at most so late.")
    p95: float | None = Field(None, gt=0, le=600_000, description="19 of 20 requests are at most so late.")
    p99: float | None = Field(None, gt=0, le=600_000, description="99 of 100 requests are at most so late.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        written = {name: value for name, value in self.model_dump().items() if value is not None}
        rising = sorted(written.values())
        if list(written.values()) != rising:
            said = ", ".join(f"{name} {value:g}" for name, value in written.items())
            raise ValueError(f"a later percentile cannot be smaller than an earlier one (was {said})")
        return self


class RateLimits(Settings):
    """Over the streamed output of one answer, in tokens per second."""

    p5: float | None = Field(None, gt=0, le=100_000, description="19 of 20 answers are at least so fast.")


class GapLimits(Settings):
    """The longest wait within an answer, in milliseconds."""

    p99: float | None = Field(None, gt=0, le=600_000, description="99 of 100 answers never wait longer.")


class Goodput(Settings):
    """A request is good when its answer is whole and within every limit given here."""

    share: float | None = Field(None, ge=0, le=1, description="Of all requests, how many must be good.")
    first_token_ms: float | None = Field(None, gt=0, le=600_000, description="The first token is at most so late.")
    tokens_per_s: float | None = Field(None, gt=0, le=100_000, description="The answer is at least so fast.")
    gap_ms: float | None = Field(None, gt=0, le=600_000, description="No wait within it is longer.")


class Levels(Settings):
    """What is not written is not promised; a workload has what it writes, and the default for the rest."""

    first_token_ms: FirstTokenLimits = Field(default_factory=FirstTokenLimits, description="How late the first token.")
    tokens_per_s: RateLimits = Field(default_factory=RateLimits, description="How fast the answer.")
    gap_ms: GapLimits = Field(default_factory=GapLimits, description="How long a pause within it.")
    error_share: float | None = Field(
        None, ge=0, le=1, description="Of all requests, how many may get anything but a whole answer."
    )
    fallback_share: float | None = Field(
        None, ge=0, le=1, description="Of all answers, how many may come from another target than a model's first."
    )
    silent_truncation: float | None = Field(
        None, ge=0, le=1, description="Of all requests, how many answers may look whole and not be. One is too many: 0."
    )
    goodput: Goodput = Field(default_factory=Goodput, description="How many requests must be good in every respect.")


class SloFile(Settings):
    """Service levels. A promise is held when a run proves it, missed when a run refutes it."""

    confidence: float = Field(
        0.95, ge=0.5, le=0.999, description="How sure a run must be before it says held or missed."
    )
    default: Levels = Field(default_factory=Levels, description="For whatever is asked for.")
    workloads: dict[Name, Levels] = Field(
        default_factory=dict, description="By the workload or model that is asked for: what differs from the default."
    )

    def levels(self, workload: str) -> Levels:
        own = self.workloads.get(workload)
        if own is None:
            return self.default
        return Levels.model_construct(**_over(self.default, own))


def _over(below: Settings, above: Settings) -> dict[str, Any]:
    """Field by field: what is written above, else what is below. Each was checked when it was read."""
    made: dict[str, Any] = {}
    for name in type(below).model_fields:
        low, high = getattr(below, name), getattr(above, name)
        if isinstance(low, Settings):
            made[name] = type(low).model_construct(**_over(low, high))
        else:
            made[name] = low if high is None else high
    return made
