"""`waferline explain`: what would become of one request, and which rule of which file says so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from plugins.commands.context import CannotError, Context, Loaded, known_name, load
from plugins.commands.examples import clients
from plugins.commands.options import with_day, with_json
from plugins.commands.page import Page
from plugins.commands.sentences import committed, hedged, paced, waited
from plugins.front.lane import choose
from plugins.policy.access import MASTER, client_named
from plugins.policy.engine import Ask, Decision, Step, decide
from plugins.policy.routing import Lane
from plugins.policy.targets import Target
from plugins.policy.verdict import Allow, Amend, Refuse, StreamMode

HELP = "say what would become of a request, and why"
EXAMPLES = """\
  waferline explain --model voice
  waferline explain --model llama-3.3-70b                    refused: with which successor?
  waferline explain --model chat --no-stream --client app    as another client, without streaming
  waferline explain --model qwen-3.8-27b --at 2027-06-01     on another day"""

NOT_READY = "routing.not_ready"
_MODES = {
    StreamMode.AS_ASKED: "as asked",
    StreamMode.UPGRADE: "upgrade: the provider streams, the client gets ordinary JSON",
}
_TOLD = {Lane.EXPRESS: "told when the answer has ended", Lane.LITELLM: "told by LiteLLM"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="NAME", help="the model or workload asked for")
    parser.add_argument("--no-stream", action="store_true", help='as if the request lacked "stream": true')
    parser.add_argument("--client", default=MASTER, metavar="NAME", help="who asks, by name in access.yaml (master)")
    parser.add_argument("--environment", action="store_true", help="count variables as unset that are not set here")
    with_day(parser)
    with_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    loaded = load(context, real_environment=arguments.environment)
    client = client_named(loaded.policies.access, arguments.client)
    if client is None:
        raise known_name(arguments.client, clients(loaded.policies), "client")
    if not arguments.model:
        raise CannotError("--model is empty; name a model or workload")
    ask = Ask(arguments.model, not arguments.no_stream, client, context.today)
    decision = decide(loaded.policies, loaded.deployed, ask)
    if arguments.json:
        context.page.json(_as_dict(decision, loaded))
    else:
        _tell(context.page, decision, loaded)
    return 1 if decision.refusal else 0


def client_headers(decision: Decision, loaded: Loaded) -> Mapping[str, str]:
    """What is known before any target has answered; plugins.front.headers adds who did."""
    headers = {"x-waferline-model-asked": decision.ask.model, **decision.headers}
    if decision.refusal is None:
        headers["x-waferline-lane"] = str(_lane(decision, loaded)[0])
    return headers


def _lane(decision: Decision, loaded: Loaded) -> tuple[Lane, str]:
    return choose(decision, loaded.direct, loaded.only_litellm)


def unready(decision: Decision, loaded: Loaded) -> list[Target]:
    return [
        loaded.deployed.by_deployment[step.subject]
        for step in decision.steps
        if step.verdict.rule == NOT_READY and step.subject in loaded.deployed.by_deployment
    ]


def _tell(page: Page, decision: Decision, loaded: Loaded) -> None:
    ask = decision.ask
    how = "streaming" if ask.stream else "not streaming"
    page.line(f"{page.styled('strong', ask.model)}, {how}, asked by {ask.client.name} on {ask.today}")
    page.line()
    page.table([_cells(step) for step in decision.steps], ("policy", "about", "verdict", "rule", "reason"), indent="  ")
    page.line()
    page.facts(
        _outcome(page, decision) | _targets(decision, loaded) | _manner(decision, loaded) | _headers(decision, loaded),
        "  ",
    )
    if loaded.taken_as_set:
        page.line()
        page.line("variables not set here are taken as set; --environment uses the real ones")


def _cells(step: Step) -> tuple[str, str, str, str, str]:
    reason = step.verdict.message if isinstance(step.verdict, Refuse) else step.verdict.reason
    return step.policy, step.subject, _word(step), step.verdict.rule, reason


def _word(step: Step) -> str:
    match step.verdict:
        case Allow():
            return "allow"
        case Amend():
            return "amend"
        case Refuse():
            return "refuse"


def _outcome(page: Page, decision: Decision) -> dict[str, str | list[str]]:
    refusal = decision.refusal
    if refusal is None:
        return {"outcome": page.styled("good", f"served by {', then '.join(decision.models)}")}
    said = page.styled("bad", f"refused {refusal.status} {refusal.code}")
    return {"outcome": [f"{said}  ({refusal.rule})", refusal.reason], "cure": refusal.cure}


def _targets(decision: Decision, loaded: Loaded) -> dict[str, str | list[str]]:
    missing = unready(decision, loaded)
    rows = [
        *((f"{number}.", target, "") for number, target in enumerate(decision.targets, 1)),
        *(("-", target, f"not configured: set {', '.join(target.missing)}") for target in missing),
    ]
    if not rows:
        return {}
    name, provider, model = (
        max(len(getattr(target, field)) for _, target, _ in rows)
        for field in ("deployment", "provider", "upstream_model")
    )
    return {
        "targets": [
            f"{mark:<2} {target.deployment:<{name}}  {target.provider:<{provider}}  "
            f"{target.upstream_model:<{model}}  {note}".rstrip()
            for mark, target, note in rows
        ]
    }


def _manner(decision: Decision, loaded: Loaded) -> dict[str, str | list[str]]:
    """How it would be served; of a refused request there is nothing to say."""
    if decision.refusal:
        return {}
    lane, why = _lane(decision, loaded)
    route = decision.route
    facts: dict[str, str | list[str]] = {"lane": f"{lane}  ({why})"}
    if loaded.loggers:
        facts["loggers"] = f"{', '.join(loaded.loggers)}  ({_TOLD[lane]})"
    facts |= {
        "stream": _MODES[decision.stream_mode],
        "merge": f"{route.merge_window * 1000:g} ms" if route.merge_window else "off",
        "commit": committed(route.commit, stream=decision.ask.stream),
        "deadlines": waited(route.deadlines),
        "pace": paced(route.deadlines),
        "hedge": hedged(route, decision.targets),
        "attempts": _attempts(decision, loaded),
    }
    if route.workload:
        defaults = ", ".join(f"{name}: {value}" for name, value in route.parameters.items())
        facts["workload"] = f"{route.workload}" + (f", where the client says nothing: {defaults}" if defaults else "")
    return facts


def _attempts(decision: Decision, loaded: Loaded) -> str:
    most = min(loaded.policies.circuits.attempts.most, len(decision.targets))
    return f"at most {most}; a target is skipped while its circuit is open, see `waferline circuit list`"


def _headers(decision: Decision, loaded: Loaded) -> dict[str, str | list[str]]:
    return {"headers": [f"{name}: {value}" for name, value in client_headers(decision, loaded).items()]}


def _as_dict(decision: Decision, loaded: Loaded) -> dict[str, Any]:
    ask, route, refusal = decision.ask, decision.route, decision.refusal
    lane, why = _lane(decision, loaded)
    return {
        "ask": {"model": ask.model, "stream": ask.stream, "client": ask.client.name, "at": str(ask.today)},
        "verdicts": [
            {
                "policy": step.policy,
                "about": step.subject,
                "verdict": _word(step),
                "rule": step.verdict.rule,
                "reason": step.verdict.reason,
            }
            for step in decision.steps
        ],
        "refusal": refusal and _refusal(refusal),
        "served_by": list(decision.models),
        "targets": [Target.as_dict(target) for target in (*decision.targets, *unready(decision, loaded))],
        "lane": None if refusal else {"name": str(lane), "why": why},
        "loggers": [] if refusal else list(loaded.loggers),
        "stream_mode": str(decision.stream_mode),
        "merge_window_ms": route.merge_window * 1000,
        "commit": route.commit.model_dump(mode="json"),
        "deadlines": route.deadlines.model_dump(),
        "hedge_after_seconds": route.hedge_after,
        "most_attempts": loaded.policies.circuits.attempts.most,
        "workload": route.workload,
        "parameters": route.parameters,
        "headers": dict(client_headers(decision, loaded)),
        "taken_as_set": list(loaded.taken_as_set),
    }


def _refusal(refusal: Refuse) -> dict[str, Any]:
    return {
        "status": refusal.status,
        "code": refusal.code,
        "rule": refusal.rule,
        "reason": refusal.reason,
        "cure": refusal.cure,
        "successor": refusal.successor,
    }
