"""`waferline catalog sync`: read the provider's listings, say where they and the catalog differ. Writes nothing."""

from __future__ import annotations

import argparse

from plugins.commands.context import CannotError, Context
from plugins.commands.drift import Finding, Listings, compare
from plugins.commands.page import counted
from plugins.config.environment import CEREBRAS_BASE
from plugins.policy.catalog import Catalog


def run(arguments: argparse.Namespace, context: Context, catalog: Catalog) -> int:
    from plugins.commands import listings  # noqa: PLC0415  HTTP clients take longer to load than all else here

    base = (context.environment.get("CEREBRAS_API_BASE") or CEREBRAS_BASE).rstrip("/")
    origin = base.removesuffix("/v1")
    found = listings.read(origin, context.environment.get("CEREBRAS_API_KEY") or None)
    if not found.asked:
        raise CannotError(found.failures[0])
    findings = compare(catalog, found, context.today)
    drift = [finding for finding in findings if finding.drift]
    if arguments.json:
        context.page.json(
            {
                "origin": origin,
                "at": context.today,
                "asked": {name: list(models) for name, models in found.asked.items()},
                "failures": list(found.failures),
                "drift": [finding.as_dict() for finding in drift],
                "notes": [finding.as_dict() for finding in findings if not finding.drift],
            }
        )
    else:
        _tell(context, origin, found, findings)
    return 1 if drift else 2 if found.failures else 0


def _tell(context: Context, origin: str, found: Listings, findings: list[Finding]) -> None:
    page = context.page
    page.line(f"{origin} on {context.today}")
    for name, models in found.asked.items():
        page.line(f"  {name}: {', '.join(models) or 'no models'}")
    if found.keyless:
        page.line("  GET /v1/models: not asked, CEREBRAS_API_KEY is not set")
    for failure in found.failures:
        page.line(f"  {page.styled('bad', failure)}")
    page.line()
    for title, style, wanted in (("drift", "bad", True), ("note ", "odd", False)):
        for finding in findings:
            if finding.drift is wanted:
                page.line(f"{page.styled(style, title)}  {finding.model}: {finding.what}; {finding.meaning}")
    drift = sum(finding.drift for finding in findings)
    notes = len(findings) - drift
    differences = counted(drift, "difference") if drift else "no drift"
    page.line(f"{differences} from policies/models.yaml" + (f", {counted(notes, 'note')}" if notes else ""))
