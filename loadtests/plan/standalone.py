"""What Locust's own command line says, as a job: for whoever runs plain `locust`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.measure.request import address_of
from loadtests.plan.consent import missing
from loadtests.plan.job import Job, Place, job_of
from loadtests.plan.overrides import OverrideError, Overrides, override
from loadtests.plan.prompts import parse
from loadtests.plan.reading import ROOT, Plan, read
from loadtests.plan.scenario import Ask, Bounds, Scenario, Stage

A_DAY = 86_400.0
KEY_VARIABLES = ("LITELLM_MASTER_KEY", "OPENAI_API_KEY", "CEREBRAS_API_KEY")


class StandaloneError(Exception):
    """Sentences for the terminal, one per line."""


@dataclass(frozen=True, slots=True)
class Option:
    flag: str
    text: str
    default: str = ""


OPTIONS = (
    Option("--model", "models or workloads to ask for, separated by commas (gpt-oss-120b)"),
    Option("--max-tokens", "max_completion_tokens of each request (128)"),
    Option("--prompts", "JSONL file of own prompts"),
    Option(
        "--key-variable", f"environment variable that holds the key (the first there is of {', '.join(KEY_VARIABLES)})"
    ),
    Option("--scenario", "a scenario of loadtests/scenarios, or a file; without one, users are Locust's own -u and -r"),
    Option("--i-mean-it", "name of the host, where that is not this machine"),
)


def job_from(options: Mapping[str, Any], environment: Mapping[str, str]) -> Job:
    host = str(options.get("host") or "http://127.0.0.1:4000")
    try:
        address = address_of(host)
    except ValueError as error:
        raise StandaloneError(f"--host: {error}") from error
    refused = missing([address.host], [str(options.get("i_mean_it") or "")])
    if refused:
        raise StandaloneError("\n".join(refused))
    plan = _scenario(options) if options.get("scenario") else _endless(options)
    variable = options.get("key_variable") or next((name for name in KEY_VARIABLES if environment.get(name)), None)
    return job_of(plan, Place(url=address.url, key_variable=variable), None, None)


def is_staged(options: Mapping[str, Any]) -> bool:
    return bool(options.get("scenario"))


def _overrides(options: Mapping[str, Any]) -> Overrides:
    size = str(options.get("max_tokens") or "")
    if size and not (size.isdigit() and int(size)):
        raise StandaloneError(f"--max-tokens: must be a whole number above 0 (was {size!r})")
    return Overrides(
        models=tuple(name.strip() for name in str(options.get("model") or "").split(",") if name.strip()),
        max_tokens=int(size) if size else None,
        prompts=str(options.get("prompts")) if options.get("prompts") else None,
    )


def _scenario(options: Mapping[str, Any]) -> Plan:
    try:
        plan, problems = read(str(options["scenario"]), _overrides(options))
    except OverrideError as error:
        raise StandaloneError(str(error)) from error
    if plan is None:
        raise StandaloneError("\n".join(map(str, problems)))
    return plan


def _endless(options: Mapping[str, Any]) -> Plan:
    base = Scenario(
        purpose="Whatever Locust is told.",
        asks=[Ask(model="gpt-oss-120b")],
        stages=[Stage(name="steady", seconds=A_DAY, users=1)],
        bounds=Bounds(max_requests=10**9, max_tokens=10**12),
    )
    scenario = override(base, _overrides(options))
    own = {}
    for ask in scenario.asks:
        if ask.prompts and ask.prompts not in own:
            try:
                own[ask.prompts], flaws = parse((ROOT / ask.prompts).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                said = f"--prompts: {ask.prompts!r} cannot be read ({getattr(error, 'strerror', None) or error})"
                raise StandaloneError(f"{said}, name another file") from error
            if flaws:
                raise StandaloneError(
                    "\n".join(f"{ask.prompts}:{flaw.line}: {flaw.what}; {flaw.cure}" for flaw in flaws)
                )
    return Plan("locust", scenario, own, [])
