"""The shipped policies and a few of our own, and short ways to ask them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from plugins.config import deployments
from plugins.config.files import load
from plugins.policy.access import MASTER_CLIENT, AccessFile, Client
from plugins.policy.catalog import Catalog
from plugins.policy.engine import Ask, Decision, Policies, decide
from plugins.policy.lifecycle import LifecycleFile
from plugins.policy.routing import RoutingFile
from plugins.policy.streaming import StreamingFile
from plugins.policy.targets import Deployed, Target

ROOT = Path(__file__).parents[2]
KEYS = {"CEREBRAS_API_KEY": "k", "FALLBACK_API_BASE": "http://127.0.0.1:1", "FALLBACK_API_KEY": "k"}
TODAY = date(2026, 11, 20)


def _shipped() -> Policies:
    loaded = load(ROOT / "policies")
    assert loaded.policies is not None, loaded.problems
    return loaded.policies


def day(text: str) -> date:
    return date.fromisoformat(text)


def shipped_targets(environment: Mapping[str, str] = KEYS) -> Deployed:
    document, problems = deployments.load(ROOT / "litellm_config.yaml")
    assert not problems
    return deployments.deployed(document, environment)


SHIPPED = _shipped()
DEPLOYED = shipped_targets()

# One model for every phase on 2026-11-20; no date is near another, so that a table can be read.
_FACTS: dict[str, dict[str, Any]] = {
    "live": {"first_public": {"on": "2026-01-01"}},
    "fresh-notice": {"notice": {"on": "2026-11-10"}, "retires": "2027-03-01", "replacements": ["live"]},
    "old-notice": {"notice": {"on": "2026-06-01"}, "retires": "2027-03-01", "replacements": ["live"]},
    "retired": {"notice": {"on": "2026-06-01"}, "retires": "2026-07-01", "replacements": ["live"]},
    "retired-twice-over": {"retires": "2026-03-01", "replacements": ["retired"]},
    "retired-for-nothing": {"retires": "2026-03-01"},
    "preview": {"stage": "preview"},
    "dedicated": {"stage": "dedicated"},
    "gone-dedicated": {"retires": "2026-09-03", "dedicated_after": True, "replacements": ["live"]},
    "coming": {"first_public": {"on": "2027-01-01"}},
    "rumoured": {"stage": "unconfirmed"},
}
ZOO = Catalog.model_validate(
    {
        "verified_on": "2026-11-20",
        "provider": "cerebras",
        "models": {
            name: {"mark": "confirmed", "verified_on": "2026-11-20", "stage": "production", **facts}
            for name, facts in _FACTS.items()
        },
    }
)


def policies(catalog: Catalog = ZOO, **files: Mapping[str, Any]) -> Policies:
    return Policies(
        catalog=catalog,
        lifecycle=LifecycleFile.model_validate(files.get("lifecycle", {})),
        streaming=StreamingFile.model_validate(files.get("streaming", {})),
        routing=RoutingFile.model_validate(files.get("routing", {})),
        access=AccessFile.model_validate(files.get("access", {})),
    )


def workload(*models: str, **more: Any) -> dict[str, Any]:
    return {"purpose": "a test", "models": list(models), **more}


def target(model: str, provider: str = "cerebras", upstream: str | None = None, **more: Any) -> Target:
    return Target(more.pop("deployment", f"{provider}/{model}"), model, provider, upstream or model, **more)


def deployed(*targets: Target) -> Deployed:
    return Deployed(targets)


def ask(
    under: Policies,
    over: Deployed,
    model: str,
    *,
    stream: bool = True,
    client: Client = MASTER_CLIENT,
    today: date = TODAY,
) -> Decision:
    return decide(under, over, Ask(model, stream, client, today))


def served_by(decision: Decision) -> list[str]:
    return [each.deployment for each in decision.targets]
