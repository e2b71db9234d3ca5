"""/v1/models: what this client would be served today, and nothing else."""

from __future__ import annotations

from calendar import timegm
from datetime import date
from typing import Any

from plugins.policy.access import Client
from plugins.policy.catalog import find
from plugins.policy.engine import Ask, Policies, decide, servable
from plugins.policy.targets import Deployed
from plugins.policy.verdict import Refuse

Row = dict[str, Any]


def listing(policies: Policies, deployed: Deployed, client: Client, today: date) -> Row:
    names = servable(policies, deployed, client, today)
    return {"object": "list", "data": [_row(policies, name) for name in names]}


def one(policies: Policies, deployed: Deployed, client: Client, today: date, name: str) -> Row | Refuse:
    refusal = decide(policies, deployed, Ask(name, True, client, today)).refusal
    return refusal or _row(policies, name)


def _row(policies: Policies, name: str) -> Row:
    found = find(policies.catalog, name)
    known = found[1].first_public if found else None
    workload = policies.routing.workloads.get(name)
    created = timegm((known.day if known else policies.catalog.verified_on).timetuple())
    row: Row = {"id": name, "object": "model", "created": created, "owned_by": "Cerebras" if found else "waferline"}
    if workload:
        row["description"] = workload.purpose
    return row
