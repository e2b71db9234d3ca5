"""`waferline catalog`: what the vendor serves, what leaves soon, and whether the vendor's own lists still agree."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from plugins.commands import sync
from plugins.commands.context import Context, Loaded, known_name, load
from plugins.commands.options import command, number_of_days, with_day, with_json
from plugins.commands.page import counted
from plugins.policy.access import MASTER_CLIENT
from plugins.policy.catalog import Catalog, Known, Phase, Row, days_left, find, phase_on, successor_on
from plugins.policy.engine import Ask, judge_target
from plugins.policy.targets import CEREBRAS, Target
from plugins.policy.verdict import Refuse

HELP = "show the models, what retires soon, and drift from the vendor's lists"
EXAMPLES = """\
  waferline catalog show                  the models that are served; --all for every one ever known
  waferline catalog show llama-3.3-70b    all that is known about one
  waferline catalog due --within 30d      exit 1 when a configured model leaves within 30 days
  waferline catalog sync                  compare with the provider's listings (needs the network)"""

SERVED = (Phase.LIVE, Phase.PREVIEW, Phase.DEPRECATED)
HEADINGS = ("model", "phase", "first public", "notice", "retires", "successor", "context", "$ in/out", "tokens/s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    shows = command(
        actions,
        "show",
        "show the models, or all about one; context is a paid account's, prices are per million tokens",
        "  waferline catalog show --all --at 2026-08-01\n  waferline catalog show gpt-oss-120b",
    )
    shows.add_argument("model", nargs="?", metavar="MODEL", help="all that is known about this one")
    shows.add_argument("--all", action="store_true", help="those that are not served, too")
    due = command(
        actions,
        "due",
        "exit 1 when a Cerebras model of litellm_config.yaml retires soon, or is not served any more",
        "  waferline catalog due --within 60d",
    )
    due.add_argument("--within", type=number_of_days, default=30, metavar="DAYS", help="such as 60d (30d)")
    compare = command(
        actions,
        "sync",
        "compare the catalog with the provider's listings; nothing is written. The address is $CEREBRAS_API_BASE; "
        "with $CEREBRAS_API_KEY the account's own listing is read too",
        "  waferline catalog sync",
    )
    for each in (shows, due, compare):
        with_day(each)
        with_json(each)


def run(arguments: argparse.Namespace, context: Context) -> int:
    loaded = load(context)
    match arguments.action:
        case "show":
            return _show(arguments, context, loaded.policies.catalog)
        case "due":
            return _due(arguments, context, loaded)
        case _:
            return sync.run(arguments, context, loaded.policies.catalog)


def _show(arguments: argparse.Namespace, context: Context, catalog: Catalog) -> int:
    if arguments.model:
        return _show_one(arguments, context, catalog)
    phases = {name: phase_on(row, context.today) for name, row in catalog.models.items()}
    shown = [name for name, phase in phases.items() if arguments.all or phase in SERVED]
    if arguments.json:
        context.page.json({"at": context.today, "models": [_full(catalog, name, context) for name in shown]})
        return 0
    context.page.table([_cells(catalog, name, context) for name in shown], HEADINGS)
    context.page.line()
    hidden = len(phases) - len(shown)
    more = f"; {hidden} more that are not served: --all" if hidden else ""
    context.page.line(f"{counted(len(shown), 'model')} on {context.today}{more}; verified {catalog.verified_on}")
    return 0


def _cells(catalog: Catalog, name: str, context: Context) -> tuple[str, ...]:
    row = catalog.models[name]
    price, speed = row.price, row.speed.vendor_tokens_per_s
    return (
        name,
        str(phase_on(row, context.today)),
        _known(row.first_public),
        _known(row.notice),
        str(row.retires or ""),
        successor_on(catalog, name, context.today) or "",
        f"{row.limits.paid.context or ''}",
        f"{_money(price.input)}/{_money(price.output)}" if price else "",
        f"{speed:g}" if speed else "",
    )


def _known(known: Known | None) -> str:
    return "" if known is None else f"{known.on}" if known.on else f"by {known.by}"


def _money(amount: float | None) -> str:
    return "?" if amount is None else f"{amount:.2f}"


def _show_one(arguments: argparse.Namespace, context: Context, catalog: Catalog) -> int:
    found = find(catalog, arguments.model)
    if found is None:
        raise known_name(arguments.model, list(catalog.models), "model of the catalog")
    name, row = found
    if arguments.json:
        context.page.json(_full(catalog, name, context))
        return 0
    page, left = context.page, days_left(row, context.today)
    page.line(f"{page.styled('strong', name)}, {phase_on(row, context.today)} as of {context.today}")
    page.line()
    answers = {"successor": successor_on(catalog, name, context.today) or "none that is live"} if row.retires else {}
    if left is not None and left > 0:
        answers["days left"] = str(left)
    page.facts(answers | dict(_facts(row)), "  ")
    return 0


def _full(catalog: Catalog, name: str, context: Context) -> dict[str, Any]:
    row = catalog.models[name]
    return {
        "model": name,
        "phase": phase_on(row, context.today),
        "days_left": days_left(row, context.today),
        "successor": successor_on(catalog, name, context.today),
        **row.model_dump(mode="json", exclude_none=True),
    }


def _facts(held: BaseModel, above: str = "") -> Iterator[tuple[str, str | list[str]]]:
    """What is known of a row, under dotted names as `single_source` has them."""
    for name in type(held).model_fields:
        value, path = getattr(held, name), f"{above}{name}"
        if value is None or name not in held.model_fields_set or value == []:
            continue
        if isinstance(value, Known):
            yield path, _known(value)
        elif isinstance(value, BaseModel):
            yield from _facts(value, f"{path}.")
        elif isinstance(value, list):
            yield path, [_figure(each) if isinstance(each, BaseModel) else str(each) for each in value]
        else:
            yield path, {True: "yes", False: "no"}[value] if isinstance(value, bool) else _plain(value)


def _plain(value: object) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _figure(figure: BaseModel) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in figure.model_dump(exclude_none=True).items())


def _due(arguments: argparse.Namespace, context: Context, loaded: Loaded) -> int:
    targets = [target for target in loaded.deployed.by_deployment.values() if target.provider == CEREBRAS]
    rows = [_standing(target, loaded, context, arguments.within) for target in targets]
    due = [row for row in rows if row["due"]]
    if arguments.json:
        context.page.json({"at": context.today, "within_days": arguments.within, "targets": rows, "due": len(due)})
        return 1 if due else 0
    page = context.page
    for row in rows:
        page.line(f"{page.styled('bad', 'due ') if row['due'] else page.styled('good', 'fine')}  {row['sentence']}")
    when = f"within {counted(arguments.within, 'day')} of {context.today}"
    page.line(f"{len(due)} of {counted(len(rows), 'Cerebras target')} due {when}")
    return 1 if due else 0


def _standing(target: Target, loaded: Loaded, context: Context, within: int) -> Mapping[str, Any]:
    """Due is what leaves soon, what has left, and what policy refuses already."""
    catalog, today = loaded.policies.catalog, context.today
    found = find(catalog, target.upstream_model)
    row = found[1] if found else None
    phase = phase_on(row, today) if row else Phase.UNKNOWN
    left = days_left(row, today) if row else None
    verdict = judge_target(loaded.policies, Ask(target.model, True, MASTER_CLIENT, today), target)
    refused = verdict if isinstance(verdict, Refuse) else None
    soon = left is not None and left <= within
    due = soon or refused is not None or phase not in (Phase.LIVE, Phase.DEPRECATED)
    successor = successor_on(catalog, target.upstream_model, today)
    return {
        "deployment": target.deployment,
        "model": target.upstream_model,
        "phase": str(phase),
        "retires": row.retires if row else None,
        "days_left": left,
        "successor": successor,
        "due": due,
        "sentence": f"{target.deployment}: {_told(row, phase, left)}{_next(successor, row, refused)}",
    }


def _told(row: Row | None, phase: Phase, left: int | None) -> str:
    if row is None or left is None:
        return f"{phase}, no retirement announced" if row else "not in the catalog"
    days = f"in {counted(left, 'day')}" if left > 0 else "today" if left == 0 else f"{counted(-left, 'day')} ago"
    return f"{phase}, {'retires' if left >= 0 else 'retired'} {row.retires}, {days}"


def _next(successor: str | None, row: Row | None, refused: Refuse | None) -> str:
    if successor:
        return f"; use {successor!r}"
    if row is not None and row.retires:
        return "; no live successor was named"
    return f"; refused ({refused.rule}), {refused.cure}" if refused else ""
