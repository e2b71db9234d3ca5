"""Commit: when an answer begins to leave. Until then a break is repaired by the next target, without a trace."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from plugins.policy.settings import Settings

LONGEST_HOLD_MS = 50  # what a user who waits for the first word does not notice


class Atomic(StrEnum):
    NEVER = "never"
    SHORT = "short"  # when the request's own limit on tokens says that it will be
    ALWAYS = "always"


class Commit(Settings):
    """Later than at the first token, for those who would rather wait than see an answer break."""

    hold_ms: float = Field(
        0,
        ge=0,
        le=LONGEST_HOLD_MS,
        description="After the first token nothing leaves for so long, so that a break right behind it is repaired.",
    )
    atomic: Atomic = Field(
        Atomic.NEVER,
        description="Whether an answer is read whole before any of it leaves, so that even a late break is repaired."
        " never; short: when the request's max_completion_tokens says that it will be; always.",
    )
    atomic_most_tokens: int = Field(
        512, ge=1, le=131072, description="What is short. A request without max_completion_tokens is not."
    )
    atomic_most_seconds: float = Field(
        30,
        gt=0,
        le=240,
        description="An answer that takes longer, or has more than 1 MB, leaves as far as it is and goes on as a"
        " stream: until then its client, and every proxy between, hears nothing at all.",
    )

    def reads_whole(self, most_tokens: int | None) -> bool:
        """Of a request whose answer has so many tokens at the most."""
        if self.atomic is Atomic.SHORT:
            return most_tokens is not None and most_tokens <= self.atomic_most_tokens
        return self.atomic is Atomic.ALWAYS


class CommitChanges(Settings):
    """Only what differs from the commit of the file."""

    hold_ms: float | None = Field(
        None, ge=0, le=LONGEST_HOLD_MS, description=Commit.model_fields["hold_ms"].description
    )
    atomic: Atomic | None = Field(None, description=Commit.model_fields["atomic"].description)
    atomic_most_tokens: int | None = Field(
        None, ge=1, le=131072, description=Commit.model_fields["atomic_most_tokens"].description
    )
    atomic_most_seconds: float | None = Field(
        None, gt=0, le=240, description=Commit.model_fields["atomic_most_seconds"].description
    )
