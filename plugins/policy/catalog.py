"""What the vendor serves, and since and until when: the shape of policies/models.yaml and the questions asked of it.

Every answer is a function of the day it is asked about; nothing here knows what today is.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Stage(StrEnum):
    """Where the vendor put a model; for a retired model, where it stood while the shared endpoints served it."""

    PRODUCTION = "production"
    PREVIEW = "preview"
    DEDICATED = "dedicated"  # only ever on dedicated endpoints, or no longer on the shared ones with no date known
    UNCONFIRMED = "unconfirmed"  # in third-party lists only, never seen in a vendor catalog


class Phase(StrEnum):
    """What a model is to a client of the shared endpoints on one day."""

    UNRELEASED = "unreleased"
    LIVE = "live"
    PREVIEW = "preview"
    DEPRECATED = "deprecated"  # notice given, effect date not reached
    RETIRED = "retired"
    DEDICATED = "dedicated"
    UNKNOWN = "unknown"


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Known(_Facts):
    """A date known exactly (`on`) or only as "no later than" (`by`)."""

    on: date | None = Field(default=None, description="The exact day.")
    by: date | None = Field(default=None, description="The earliest day it was seen; it happened then or before.")

    @model_validator(mode="before")
    @classmethod
    def _undo_yaml_booleans(cls, value: Any) -> Any:
        """YAML 1.1 reads the bare key `on` as true."""
        if isinstance(value, dict) and True in value:
            return {"on" if key is True else key: held for key, held in value.items()}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.on is None) == (self.by is None):
            raise ValueError("a date is either known exactly or by a day: give one of 'on' and 'by'")
        return self

    @property
    def day(self) -> date:
        """The day to count with; for `by` this is the latest it can have been."""
        known = self.on or self.by
        assert known is not None  # noqa: S101  the validator above promises it
        return known


class Tier(_Facts):
    """What one kind of account may send and receive. An absent number is unknown, not unlimited."""

    context: int | None = Field(default=None, gt=0, description="Prompt and completion together, in tokens.")
    output: int | None = Field(default=None, gt=0, description="Largest completion, in tokens.")
    requests_per_minute: int | None = Field(default=None, gt=0, description="Requests per minute, per organisation.")
    uncached_tokens_per_minute: int | None = Field(
        default=None, gt=0, description="Tokens per minute that the prompt cache did not hold, per organisation."
    )
    total_tokens_per_minute: int | None = Field(
        default=None, gt=0, description="All tokens per minute, cached ones included, per organisation."
    )
    tokens_per_hour: int | None = Field(default=None, gt=0, description="Tokens per hour, per organisation.")
    tokens_per_day: int | None = Field(default=None, gt=0, description="Tokens per day, per organisation.")
    images: int | None = Field(default=None, ge=0, description="Images per request.")
    image_bytes: int | None = Field(default=None, gt=0, description="All images of one request together, in bytes.")


class Limits(_Facts):
    """The vendor's limits by kind of account."""

    free: Tier = Field(default=Tier(), description="The free trial (and, for older models, the former free tier).")
    paid: Tier = Field(default=Tier(), description="Pay as you go (the vendor's Developer tier).")


class Price(_Facts):
    """US dollars per million tokens."""

    input: float | None = Field(default=None, ge=0, description="US dollars per million prompt tokens.")
    output: float | None = Field(default=None, ge=0, description="US dollars per million completion tokens.")


class Capabilities(_Facts):
    """What the model accepts and does. An absent fact is unknown: neither yes nor no."""

    reasoning: bool | None = Field(default=None, description="Whether the model can reason at all.")
    reasoning_default: Literal["none", "low", "medium", "high", "on"] | None = Field(
        default=None, description="What happens when the request names no effort; 'on' where the vendor names no level."
    )
    reasoning_always: bool | None = Field(default=None, description="Whether reasoning cannot be turned off.")
    efforts: list[str] | None = Field(
        default=None, description="Every reasoning_effort it accepts; absent while the list is not known completely."
    )
    efforts_refused: list[str] | None = Field(
        default=None, description="Values of reasoning_effort it is known to refuse."
    )
    disable_reasoning: bool | None = Field(default=None, description="Whether it accepts disable_reasoning.")
    default_format: Literal["parsed", "text_parsed", "raw", "hidden", "none"] | None = Field(
        default=None, description="The reasoning_format in force when the request names none."
    )
    formats_refused: list[str] | None = Field(
        default=None, description="Values of reasoning_format it is known to refuse."
    )
    reasoning_history: Literal["reasoning", "think_tags"] | None = Field(
        default=None,
        description="How earlier reasoning goes back: an assistant 'reasoning' field, or <think> tags in its content.",
    )
    tools: bool | None = Field(default=None, description="Whether it takes tools.")
    parallel_tools: bool | None = Field(default=None, description="Whether one answer may hold several tool calls.")
    strict_schema: bool | None = Field(default=None, description="Whether it takes a strict json_schema.")
    tools_with_response_format: Literal["rejected", "tools_win", "both"] | None = Field(
        default=None,
        description="A request with tools and response_format is rejected, answered by tools alone, or may get both.",
    )
    images: bool | None = Field(default=None, description="Whether it takes images.")
    prediction: bool | None = Field(default=None, description="Whether it takes the prediction parameter.")
    single_system_message: bool | None = Field(
        default=None, description="Whether it takes only one system message; false when any number is fine."
    )


class Figure(_Facts):
    """One published measurement."""

    tokens_per_s: float | None = Field(default=None, gt=0, description="Output tokens per second.")
    first_token_ms: float | None = Field(default=None, gt=0, description="First token of any kind, in milliseconds.")
    first_answer_ms: float | None = Field(
        default=None, gt=0, description="First token of the answer, after any reasoning, in milliseconds."
    )
    published: date | None = Field(default=None, description="The day of publication or measurement, where known.")
    source: str = Field(min_length=1, description="Who says so.")
    note: str | None = Field(default=None, description="Conditions, ranges and bounds, in one line.")


class Speed(_Facts):
    """How fast it is said to be."""

    vendor_tokens_per_s: float | None = Field(
        default=None, gt=0, description="The vendor's rounded figure: a peak, not a promise."
    )
    independent: list[Figure] = Field(default=[], description="What others measured.")


class Row(_Facts):
    """One model. What is not known is absent."""

    stage: Stage = Field(
        description="Where the vendor put it; for a retired model, where it stood while the shared endpoints served it."
    )
    first_public: Known | None = Field(default=None, description="When the shared endpoints first served it.")
    notice: Known | None = Field(default=None, description="When the vendor announced its retirement.")
    retires: date | None = Field(default=None, description="The vendor's effect date; retired on paper from that day.")
    answered_until: date | None = Field(
        default=None, description="The last day it was seen listed and answering on or after its effect date."
    )
    dedicated_after: bool = Field(
        default=False, description="Whether dedicated endpoints still serve it after it left the shared ones."
    )
    replacements: list[str] = Field(
        default=[], description="The models the vendor named instead, in the vendor's order; empty when none was named."
    )
    replacement_note: str | None = Field(default=None, description="What else the vendor said about replacing it.")
    limits: Limits = Field(default=Limits(), description="Context, output and rate limits by kind of account.")
    price: Price | None = Field(default=None, description="The last known price.")
    capabilities: Capabilities = Field(default=Capabilities(), description="What it accepts and does.")
    speed: Speed = Field(default=Speed(), description="Published speeds.")
    reference: Figure | None = Field(
        default=None,
        description="The figure to compare a deployment with: within a factor of two is right, a factor of ten wrong.",
    )
    also_written: list[str] = Field(
        default=[], description="Other ids people and price maps use for it; the vendor never answered to them."
    )
    sources: list[str] = Field(default=[], description="Where the facts of this row come from.")
    mark: Literal["confirmed", "single", "unknown"] = Field(
        description="How well its place in the life cycle is known: vendor or two sources, one source, or not at all."
    )
    single_source: list[str] = Field(
        default=[], description="Facts of this row that rest on one source, as dotted names such as limits.paid.output."
    )
    verified_on: date = Field(description="When a person last compared this row with its sources.")
    note: str | None = Field(default=None, description="Anything odd, in a line or two.")

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.retires is None:
            if self.answered_until is not None or self.dedicated_after:
                raise ValueError("'answered_until' and 'dedicated_after' follow 'retires': give that date too")
            return self
        if self.first_public and self.first_public.day > self.retires:
            raise ValueError(f"retires on {self.retires}, before it was first public on {self.first_public.day}")
        if self.notice and self.notice.day > self.retires:
            raise ValueError(f"retires on {self.retires}, before the notice of {self.notice.day}")
        if self.answered_until and self.answered_until < self.retires:
            raise ValueError(f"answered until {self.answered_until}, before it retires on {self.retires}: leave it out")
        return self


class Catalog(_Facts):
    """Every model the vendor is known or said to have served. This is the shape of policies/models.yaml."""

    verified_on: date = Field(description="When a person last compared the list of models with the vendor's.")
    provider: Literal["cerebras"] = Field(description="Whose models these are.")
    models: dict[str, Row] = Field(description="One row per model, under the vendor's own id.")

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        problems = [*self._unknown_replacements(), *self._clashing_names()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_replacements(self) -> Iterable[str]:
        for name, row in self.models.items():
            for replacement in row.replacements:
                if replacement == name:
                    yield f"{name!r} names itself as its replacement: remove it"
                elif replacement not in self.models:
                    near = get_close_matches(replacement, self.models, n=1)
                    cure = f"did you mean {near[0]!r}?" if near else "add a row for it"
                    yield f"{name!r} names the replacement {replacement!r}, which is not in the catalog: {cure}"

    def _clashing_names(self) -> Iterable[str]:
        owners: dict[str, str] = {}
        for name, row in self.models.items():
            for alias in row.also_written:
                if alias in self.models:
                    yield f"{name!r} is also written {alias!r}, which is a model of its own: remove one"
                elif alias in owners:
                    yield f"{alias!r} is listed twice in also_written, under {owners[alias]!r} and {name!r}: remove one"
                owners.setdefault(alias, name)


def find(catalog: Catalog, name: str) -> tuple[str, Row] | None:
    """The vendor's id and row for a name, whichever way it is written."""
    if row := catalog.models.get(name):
        return name, row
    return next(((known, row) for known, row in catalog.models.items() if name in row.also_written), None)


def phase_on(row: Row, day: date) -> Phase:
    """The model's phase on paper: from the effect date on it is retired, whether or not it still answers.

    A first day known only as "by" leaves the days before it UNKNOWN: it may have been live already.
    A first day not known at all counts as long ago. A notice known as "by" counts from that day.
    """
    if row.stage is Stage.UNCONFIRMED:
        return Phase.UNKNOWN
    if row.retires and day >= row.retires:
        return Phase.DEDICATED if row.dedicated_after else Phase.RETIRED
    if row.stage is Stage.DEDICATED:
        return Phase.DEDICATED
    if row.first_public and day < row.first_public.day:
        return Phase.UNRELEASED if row.first_public.on else Phase.UNKNOWN
    if row.notice and day >= row.notice.day:
        return Phase.DEPRECATED
    return Phase.PREVIEW if row.stage is Stage.PREVIEW else Phase.LIVE


def public_on(catalog: Catalog, day: date) -> frozenset[str]:
    """What the shared endpoints served that day as a matter of fact, previews and stragglers included."""
    return frozenset(name for name, row in catalog.models.items() if _served_on(row, day))


def _served_on(row: Row, day: date) -> bool:
    if row.retires and day >= row.retires:
        return row.answered_until is not None and day <= row.answered_until
    return phase_on(row, day) in {Phase.LIVE, Phase.PREVIEW, Phase.DEPRECATED}


def successor_on(catalog: Catalog, name: str, day: date) -> str | None:
    """The first live model down the vendor's chain of replacements, or None when the chain ends without one.

    Chains go stale: a replacement may itself be retired by now, so its own replacements are tried before the next one.
    """
    found = find(catalog, name)
    if found is None:
        return None
    start, row = found
    seen = {start}
    waiting = list(reversed(row.replacements))
    while waiting:
        candidate = waiting.pop()
        if candidate in seen:
            continue
        seen.add(candidate)
        if phase_on(catalog.models[candidate], day) is Phase.LIVE:
            return candidate
        waiting.extend(reversed(catalog.models[candidate].replacements))
    return None


def days_left(row: Row, day: date) -> int | None:
    """Days until the effect date: 0 on it, negative after it, None when none is announced."""
    return None if row.retires is None else (row.retires - day).days


def leaving_within(catalog: Catalog, names: Iterable[str], day: date, days: int) -> list[tuple[str, date]]:
    """Which of these names retire within so many days or have already, earliest first; each as it was written."""
    horizon = day + timedelta(days=days)
    leaving: set[tuple[str, date]] = set()
    for name in names:
        found = find(catalog, name)
        if found and found[1].retires and found[1].retires <= horizon:
            leaving.add((name, found[1].retires))
    return sorted(leaving, key=lambda pair: (pair[1], pair[0]))


def live_models(catalog: Catalog, day: date) -> list[str]:
    """The models to build on: in production, with no notice given."""
    return sorted(name for name, row in catalog.models.items() if phase_on(row, day) is Phase.LIVE)
