"""Streaming: whoever waits for the answer must see it come; nobody waits for a provider in silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from pydantic import Field

from plugins.policy.settings import Name, Settings, Waiver, waived
from plugins.policy.verdict import Allow, Amend, Refuse, StreamMode, Verdict


class StreamRule(StrEnum):
    REQUIRE = "require"
    UPGRADE = "upgrade"
    ALLOW = "allow"


_STRICTNESS = {StreamRule.ALLOW: 0, StreamRule.UPGRADE: 1, StreamRule.REQUIRE: 2}


class StreamingFile(Settings):
    """What happens to a request without `stream: true`. Of a workload's and a model's rule the stricter holds.

    require: refused with the cure. upgrade: the provider is streamed all the same, so that its first token is measured
    and a stall is caught, and the client gets ordinary JSON. allow: passed on as it came.
    """

    default: StreamRule = Field(StreamRule.UPGRADE, description="For whatever has no rule below.")
    workloads: dict[Name, StreamRule] = Field(default_factory=dict, description="By workload of policies/routing.yaml.")
    models: dict[Name, StreamRule] = Field(default_factory=dict, description="By model of litellm_config.yaml.")
    exceptions: list[Waiver] = Field(
        default_factory=list, description="Clients that need not stream for a while where it is required."
    )


def decide(
    settings: StreamingFile,
    *,
    stream: bool,
    asked: str,
    workload: str | None,
    models: Sequence[str],
    client: str,
    today: date,
    json_mode: bool = False,
) -> Verdict:
    """The strictest rule of all the models that may serve: a fallback must not stream less than its rule says."""
    if stream:
        return Allow("streaming.streamed", "the client streams")
    where, rule = max((_rule_for(settings, workload, model) for model in models), key=_strictness)
    if rule is StreamRule.REQUIRE:
        waiver = waived(settings.exceptions, client, (asked, workload, *models), today)
        if waiver:
            reason = f"{where} requires streaming, but {client!r} need not until {waiver.until} ({waiver.reason})"
            return Amend("streaming.exception", reason, stream=StreamMode.UPGRADE)
        return Refuse(
            f"streaming.{where}",
            f"{asked!r} is served as a stream only: somebody is waiting for its first word",
            'set "stream": true in the request'
            + (" and ask for a json_schema, which can be streamed" if json_mode else ""),
            400,
            "streaming_required",
            param="stream",
        )
    if rule is StreamRule.UPGRADE and json_mode:
        return Allow("streaming.json_mode", "passed on without streaming: Cerebras does not stream a json_object")
    if rule is StreamRule.UPGRADE:
        reason = "the provider is streamed, the client gets ordinary JSON"
        return Amend(f"streaming.{where}", reason, stream=StreamMode.UPGRADE)
    return Allow(f"streaming.{where}", "passed on without streaming")


def _rule_for(settings: StreamingFile, workload: str | None, model: str) -> tuple[str, StreamRule]:
    found = []
    if workload in settings.workloads:
        found.append((f"workloads.{workload}", settings.workloads[workload]))
    if model in settings.models:
        found.append((f"models.{model}", settings.models[model]))
    return max(found, key=_strictness) if found else ("default", settings.default)


def _strictness(found: tuple[str, StreamRule]) -> int:
    return _STRICTNESS[found[1]]
