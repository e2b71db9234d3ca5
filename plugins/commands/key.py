"""`waferline key`: make keys, of which only the digest is kept, and list who has one."""

from __future__ import annotations

import argparse
import secrets
from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError

from plugins.commands.context import CannotError, Context, Loaded, known_name, load
from plugins.commands.insert import insert
from plugins.commands.options import command, day, with_day, with_json
from plugins.config.files import shown
from plugins.policy.access import EVERYTHING, MASTER, ClientRow, digest
from plugins.policy.engine import public_names

HELP = "make a key for a client, or list the clients"
EXAMPLES = """\
  waferline key new support-bot --models voice,chat --expires 2027-06-30
  waferline key new support-bot --add    and write the row into policies/access.yaml
  waferline key list"""

PREFIX = "sk-wl-"
RANDOM_BYTES = 24  # 192 bits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    new = command(
        actions,
        "new",
        "make a key: print it once, with the row for policies/access.yaml",
        "  waferline key new support-bot --models voice,chat --expires 2027-06-30 --add",
    )
    new.add_argument("name", metavar="NAME", help="the client's name, shown in every log line")
    new.add_argument("--models", metavar="A,B", help="models and workloads it may ask for (all)")
    new.add_argument("--expires", type=day, metavar="DATE", help="the last day on which the key works, UTC (never)")
    new.add_argument("--add", action="store_true", help="write the row into policies/access.yaml")
    clients = command(actions, "list", "list the clients, what they may ask for and until when", "  waferline key list")
    with_day(clients)
    for each in (new, clients):
        with_json(each)


def run(arguments: argparse.Namespace, context: Context) -> int:
    loaded = load(context)
    return _list(arguments, context, loaded) if arguments.action == "list" else _new(arguments, context, loaded)


def _new(arguments: argparse.Namespace, context: Context, loaded: Loaded) -> int:
    key = PREFIX + secrets.token_hex(RANDOM_BYTES)
    row = _row(arguments, context, loaded, key)
    path = context.policies / "access.yaml"
    line = insert(path, "clients", row) if arguments.add else None
    if arguments.json:
        place = {"file": shown(path), "line": line}
        context.page.json({"key": key, "row": row, "added": place if arguments.add else None})
        return 0
    page = context.page
    page.line(page.styled("strong", key))
    page.line("the key is shown this once; only its digest is kept")
    page.line()
    page.line(f"added at {shown(path)}:{line}" if line else f"under `clients:` in {shown(path)}, or use --add:")
    for text in yaml_row(row).splitlines():
        page.line(f"  {text}")
    return 0


def yaml_row(row: dict[str, Any]) -> str:
    return str(yaml.safe_dump([row], sort_keys=False, default_flow_style=None, width=1000))


def _row(arguments: argparse.Namespace, context: Context, loaded: Loaded, key: str) -> dict[str, Any]:
    models = [each.strip() for each in (arguments.models or EVERYTHING).split(",") if each.strip()]
    names = [EVERYTHING, *public_names(loaded.policies, loaded.deployed)]
    for model in models:
        if model not in names:
            raise known_name(model, names, "model or workload")
    if arguments.name in (MASTER, *(row.name for row in loaded.policies.access.clients)):
        raise CannotError(f"there is a client {arguments.name!r} already; choose another name")
    expires: date | None = arguments.expires
    if expires and expires < context.today:
        raise CannotError(f"the key would have expired on {expires}; give a day that is still to come")
    row = {"name": arguments.name, "key_sha256": digest(key), "models": models}
    row |= {"expires": expires} if expires else {}
    try:
        ClientRow.model_validate(row)
    except ValidationError as error:
        wrong = "name" if error.errors()[0]["loc"][0] == "name" else "--models"
        cure = "use letters, digits and . _ : / @ -" if wrong == "name" else "name at least one model"
        raise CannotError(f"{wrong} {row[wrong.strip('-')]!r} is not of the right form; {cure}") from None
    return row


def _list(arguments: argparse.Namespace, context: Context, loaded: Loaded) -> int:
    clients = loaded.policies.access.clients
    if arguments.json:
        rows = [
            {"name": row.name, "models": row.models, "expires": row.expires, "expired": _expired(row, context.today)}
            for row in clients
        ]
        context.page.json({"clients": rows})
        return 0
    if not clients:
        context.page.line("no clients but the master key; `waferline key new NAME --add` makes one")
        return 0
    cells = [(row.name, ", ".join(row.models), _until(row, context.today)) for row in clients]
    context.page.table(cells, ("client", "may ask for", "expires"))
    return 0


def _expired(row: ClientRow, today: date) -> bool:
    return row.expires is not None and row.expires < today


def _until(row: ClientRow, today: date) -> str:
    return "never" if row.expires is None else f"{row.expires}{' (expired)' if _expired(row, today) else ''}"
