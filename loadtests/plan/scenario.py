"""A scenario: `loadtests/scenarios/<name>.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from plugins.policy.settings import Name, Settings

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
Arrival = Literal["closed", "constant", "poisson", "recorded"]
Way = Literal["direct", "sdk"]
UNIMPORTANT = frozenset({"purpose", "bounds", "generator"})  # to whether two runs are alike


class Ask(Settings):
    """One kind of request."""

    model: Name = Field(description="The model or workload that is asked for.")
    weight: float = Field(1, gt=0, description="How often, compared with the other asks.")
    max_tokens: int = Field(128, ge=1, le=1_000_000, description="max_completion_tokens of each request.")
    prompt_tokens: int = Field(64, ge=1, le=1_000_000, description="Of made-up prompts; own prompts have their size.")
    prompts: str | None = Field(None, description="A JSONL file of own prompts, as seen from the repository.")
    stream: bool = Field(True, description="Whether the answer is streamed.")
    parameters: dict[str, str | int | float | bool] = Field({}, description="More fields of the body.")
    expect: list[Name] = Field([], description="The models that may answer (what was asked for, or what we resolve).")


class Stage(Settings):
    """A stretch of the run."""

    name: Word = Field(description="What reports call it.")
    seconds: float = Field(gt=0, le=86_400, description="How long requests are begun.")
    users: int | None = Field(None, ge=1, le=100_000, description="Who ask again as soon as they have their answer.")
    rate: float | None = Field(None, gt=0, le=100_000, description="Requests per second, whether answers come or not.")
    ramp_seconds: float = Field(0, ge=0, description="At its beginning, not counted; new users start spread over it.")


class Fault(Settings):
    """What goes wrong at a simulated provider, and when."""

    at: float = Field(ge=0, description="Seconds since the run began.")
    seconds: float = Field(gt=0, description="For how long.")
    provider: Literal["cerebras", "fallback"] = Field("cerebras", description="Which one.")
    knobs: dict[str, str | int | float | bool] = Field(
        description="Its knobs meanwhile; see `python -m simulator --help`."
    )


class Patience(Settings):
    """When a user gives up."""

    connect_seconds: float = Field(10, gt=0, description="For a connection.")
    first_token_seconds: float = Field(30, gt=0, description="For the first token.")
    stall_seconds: float = Field(15, gt=0, description="Between two deliveries.")
    total_seconds: float = Field(300, gt=0, description="For all of it.")


class Compare(Settings):
    """What is asked of the provider itself within the same run, interleaved with what is asked of the target."""

    ways: list[Way] = Field(["direct"], min_length=1, description="direct: raw HTTP; sdk: the Cerebras SDK.")
    every: int = Field(5, ge=2, description="Each nth request goes there.")
    model: Name = Field("gpt-oss-120b", description="The provider's own id of the model.")
    parameters: dict[str, str | int | float | bool] = Field(
        {"reasoning_effort": "low"}, description="Fields that the target adds by policy, so that both are asked alike."
    )


class Bounds(Settings):
    """A run that would go beyond them is not started; one that does is stopped."""

    max_requests: int = Field(100_000, ge=1, description="Most requests.")
    max_tokens: int = Field(50_000_000, ge=1, description="Most tokens, prompts and answers.")


class Generator(Settings):
    """The processes that send."""

    processes: int = Field(1, ge=1, le=256, description="One is enough for 64 fast streams; more take more cores.")
    lag_ms: float = Field(20, gt=0, description="Beyond it at the 99th percentile the run is void.")
    cpu_share: float = Field(0.9, gt=0, le=1, description="Of one core; beyond it the run is void.")


class Recorded(Settings):
    """Traffic of our own log, replayed."""

    log: str = Field(description="A file with `request.finished` lines, as seen from the repository.")
    speed: float = Field(1, gt=0, description="2 is twice as fast as it was.")


class Scenario(Settings):
    purpose: str = Field(min_length=1, description="What it is to find out.")
    arrival: Arrival = Field(
        "closed", description="closed: users wait for answers; constant or poisson: they do not; recorded: as logged."
    )
    asks: list[Ask] = Field([], description="What is asked.")
    stages: list[Stage] = Field(min_length=1, description="One after another.")
    must_prove: bool = Field(
        True, description="Whether promises must be proven by enough samples; if not, they hold until refuted."
    )
    slo: str | None = Field(None, description="Promises of its own, as seen from the repository (policies/slo.yaml).")
    ends_at_knee: bool = Field(
        False,
        description="Whether a sweep ends as soon as its knee is confirmed, two levels in a row miss a promise, or the "
        "generator is the bottleneck; its stages are the most it does.",
    )
    think_seconds: float = Field(0, ge=0, description="What a user of a closed loop rests between two requests.")
    recorded: Recorded | None = Field(None, description="For arrival: recorded.")
    compare: Compare | None = Field(None, description="Whom it is compared with in the same run.")
    faults: list[Fault] = Field([], description="What goes wrong meanwhile, where we simulate the providers.")
    patience: Patience = Field(Patience(), description="When a user gives up.")
    bounds: Bounds = Field(Bounds(), description="How much it may be at most.")
    generator: Generator = Field(Generator(), description="The processes that send.")
    simulator: dict[str, str | int | float | bool] = Field(
        {"text": "numbered"}, description="Knobs of simulated providers, where there is no target."
    )
    seed: int = Field(1, description="Of prompts, of what is asked next and of arrivals.")

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    @property
    def is_open(self) -> bool:
        return self.arrival != "closed"
