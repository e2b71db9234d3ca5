"""Deadlines: how long anybody waits for a provider, and how slow an answer may be."""

from __future__ import annotations

from pydantic import Field

from plugins.policy.settings import Settings


class Deadlines(Settings):
    """How long an attempt may take before the next target gets its chance, or the answer is called broken."""

    connect_seconds: float = Field(2, gt=0, le=60, description="Until the provider accepts the connection.")
    first_token_seconds: float = Field(5, gt=0, le=600, description="Until the first token; then the next target.")
    stall_seconds: float = Field(5, gt=0, le=600, description="Between two deliveries once tokens flow.")
    total_seconds: float = Field(300, gt=0, le=3600, description="For one attempt from call to finish.")
    request_seconds: float = Field(
        600,
        gt=0,
        le=7200,
        description="For all attempts of a request together, from its arrival; OpenAI's SDKs wait no longer either.",
    )
    minimum_tokens_per_s: float = Field(
        5,
        ge=0,
        le=1000,
        description="An answer slower than this in its opening stretch drips: the next target takes over if nothing has"
        " left yet; otherwise it goes on, and its circuit counts it as slow. 0 = any pace will do.",
    )
    pace_seconds: float = Field(
        5, gt=0, le=600, description="The opening stretch over which that is measured, from the first token."
    )


class DeadlineChanges(Settings):
    """Only what differs from the deadlines above it."""

    connect_seconds: float | None = Field(
        None, gt=0, le=60, description=Deadlines.model_fields["connect_seconds"].description
    )
    first_token_seconds: float | None = Field(
        None, gt=0, le=600, description=Deadlines.model_fields["first_token_seconds"].description
    )
    stall_seconds: float | None = Field(
        None, gt=0, le=600, description=Deadlines.model_fields["stall_seconds"].description
    )
    total_seconds: float | None = Field(
        None, gt=0, le=3600, description=Deadlines.model_fields["total_seconds"].description
    )
    request_seconds: float | None = Field(
        None, gt=0, le=7200, description=Deadlines.model_fields["request_seconds"].description
    )
    minimum_tokens_per_s: float | None = Field(
        None, ge=0, le=1000, description=Deadlines.model_fields["minimum_tokens_per_s"].description
    )
    pace_seconds: float | None = Field(
        None, gt=0, le=600, description=Deadlines.model_fields["pace_seconds"].description
    )
