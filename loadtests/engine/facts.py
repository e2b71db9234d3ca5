"""Where and with what a run took place: everything somebody needs who wants to know why their figures differ."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from loadtests.bench.machine import commit
from loadtests.plan.reading import ROOT, shown
from plugins.config import located
from plugins.config.validate import validate
from plugins.policy.catalog import Catalog
from plugins.policy.speed import reference

_PACKAGES = ("locust", "gevent", "httptools", "litellm", "cerebras-cloud-sdk")


def environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
    }


def versions() -> dict[str, str]:
    found = {"waferline": commit()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def references() -> dict[str, dict[str, float | None]]:
    """What the catalog knows of how fast a model is."""
    path = ROOT / "policies" / "models.yaml"
    catalog, _ = validate(located.read(shown(path), path.read_text(encoding="utf-8"))[0], Catalog)
    found = {name: reference(row) for name, row in (catalog.models if catalog else {}).items()}
    return {
        name: {"tokens_per_s": each.tokens_per_s, "first_token_ms": each.first_token_ms}
        for name, each in found.items()
        if each.tokens_per_s or each.first_token_ms
    }


def primaries() -> list[str]:
    """The deployments that serve first; whatever else serves is a fallback."""
    path = ROOT / "litellm_config.yaml"
    data = located.read(shown(path), path.read_text(encoding="utf-8"))[0].data
    return [
        str(row["model_info"]["id"])
        for row in data["model_list"]
        if row.get("litellm_params", {}).get("order", 1) == 1 and "id" in row.get("model_info", {})
    ]
