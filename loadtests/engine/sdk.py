"""The Cerebras SDK straight to the provider: one user, in a process of its own, as 4 such streams fill a core.

python -m loadtests.engine.sdk JOB.json
"""

from __future__ import annotations

import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from cerebras.cloud.sdk import APIConnectionError, APIStatusError, Cerebras

from loadtests.measure.outcome import Exchange, classify
from loadtests.measure.reader import Heard
from loadtests.plan.asking import Chooser, Question
from loadtests.plan.job import Job
from loadtests.plan.scenario import Compare
from loadtests.plan.timeline import stretches
from loadtests.record.sample import Phase, Sample
from loadtests.users.keeping import Keeper, read_clock

REST_SECONDS = 0.25  # so that it adds one quiet user, whatever the target carries
_LOOK_SECONDS = 0.05
_PROCESS = 1_000  # of no other process, so that no prompt is asked twice


def main(path: Path) -> None:
    job = Job.model_validate_json(path.read_bytes())
    assert job.folder is not None and job.direct is not None  # noqa: S101, PT018  the engine gives both
    compare = job.scenario.compare or Compare()
    client = Cerebras(
        base_url=job.direct.url.removesuffix("/v1"),
        api_key=os.environ.get(job.direct.key_variable or "", "none"),
        max_retries=0,
    )
    chooser = Chooser(job.scenario, {name: job.prompts_of(name) for name in job.own_prompts}, _PROCESS, job.run)
    keeper = Keeper(job.folder, "sdk")
    seconds = stretches(job.scenario.stages)[-1].end
    while (origin := read_clock(job.folder)) is None:
        time.sleep(_LOOK_SECONDS)
    while (now := perf_counter()) < origin + seconds:
        if now >= origin:
            keeper.keep(ask(client, chooser.next(), compare))
            keeper.flush()
        time.sleep(REST_SECONDS if now >= origin else _LOOK_SECONDS)
    keeper.close()


def ask(client: Any, question: Question, compare: Compare) -> Sample:
    body = question.to(compare).body
    sent = perf_counter()
    status, trouble, heard, name = 200, None, Heard(), f"sdk-{sent:.6f}"
    try:
        heard, name = listen(client.chat.completions.create(**body), sent) if question.streamed else (Heard(), name)
    except APIStatusError as error:
        status, trouble = error.status_code, None
    except APIConnectionError:
        trouble = "cut"
    end = perf_counter()
    exchange = Exchange(
        status=status,
        trouble=trouble,
        seconds=end - sent,
        most_tokens=question.most_tokens,
        expected_models=(compare.model,),
    )
    outcome, why = classify(exchange, heard)
    return Sample(
        id=name,
        stage="",
        phase=Phase.RAMP,
        way="sdk",
        workload=question.model,
        outcome=outcome,
        intended=sent,
        sent=sent,
        end=end,
        status=status,
        error=why,
        role=heard.role,
        first=heard.first,
        last=heard.last,
        gap=heard.gap,
        deliveries=heard.deliveries,
        events=heard.events,
        first_events=heard.first_events,
        prompt_tokens=heard.prompt_tokens,
        completion_tokens=heard.completion_tokens,
        finish=heard.finish,
        model_served=heard.model,
    )


def listen(chunks: Any, sent: float) -> tuple[Heard, str]:
    """Each chunk when the application gets it."""
    times: list[float] = []
    facts: dict[str, Any] = {"finish": None, "model": None, "prompt_tokens": None, "completion_tokens": None}
    role, name = None, f"sdk-{sent:.6f}"
    for chunk in chunks:
        now = perf_counter()
        role = role or now
        name = chunk.id or name
        facts["model"] = facts["model"] or chunk.model
        for choice in chunk.choices or ():
            delta = choice.delta
            if delta.content or delta.reasoning or delta.tool_calls:
                times.append(now)
            facts["finish"] = choice.finish_reason or facts["finish"]
        if chunk.usage is not None:
            facts |= {each: getattr(chunk.usage, each) for each in ("prompt_tokens", "completion_tokens")}
    gaps = [after - before for before, after in pairwise(times)]
    heard = Heard(
        role=role,
        first=times[0] if times else None,
        last=times[-1] if times else None,
        gap=max(gaps, default=None),
        deliveries=len(times),
        events=len(times),
        first_events=min(len(times), 1),
        done=True,
        whole=facts["finish"] is not None,
        **facts,
    )
    return heard, name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
