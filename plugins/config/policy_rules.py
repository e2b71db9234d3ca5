"""Whether the policies speak of models, workloads and clients that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from plugins.config.located import Place
from plugins.config.problem import Level, Problem
from plugins.config.whole import Whole, nearest
from plugins.policy import access
from plugins.policy.access import MASTER
from plugins.policy.catalog import Phase, find, phase_on, successor_on
from plugins.policy.circuits import Fitting
from plugins.policy.lifecycle import Action
from plugins.policy.settings import Waiver


def workloads_name_declared_models(whole: Whole) -> Iterator[Problem]:
    for workload, row in whole.policies.routing.workloads.items():
        for index, model in enumerate(row.models):
            if model not in whole.deployed.models:
                place = ("workloads", workload, "models", index)
                cure = nearest(model, whole.deployed.models, "add a deployment with that model_name")
                yield whole.problem("routing", place, f"{model!r} is not a model of litellm_config.yaml", cure)
        if workload in whole.deployed.models:
            cure = "rename one of the two"
            yield whole.problem("routing", ("workloads", workload), "is also a model_name in litellm_config.yaml", cure)


def streaming_rules_match_something(whole: Whole) -> Iterator[Problem]:
    for name in whole.policies.streaming.workloads:
        if name not in whole.policies.routing.workloads:
            cure = nearest(name, whole.policies.routing.workloads, "remove the rule")
            yield whole.problem("streaming", ("workloads", name), "is a dead rule, no workload has that name", cure)
    for name in whole.policies.streaming.models:
        if name not in whole.deployed.models:
            cure = nearest(name, whole.deployed.models, "remove the rule")
            yield whole.problem("streaming", ("models", name), "is a dead rule, no model has that name", cure)


def clients_are_distinct_and_can_do_something(whole: Whole) -> Iterator[Problem]:
    rows = whole.policies.access.clients
    for index, field in access.duplicates(rows):
        what = "is used by an earlier client too, so one of the two is never reached"
        yield whole.problem("access", ("clients", index, field), what, "make a key and a name for each client")
    for index, row in enumerate(rows):
        if row.name == MASTER:
            yield whole.problem("access", ("clients", index, "name"), "'master' is the master key's name", "rename it")
        for position, model in enumerate(row.models):
            if model not in (access.EVERYTHING, *whole.names):
                place = ("clients", index, "models", position)
                cure = nearest(model, whole.names, "remove it, or add a deployment")
                yield whole.problem("access", place, f"{model!r} is neither a model nor a workload", cure)


def exceptions_hold(whole: Whole) -> Iterator[Problem]:
    """An exception that is over, or for nobody, or for nothing, is a rule that never matches."""
    known = {row.name for row in whole.policies.access.clients} | {MASTER}
    files: Mapping[str, Sequence[Waiver]] = {
        "lifecycle": whole.policies.lifecycle.exceptions,
        "streaming": whole.policies.streaming.exceptions,
        "access": whole.policies.access.exceptions,
    }
    for stem, waivers in files.items():
        for index, waiver in enumerate(waivers):
            place: Place = ("exceptions", index)
            if waiver.until < whole.today:
                # A warning: a gateway that restarts on the day after must not stay down for it.
                what = f"the exception ended on {waiver.until}"
                yield whole.problem(stem, (*place, "until"), what, "remove it or renew it", Level.WARNING)
            if waiver.client not in known:
                cure = nearest(waiver.client, known, "add the client to policies/access.yaml")
                yield whole.problem(stem, (*place, "client"), f"{waiver.client!r} is not a client", cure)
            for position, model in enumerate(waiver.models):
                if model not in whole.names and not (stem == "lifecycle" and find(whole.policies.catalog, model)):
                    cure = nearest(model, whole.names, "remove it")
                    what = f"{model!r} is neither a model nor a workload"
                    yield whole.problem(stem, (*place, "models", position), what, cure)


def replacements_lead_somewhere(whole: Whole) -> Iterator[Problem]:
    """A model in use whose named replacement is itself gone, and replacing by what is not deployed."""
    catalog, settings = whole.policies.catalog, whole.policies.lifecycle
    for name, row in catalog.models.items():
        phase = phase_on(row, whole.today)
        in_use = phase in (Phase.LIVE, Phase.DEPRECATED, Phase.PREVIEW)
        for index, replacement in enumerate(row.replacements):
            gone = phase_on(catalog.models[replacement], whole.today) in (Phase.RETIRED, Phase.DEDICATED)
            if in_use and gone:
                what = f"the replacement {replacement!r} is itself no longer served"
                cure = "ask the vendor; until then name a live model"
                yield whole.problem("models", ("models", name, "replacements", index), what, cure, stops=False)
    if settings.retired is Action.REPLACE:
        for name, row in catalog.models.items():
            successor = successor_on(catalog, name, whole.today)
            if phase_on(row, whole.today) is Phase.RETIRED and successor and successor not in whole.deployed.models:
                what = f"{name!r} is to be replaced by {successor!r}, which is not a model of litellm_config.yaml"
                cure = f"add a deployment of {successor!r}"
                yield whole.problem("lifecycle", ("retired",), what, cure, stops=False)


def circuits_differ_for_declared_targets(whole: Whole) -> Iterator[Problem]:
    for name in whole.policies.circuits.targets:
        if name not in whole.deployed.by_deployment:
            cure = nearest(name, whole.deployed.by_deployment, "remove it")
            what = f"{name!r} is not the id of a deployment in litellm_config.yaml"
            yield whole.problem("circuits", ("targets", name), what, cure)


def what_differs_for_a_target_fits_the_rest(whole: Whole) -> Iterator[Problem]:
    circuits = whole.policies.circuits
    for name in circuits.targets:
        merged = circuits.of([name])
        parts: Mapping[str, Fitting] = {
            "open": merged.open,
            "probe": merged.probe,
            "in_flight_most": merged.in_flight,
        }
        for part, settings in parts.items():
            if misfit := settings.misfit():
                yield whole.problem("circuits", ("targets", name, part), misfit, "change it here or for all")


CATALOG_STALE_DAYS = 45


def catalog_is_fresh(whole: Whole) -> Iterator[Problem]:
    age = (whole.today - whole.policies.catalog.verified_on).days
    if age > CATALOG_STALE_DAYS:
        what = f"the catalog was last verified {age} days ago, and models leave month by month"
        yield whole.problem("models", ("verified_on",), what, "run `waferline catalog sync`", Level.WARNING)
