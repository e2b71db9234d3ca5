"""Routing: which models serve a workload, on which lane, and how long anybody waits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from plugins.policy.commit import Commit, CommitChanges
from plugins.policy.deadlines import DeadlineChanges, Deadlines
from plugins.policy.settings import Name, Settings

LONGEST_WINDOW_MS = 250  # what a reader does not take for a pause


class Lane(StrEnum):
    EXPRESS = "express"  # past LiteLLM, wherever nothing is lost by it
    LITELLM = "litellm"


class Parameters(Settings):
    """Sent to the provider where the client says nothing."""

    reasoning_effort: Literal["none", "low", "medium", "high"] | None = Field(None, description="How long to think.")
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature.")
    max_completion_tokens: int | None = Field(
        None, ge=1, le=131072, description="Cerebras reserves this from the token budget: keep it as small as the task."
    )


class Workload(Settings):
    """A named need. Clients ask for it like for a model."""

    purpose: str = Field(min_length=1, description="What it is for, in one sentence.")
    models: list[Name] = Field(min_length=1, description="Models of litellm_config.yaml, best first.")
    lane: Lane | None = Field(None, description="Overrides the lane of the file.")
    merge_window_ms: float | None = Field(
        None, ge=0, le=LONGEST_WINDOW_MS, description="Overrides the merge window of the file."
    )
    commit: CommitChanges = Field(default_factory=CommitChanges, description="What differs here.")
    deadlines: DeadlineChanges = Field(default_factory=DeadlineChanges, description="What differs here.")
    hedge_after_seconds: float | None = Field(
        None,
        gt=0,
        le=600,
        description="When the first token is later than this, the next target starts as well, and whoever speaks first"
        " answers. Spends tokens twice; the retry budget of circuits.yaml bounds it. Unset: off.",
    )
    parameters: Parameters = Field(default_factory=Parameters, description="Defaults for the provider.")


class RoutingFile(Settings):
    """Workloads, and what holds for requests that name a model directly."""

    lane: Lane = Field(
        Lane.EXPRESS,
        description="express: past LiteLLM wherever nothing is lost by it; litellm: always through LiteLLM.",
    )
    merge_window_ms: float = Field(
        10,
        ge=0,
        le=LONGEST_WINDOW_MS,
        description="Text arriving within this window leaves as one event; the first token never waits; 0 = off.",
    )
    litellm_window_ms_per_stream: float = Field(
        4,
        ge=0,
        le=50,
        description="Where a callback acts on what passes, all of an answer passes through LiteLLM, at half a"
        " millisecond per delivery: the window is then at least this times the streams at once; 0 = always"
        " merge_window_ms.",
    )
    warm_connections: int = Field(
        4, ge=1, le=64, description="Connections kept open to each provider, so that a burst of users finds them there."
    )
    commit: Commit = Field(default_factory=Commit, description="When an answer begins to leave.")
    deadlines: Deadlines = Field(default_factory=Deadlines, description="For whatever has none of its own.")
    workloads: dict[Name, Workload] = Field(default_factory=dict, description="By the name that clients ask for.")


@dataclass(frozen=True, slots=True)
class Route:
    """A request's way, before anybody asked whether its models may be served."""

    workload: str | None
    models: tuple[str, ...]
    lane: Lane
    merge_window: float
    deadlines: Deadlines
    parameters: dict[str, Any]
    litellm_window_per_stream: float = 0
    commit: Commit = field(default_factory=Commit)
    hedge_after: float | None = None

    def litellm_window(self, streams: int) -> float:
        """How far apart the deliveries of a stream are that shares LiteLLM with the others, itself included."""
        shared = min(streams * self.litellm_window_per_stream, LONGEST_WINDOW_MS / 1000)
        return max(self.merge_window, shared) if self.merge_window else 0

    def with_first_token(self, seconds: float) -> Route:
        return replace(self, deadlines=self.deadlines.model_copy(update={"first_token_seconds": seconds}))


def resolve(routing: RoutingFile, asked: str) -> Route:
    workload = routing.workloads.get(asked)
    per_stream = routing.litellm_window_ms_per_stream / 1000
    if workload is None:
        window = routing.merge_window_ms / 1000
        return Route(None, (asked,), routing.lane, window, routing.deadlines, {}, per_stream, routing.commit)
    window = routing.merge_window_ms if workload.merge_window_ms is None else workload.merge_window_ms
    return Route(
        workload=asked,
        models=tuple(workload.models),
        lane=workload.lane or routing.lane,
        merge_window=window / 1000,
        deadlines=routing.deadlines.model_copy(update=workload.deadlines.model_dump(exclude_none=True)),
        parameters=workload.parameters.model_dump(exclude_none=True),
        litellm_window_per_stream=per_stream,
        commit=routing.commit.model_copy(update=workload.commit.model_dump(exclude_none=True)),
        hedge_after=workload.hedge_after_seconds,
    )
