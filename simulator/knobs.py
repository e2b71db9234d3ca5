"""Everything that can be turned. Flags, YAML keys, directives and PUT bodies are all made from this one model."""

import datetime as dt
import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from simulator.faults import FAULTS


class KnobError(ValueError):
    """A knob that does not exist or cannot have this value, in one sentence with its cure."""


def _listed(value: object) -> object:
    """Flags and directives write lists as text; a comma would end a directive, so a bar separates too."""
    return (
        [part.strip() for part in value.replace("|", ",").split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _number(value: object) -> object:
    """A choice between numbers does not read text by itself."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


def _known_fault(value: object) -> object:
    name = str(value)
    if name in FAULTS:
        return name
    near = difflib.get_close_matches(name, FAULTS, n=3, cutoff=0.5)
    raise ValueError(f"must be one of {', '.join(near or sorted(FAULTS))}")


class Knobs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    # speed
    pace: float = Field(2300.0, gt=0, description="tokens per second after the first token")
    first_token: float = Field(0.17, ge=0, description="seconds from the request to its first token")
    headers_after: float | None = Field(
        None, ge=0, description="seconds to the response headers (default: with the first frame)"
    )
    role_after: float | None = Field(
        None, ge=0, description="seconds to the role chunk (default: with the first token)"
    )
    segment: Literal["tick", "event"] = Field(
        "tick", description="what one HTTP chunk holds: all events due, or one event"
    )
    write_every: float = Field(
        0.002, ge=0.001, description="seconds between two writes of one stream when segment is tick"
    )

    # text
    text: Literal["prose", "numbered", "unicode"] = Field(
        "prose", description="prose, 'w0001 w0002 ' for oracles, or text with emoji"
    )
    tokens: int = Field(256, ge=0, description="natural length of an answer in completion tokens")
    tokens_per_event: float = Field(2.5, ge=1, description="mean tokens in one event")
    reasoning_tokens: int | None = Field(
        None, ge=0, description="reasoning tokens of an answer (default: by model and effort)"
    )
    seed: int = Field(1, description="same seed, same prompt: same text; also seeds fault_share")
    tool_calls: int = Field(1, ge=0, description="calls to answer with when tools are offered; 0 answers in text")
    reasoning_field: Literal["none", "reasoning", "reasoning_content"] = Field(
        "none", description="openai persona: the delta field that carries reasoning"
    )

    # who and what is let in
    models: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="live models (default: by --today for cerebras, any for openai); separate with , or |"
    )
    unlisted: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        (), description="models that are listed by GET /v1/models but answer 404, as listing is not access"
    )
    today: dt.date | None = Field(None, description="date that decides which models live (default: the real one)")
    api_key: str | None = Field(None, description="the only key let in (default: any non-empty one)")
    strict: bool = Field(True, description="cerebras persona: refuse what Cerebras refuses in a body")
    prefill: bool = Field(True, description="whether a conversation may end with the assistant's own words")
    validation_status: Annotated[Literal[400, 422], BeforeValidator(_number)] = Field(
        400, description="status of a refused body; both were seen"
    )
    context_limit: int | None = Field(
        None, gt=0, description="context length in tokens (default: the model's paid limit)"
    )

    # limiter
    tier: Literal["free", "developer", "unlimited"] = Field("unlimited", description="published limits to enforce")
    rpm: int | None = Field(None, ge=0, description="requests per minute, instead of the tier's")
    tpm: int | None = Field(None, ge=0, description="uncached tokens per minute, instead of the tier's")
    total_tpm: int | None = Field(None, ge=0, description="total tokens per minute (default: three times tpm)")
    reserve_cap: int = Field(
        16384, ge=0, description="most completion tokens reserved at admission; also when none were asked"
    )
    cached_share: float = Field(
        0.0, ge=0, le=1, description="share of the prompt that counts as cached, in blocks of 128"
    )

    # faults
    fault: Annotated[str, BeforeValidator(_known_fault)] = Field(
        "none", description="what goes wrong: " + ", ".join(FAULTS)
    )
    after: int = Field(
        0, ge=0, description="content tokens sent before a streaming fault; 0 is right after the role chunk"
    )
    fault_share: float = Field(1.0, ge=0, le=1, description="share of requests the fault hits")
    fault_for: int | None = Field(None, ge=0, description="only the first N requests are hit")
    fault_seconds: float | None = Field(None, ge=0, description="the fault is on only this long after it was set")
    pause_seconds: float | None = Field(
        None, ge=0, description="how long hang, role_only, stall, stall_cut and chatter last (default: for ever)"
    )
    retry_after: str | None = Field(None, description="retry-after header of status faults, verbatim")
    reset: str | None = Field(None, description="x-ratelimit-reset-* of 429 faults, verbatim (default: plausible)")
    rate_headers: bool = Field(True, description="whether x-ratelimit-* headers are sent")
    error_status: int = Field(503, ge=400, le=599, description="status inside an in-band error event")

    # assumptions: nothing public says how Cerebras behaves here
    queue_param: str = Field("queue", description="ASSUMPTION: param of a queue_exceeded body")
    limit_retry_after: bool = Field(False, description="ASSUMPTION: limiter 429s carry retry-after")
    name_bucket: bool = Field(False, description="ASSUMPTION: a token 429 names the uncached or total bucket")
    token_header: Literal["uncached", "total"] = Field(
        "uncached", description="ASSUMPTION: bucket in x-ratelimit-*-tokens-*"
    )
    usage_by_default: bool = Field(
        True, description="ASSUMPTION: cerebras streams carry usage when stream_options is absent"
    )
    usage_when_off: bool = Field(
        False, description="ASSUMPTION: cerebras streams carry usage although include_usage is false"
    )
    fault_message: str | None = Field(None, description="ASSUMPTION: message of a status fault, instead of ours")
    fault_code: str | None = Field(None, description="ASSUMPTION: code of a status fault, instead of ours")
    done_after_error: bool = Field(False, description="ASSUMPTION: [DONE] follows an in-band error")
    retired_status: Annotated[Literal[404, 503], BeforeValidator(_number)] = Field(
        404, description="ASSUMPTION: status of a retired model; 503 was seen soon after"
    )
    warming_status: int = Field(200, ge=200, le=599, description="ASSUMPTION: status of GET /v1/tcp_warming")
    warming_hangs: bool = Field(False, description="GET /v1/tcp_warming never answers")
    time_to_reset: Literal["full", "usable"] = Field(
        "full", description="ASSUMPTION: x-ratelimit-reset-* counts to a full bucket, or to one that is not empty"
    )


def turn(knobs: Knobs, changes: Mapping[str, Any], place: str) -> Knobs:
    """`knobs` with `changes` applied; `place` names where the changes were written."""
    if not changes:
        return knobs
    for name in changes:
        if name not in Knobs.model_fields:
            raise KnobError(f"{place}: no knob is called {name!r}{_hint(name)}")
    try:
        return Knobs.model_validate({**knobs.model_dump(), **changes})
    except ValidationError as error:
        raise KnobError(_sentence(error, place)) from None


def read_directives(text: str) -> dict[str, str]:
    """`fault=cut,after=40` as a mapping. A part without `=` continues a value, so an HTTP date needs no quotes."""
    changes: dict[str, str] = {}
    last = ""
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            last = name.strip().replace("-", "_")
            changes[last] = value.strip()
        elif last:
            changes[last] += "," + part
        elif part.strip():
            raise KnobError(f"directive {part.strip()!r} has no value, write it as {part.strip()}=value")
    return changes


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, Knobs.model_fields, n=1)
    return f", did you mean {near[0]!r}" if near else ", see --help for the list"


def _sentence(error: ValidationError, place: str) -> str:
    first = error.errors()[0]
    knob = first["loc"][0] if first["loc"] else "?"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {knob} {reason[0].lower()}{reason[1:]} (was {first['input']!r})"
