"""`waferline circuit`: which targets a running gateway leaves alone and why, and turning one by hand."""

from __future__ import annotations

import argparse
from typing import Any

from plugins.commands import serving
from plugins.commands.context import CannotError, Context
from plugins.commands.options import command, with_json

HELP = "list a running gateway's circuits, or turn one by hand"
EXAMPLES = """\
  waferline circuit list
  waferline circuit open cerebras/gpt-oss-120b     call it no more, until told otherwise
  waferline circuit close cerebras/gpt-oss-120b    call it whatever happens
  waferline circuit auto cerebras/gpt-oss-120b     decide by itself again"""

PATH = "/waferline/circuits"
_TURNS = {
    "open": "call a target no more, until told otherwise",
    "close": "call a target whatever happens, its limits included",
    "auto": "let a circuit decide by itself again, from what comes from now on",
}
_SAID = {
    "open": "open",
    "probing": "being probed",
    "capacity": "at its limit",
    "misconfigured": "misconfigured",
    "forced_open": "until told otherwise",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    every = [command(actions, "list", "list all circuits", "  waferline circuit list --gateway http://10.0.0.7:4000")]
    for name, text in _TURNS.items():
        turn = command(actions, name, text, f"  waferline circuit {name} cerebras/gpt-oss-120b")
        turn.add_argument("target", metavar="TARGET", help="the id of a deployment in litellm_config.yaml")
        every.append(turn)
    for each in every:
        each.add_argument("--gateway", metavar="URL", help="which gateway (http://127.0.0.1:4000)")
        with_json(each)


def run(arguments: argparse.Namespace, context: Context) -> int:
    base = serving.be_an_address(arguments.gateway or serving.here(context.environment))
    key = context.environment.get("LITELLM_MASTER_KEY")
    if not key:
        raise CannotError("LITELLM_MASTER_KEY is not set, and only operators may ask; set it to the gateway's")
    turn = None if arguments.action == "list" else {"target": arguments.target, "to": arguments.action}
    try:
        code, told = serving.ask(base, f"{PATH}/force" if turn else PATH, key, turn)
    except serving.SilentError as error:
        raise CannotError(
            f"no gateway answers at {base} ({error}); start it, or name another with --gateway"
        ) from error
    rows = told.get("circuits")
    if code != 200 or not isinstance(rows, list):
        raise CannotError(_complaint(base, code, told))
    if arguments.json:
        context.page.json({"circuits": rows, "sharing": told.get("sharing")})
    else:
        heads = (
            "target",
            "state",
            "rejects",
            "calls",
            "failed",
            "slow",
            "openings",
            "in flight",
            "least left",
            "probe with",
        )
        context.page.table([_cells(row) for row in rows], heads)
        if said := _shared(told.get("sharing") or {}):
            context.page.line(f"\n{said}")
    return 0


def _complaint(base: str, code: int, told: dict[str, Any]) -> str:
    error = told.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return f"{base} answered {code}: {message}" if message else f"{base} answered {code}, unlike Waferline"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Numbers that are 0 are left out: what is there is worth a look."""
    numbers = (str(row[name] or "") for name in ("calls", "failures", "slow", "ejections", "in_flight"))
    names = ", ".join([row["target"], *row["also"]])
    return names, row["state"].replace("_", " "), _rejects(row), *numbers, _least_left(row), row.get("probe_with") or ""


def _least_left(row: dict[str, Any]) -> str:
    """Of the rate limit that will be used up first."""
    allowance = row["allowance"]
    if not allowance:
        return ""
    least = min(allowance, key=lambda each: each["left"] / each["limit"])
    per = f" per {least['per']}" if least["per"] else ""
    return f"{least['left']:,} of {least['limit']:,} {least['of']}{per}"


def _shared(sharing: dict[str, Any]) -> str | None:
    if not sharing.get("on"):
        return None
    if not sharing["in_reach"]:
        return f"{sharing['store']} is out of reach, so these are this gateway's alone ({sharing['why']})"
    number = sharing["replicas"]
    return f"shared by {number} gateway{'s' * (number != 1)} over {sharing['store']}; this one is {sharing['replica']}"


def _rejects(row: dict[str, Any]) -> str:
    if not row["rejects"]:
        return ""
    said = _SAID.get(row["rejects"], row["rejects"])
    return said if row["seconds"] is None else f"{said}, for {row['seconds']:.1f} s"
