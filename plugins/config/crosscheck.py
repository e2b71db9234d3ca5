"""What no single file can know: whether policies, catalog and litellm_config.yaml fit together.

Each rule is a generator over the whole; adding one is a function and a line in RULES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from plugins.config.deployments import section
from plugins.config.deployments import targets as declared_targets
from plugins.config.located import Located, Place
from plugins.config.problem import Level, Problem
from plugins.policy import access, lifecycle
from plugins.policy.access import MASTER, MASTER_CLIENT
from plugins.policy.catalog import Phase, days_left, find, phase_on, successor_on
from plugins.policy.engine import Ask, Policies, judge_target, public_names
from plugins.policy.lifecycle import Action
from plugins.policy.settings import Waiver
from plugins.policy.targets import CEREBRAS, Deployed
from plugins.policy.verdict import Refuse

LEAVING_SOON_DAYS = 30
CATALOG_STALE_DAYS = 45


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything a rule may look at."""

    policies: Policies
    deployed: Deployed
    documents: Mapping[str, Located]  # by stem; litellm_config.yaml is 'litellm'
    environment: Mapping[str, str]
    today: date

    def problem(
        self, stem: str, place: Place, what: str, cure: str, level: Level = Level.ERROR, *, stops: bool = True
    ) -> Problem:
        return self.documents[stem].problem(place, what, cure=cure, level=level, stops=stops)

    @property
    def names(self) -> list[str]:
        return public_names(self.policies, self.deployed)


Rule = Callable[[Whole], Iterator[Problem]]


def crosscheck(whole: Whole, unreadable: frozenset[str] = frozenset()) -> list[Problem]:
    """What each rule finds, but for rules that read a file of which nothing can be said."""
    return [problem for rule, reads in RULES.items() if not unreadable & reads for problem in rule(whole)]


def workloads_name_declared_models(whole: Whole) -> Iterator[Problem]:
    for workload, row in whole.policies.routing.workloads.items():
        for index, model in enumerate(row.models):
            if model not in whole.deployed.models:
                place = ("workloads", workload, "models", index)
                cure = _nearest(model, whole.deployed.models, "add a deployment with that model_name")
                yield whole.problem("routing", place, f"{model!r} is not a model of litellm_config.yaml", cure)
        if workload in whole.deployed.models:
            cure = "rename one of the two"
            yield whole.problem("routing", ("workloads", workload), "is also a model_name in litellm_config.yaml", cure)


def aliases_agree_with_workloads(whole: Whole) -> Iterator[Problem]:
    aliases = section(whole.documents["litellm"], "router_settings", dict).get("model_group_alias")
    aliases = aliases if isinstance(aliases, dict) else {}
    place: Place = ("router_settings", "model_group_alias")
    for name, alias in aliases.items():
        model = alias.get("model") if isinstance(alias, dict) else alias
        row = whole.policies.routing.workloads.get(name)
        if row is None:
            what = f"{name!r} is an alias but no workload, so clients cannot use it"
            yield whole.problem("litellm", (*place, name), what, "add it to policies/routing.yaml or remove it")
        elif row.models[0] != model:
            what = f"{name!r} is {model!r} here, but {row.models[0]!r} in policies/routing.yaml"
            yield whole.problem("litellm", (*place, name), what, f"write {row.models[0]!r}")
    for name in whole.policies.routing.workloads:
        if name not in aliases:
            what = f"the workload {name!r} has no alias, so LiteLLM alone does not know it"
            yield whole.problem(
                "litellm", place, what, f"add `{name}: {whole.policies.routing.workloads[name].models[0]}`"
            )


def configured_targets_may_be_called(whole: Whole) -> Iterator[Problem]:
    """A deployment that policy refuses is dead; a dead fallback is worse, for nobody notices until it is needed."""
    for index, target in declared_targets(whole.documents["litellm"], whole.environment):
        place = ("model_list", index, "litellm_params", "model")
        if not target.model or any(letter in target.model for letter in "*,"):
            cure = "name one model per row; a wildcard would let any model through"
            yield whole.problem("litellm", ("model_list", index, "model_name"), "is not the name of one model", cure)
            continue
        verdict = judge_target(whole.policies, Ask(target.model, True, MASTER_CLIENT, whole.today), target)
        if isinstance(verdict, Refuse):
            role = "primary" if target.order == 1 else "fallback"
            what = f"this {role} would be refused ({verdict.rule}), because {verdict.reason}"
            yield whole.problem("litellm", place, what, verdict.cure, stops=False)


def every_primary_has_a_fallback(whole: Whole) -> Iterator[Problem]:
    rows = list(declared_targets(whole.documents["litellm"], whole.environment))
    for model, targets in whole.deployed.by_model.items():
        if len({(target.provider, target.base) for target in targets}) < 2:
            index = next(index for index, target in rows if target.model == model)
            what = f"{model!r} is served at one address only: when it fails, so does every request"
            cure = "add a deployment of the same model_name at a second provider, with order: 2"
            yield whole.problem("litellm", ("model_list", index), what, cure, stops=False)


def deployments_are_named(whole: Whole) -> Iterator[Problem]:
    """Without an id of ours LiteLLM makes one from the parameters, key included: it changes when the key does."""
    seen: dict[str, int] = {}
    for index, target in declared_targets(whole.documents["litellm"], whole.environment):
        place = ("model_list", index, "model_info", "id")
        if target.deployment == f"model_list[{index}]":
            yield whole.problem(
                "litellm", place, "the deployment has no id", f"add `id: {target.provider}/{target.model}`"
            )
        elif target.deployment in seen:
            what = f"{target.deployment!r} names two deployments"
            yield whole.problem(
                "litellm", place, what, f"rename one; the other is model_list[{seen[target.deployment]}]"
            )
        seen[target.deployment] = index


# What the product cannot do without, each with the reason LiteLLM's default will not do.
REQUIRED: Sequence[tuple[str, str, object, str]] = (
    ("litellm_settings", "callbacks", "plugins.callbacks.gate", "nothing of policies/ would be enforced"),
    ("general_settings", "custom_auth", "plugins.callbacks.authenticate", "clients of access.yaml could not log in"),
    ("router_settings", "num_retries", 0, "LiteLLM would sleep up to 10 s before it falls back"),
    ("router_settings", "disable_cooldowns", True, "its cooldowns block the event loop when Redis is slow"),
    ("litellm_settings", "disable_hf_tokenizer_download", True, "a download in the event loop can freeze the worker"),
    ("general_settings", "cancel_on_disconnect", True, "providers would go on writing for clients who left"),
)


def litellm_is_set_as_needed(whole: Whole) -> Iterator[Problem]:
    for heading, name, wanted, otherwise in REQUIRED:
        value = section(whole.documents["litellm"], heading, dict).get(name)
        fits = wanted in value if isinstance(value, list) else value == wanted
        if not fits:
            written = f"[{wanted}]" if name == "callbacks" else str(wanted).lower() if wanted is True else wanted
            what = f"must be {written}, or {otherwise}"
            yield whole.problem("litellm", (heading, name), what, f"write `{name}: {written}`")


def fallbacks_are_declared_where_they_work(whole: Whole) -> Iterator[Problem]:
    """Only what the policies resolved is called, so LiteLLM's own lists of fallbacks never come to anything."""
    for heading in ("router_settings", "litellm_settings"):
        for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"):
            if section(whole.documents["litellm"], heading, dict).get(name):
                cure = "give the deployments an order, or list the models of a workload in policies/routing.yaml"
                yield whole.problem("litellm", (heading, name), "is dead, the policies decide what may be called", cure)


def streaming_rules_match_something(whole: Whole) -> Iterator[Problem]:
    for name in whole.policies.streaming.workloads:
        if name not in whole.policies.routing.workloads:
            cure = _nearest(name, whole.policies.routing.workloads, "remove the rule")
            yield whole.problem("streaming", ("workloads", name), "is a dead rule, no workload has that name", cure)
    for name in whole.policies.streaming.models:
        if name not in whole.deployed.models:
            cure = _nearest(name, whole.deployed.models, "remove the rule")
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
                cure = _nearest(model, whole.names, "remove it, or add a deployment")
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
                cure = _nearest(waiver.client, known, "add the client to policies/access.yaml")
                yield whole.problem(stem, (*place, "client"), f"{waiver.client!r} is not a client", cure)
            for position, model in enumerate(waiver.models):
                if model not in whole.names and not (stem == "lifecycle" and find(whole.policies.catalog, model)):
                    cure = _nearest(model, whole.names, "remove it")
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


def configured_models_stay(whole: Whole) -> Iterator[Problem]:
    for index, target in declared_targets(whole.documents["litellm"], whole.environment):
        found = find(whole.policies.catalog, target.upstream_model) if target.provider == CEREBRAS else None
        left = days_left(found[1], whole.today) if found else None
        if left is not None and 0 < left <= LEAVING_SOON_DAYS:
            what = f"{target.upstream_model!r} retires in {left} days"
            cure = lifecycle_cure(whole, target.upstream_model)
            place = ("model_list", index, "litellm_params", "model")
            yield whole.problem("litellm", place, what, cure, Level.WARNING)


def catalog_is_fresh(whole: Whole) -> Iterator[Problem]:
    age = (whole.today - whole.policies.catalog.verified_on).days
    if age > CATALOG_STALE_DAYS:
        what = f"the catalog was last verified {age} days ago, and models leave month by month"
        yield whole.problem("models", ("verified_on",), what, "run `waferline catalog sync`", Level.WARNING)


def lifecycle_cure(whole: Whole, model: str) -> str:
    verdict = lifecycle.judge(whole.policies.lifecycle, whole.policies.catalog, model, MASTER, date.max)
    return verdict.cure if isinstance(verdict, Refuse) else "plan its replacement"


def _nearest(name: str, known: object, otherwise: str) -> str:
    near = (
        get_close_matches(name, [str(each) for each in known], n=1)
        if isinstance(known, (list, tuple, set, dict))
        else []
    )
    return f"did you mean {near[0]!r}?" if near else otherwise


_ALL = frozenset({"models", "lifecycle", "streaming", "routing", "access"})

# Each rule with the policy files it reads.
RULES: Mapping[Rule, frozenset[str]] = {
    workloads_name_declared_models: frozenset({"routing"}),
    aliases_agree_with_workloads: frozenset({"routing"}),
    configured_targets_may_be_called: frozenset({"models", "lifecycle"}),
    every_primary_has_a_fallback: frozenset(),
    deployments_are_named: frozenset(),
    litellm_is_set_as_needed: frozenset(),
    fallbacks_are_declared_where_they_work: frozenset(),
    streaming_rules_match_something: frozenset({"streaming", "routing"}),
    clients_are_distinct_and_can_do_something: frozenset({"access", "routing"}),
    exceptions_hold: _ALL,
    replacements_lead_somewhere: frozenset({"models", "lifecycle"}),
    configured_models_stay: frozenset({"models"}),
    catalog_is_fresh: frozenset({"models"}),
}
