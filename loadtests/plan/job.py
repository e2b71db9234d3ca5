"""All that a generator process is told, as one JSON file. No key is in it: only the variable that holds one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadtests.plan.prompts import Prompt
from loadtests.plan.reading import Plan
from loadtests.plan.recorded import Request
from loadtests.plan.scenario import Scenario

VARIABLE = "WAFERLINE_LOAD_JOB"


class Place(BaseModel):
    """Where requests go."""

    model_config = ConfigDict(frozen=True)

    url: str
    key_variable: str | None = None


class Job(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    scenario: Scenario
    target: Place
    direct: Place | None = None
    run: str = ""  # its name, which no other run has
    folder: Path | None = None  # where samples go; None: into Locust's statistics only
    own_prompts: dict[str, list[dict[str, Any]]] = {}
    replayed: list[dict[str, Any]] = []

    def prompts_of(self, file: str) -> list[Prompt]:
        return [Prompt(**each) for each in self.own_prompts[file]]

    def requests(self) -> list[Request]:
        return [Request(**each) for each in self.replayed]


def job_of(plan: Plan, target: Place, direct: Place | None, folder: Path | None) -> Job:
    return Job(
        name=plan.name,
        scenario=plan.scenario,
        target=target,
        direct=direct,
        run=folder.name if folder else f"{time.time()}",
        folder=folder,
        own_prompts={
            name: [{"messages": each.messages, "more": each.more, "max_tokens": each.max_tokens} for each in found]
            for name, found in plan.own_prompts.items()
        },
        replayed=[
            {name: getattr(each, name) for name in ("at", "model", "prompt_tokens", "completion_tokens", "stream")}
            for each in plan.replayed
        ],
    )
