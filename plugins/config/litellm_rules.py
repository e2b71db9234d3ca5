"""Whether litellm_config.yaml says what the policies need, and nothing that they would refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches

from plugins.config.deployments import REFERENCE, section
from plugins.config.deployments import targets as declared_targets
from plugins.config.located import Place
from plugins.config.problem import Level, Problem
from plugins.config.whole import Whole
from plugins.policy import lifecycle
from plugins.policy.access import MASTER, MASTER_CLIENT
from plugins.policy.catalog import days_left, find
from plugins.policy.engine import Ask, judge_target
from plugins.policy.targets import CEREBRAS
from plugins.policy.verdict import Refuse


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


# What rows and the file itself may say, as far as people write it by hand. LiteLLM reads more, and ignores the rest.
ROW_KEYS = frozenset(
    """model api_base api_key order max_retries num_retries custom_llm_provider allowed_openai_params timeout
    stream_timeout temperature max_tokens weight rpm tpm max_parallel_requests extra_headers extra_body tags
    organization api_version drop_params""".split()
)


SECTIONS = frozenset(
    """model_list litellm_settings general_settings router_settings environment_variables guardrails
    callback_settings credential_list mcp_servers include""".split()
)


def nothing_is_almost_spelt_right(whole: Whole) -> Iterator[Problem]:
    """LiteLLM ignores what it does not know: `oder: 2` is a fallback that comes first."""
    document = whole.documents["litellm"]
    for name in document.data:
        near = get_close_matches(str(name), SECTIONS, n=1, cutoff=0.8) if name not in SECTIONS else []
        if near:
            cure = f"did you mean {near[0]!r}?"
            yield whole.problem("litellm", (name,), "is not a section that LiteLLM reads", cure)
    for index, row in enumerate(section(document, "model_list", list)):
        parameters = row.get("litellm_params") if isinstance(row, dict) else None
        for name in parameters if isinstance(parameters, dict) else ():
            near = get_close_matches(str(name), ROW_KEYS, n=1, cutoff=0.75) if name not in ROW_KEYS else []
            if near:
                place: Place = ("model_list", index, "litellm_params", name)
                yield whole.problem("litellm", place, "is not a key that LiteLLM reads", f"did you mean {near[0]!r}?")


def keys_are_not_written_down(whole: Whole) -> Iterator[Problem]:
    document = whole.documents["litellm"]
    cure = "name a variable, like os.environ/CEREBRAS_API_KEY"
    for index, row in enumerate(section(document, "model_list", list)):
        parameters = row.get("litellm_params") if isinstance(row, dict) else None
        key = parameters.get("api_key") if isinstance(parameters, dict) else None
        if isinstance(key, str) and key and not key.startswith(REFERENCE):
            place: Place = ("model_list", index, "litellm_params", "api_key")
            yield whole.problem("litellm", place, "is a key in a file", cure, Level.WARNING)
    master = section(document, "general_settings", dict).get("master_key")
    if isinstance(master, str) and master and not master.startswith(REFERENCE):
        what = "is a key in a file, and not the one our front compares with"
        cure = "write os.environ/LITELLM_MASTER_KEY"
        yield whole.problem("litellm", ("general_settings", "master_key"), what, cure)


def fallbacks_are_declared_where_they_work(whole: Whole) -> Iterator[Problem]:
    """Only what the policies resolved is called, so LiteLLM's own lists of fallbacks never come to anything."""
    for heading in ("router_settings", "litellm_settings"):
        for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"):
            if section(whole.documents["litellm"], heading, dict).get(name):
                cure = "give the deployments an order, or list the models of a workload in policies/routing.yaml"
                yield whole.problem("litellm", (heading, name), "is dead, the policies decide what may be called", cure)


LEAVING_SOON_DAYS = 30


def configured_models_stay(whole: Whole) -> Iterator[Problem]:
    for index, target in declared_targets(whole.documents["litellm"], whole.environment):
        found = find(whole.policies.catalog, target.upstream_model) if target.provider == CEREBRAS else None
        left = days_left(found[1], whole.today) if found else None
        if left is not None and 0 < left <= LEAVING_SOON_DAYS:
            what = f"{target.upstream_model!r} retires in {left} days"
            cure = lifecycle_cure(whole, target.upstream_model)
            place = ("model_list", index, "litellm_params", "model")
            yield whole.problem("litellm", place, what, cure, Level.WARNING)


def lifecycle_cure(whole: Whole, model: str) -> str:
    verdict = lifecycle.judge(whole.policies.lifecycle, whole.policies.catalog, model, MASTER, date.max)
    return verdict.cure if isinstance(verdict, Refuse) else "plan its replacement"


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
