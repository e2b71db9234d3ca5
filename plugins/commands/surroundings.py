"""What can be said of this machine without calling anybody: versions, packages, variables, policies and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from plugins.commands.context import Context, Loaded, as_if_set
from plugins.commands.examined import Examined, State
from plugins.commands.page import counted
from plugins.config import checking, deployments
from plugins.config.deployments import REFERENCE
from plugins.config.environment import NEW_KEY, host_of, is_loopback, unsafe
from plugins.config.problem import errors
from plugins.policy.targets import Address, Target
from plugins.policy.verdict import listed

HERE = "this machine"
POLICIES = "policies"

LITELLM = "1.108.7"  # requirements/runtime.in says why
LITELLM_LINE = "1.108."
TROJANED = frozenset({"1.82.7", "1.82.8"})
INSTALL = "`make setup` installs what was tested"

# Each with what is lost without it.
_PACKAGES = {
    "httptools": (State.BAD, "no provider can be called"),
    "uvloop": (State.WARN, "every stream costs more CPU"),
    "opentelemetry-api": (State.WARN, "LiteLLM retries a failing import on every request, a quarter of its CPU"),
    "opentelemetry-sdk": (State.WARN, "LiteLLM retries a failing import on every request, a quarter of its CPU"),
}
_VARIABLES = {
    "LITELLM_LOCAL_MODEL_COST_MAP": ("True", "LiteLLM fetches a price list at the start"),
    "HF_HUB_OFFLINE": ("1", "LiteLLM may fetch a tokenizer while every stream waits"),
    "REPEATED_STREAMING_CHUNK_LIMIT": ("100000", "100 equal chunks in a row abort a stream"),
}
_DATABASES = ("DATABASE_URL", "DIRECT_URL")


def machine(
    python: tuple[int, int], version_of: Callable[[str], str | None], environment: Mapping[str, str]
) -> Iterator[Examined]:
    named = ".".join(map(str, python))
    if (3, 11) <= python < (3, 14):
        yield Examined(HERE, "Python", State.OK, named)
    else:
        yield Examined(HERE, "Python", State.BAD, f"{named} is not supported", "use one from 3.11 to 3.13")
    yield _litellm(version_of("litellm"))
    missing = [(name, *lost) for name, lost in _PACKAGES.items() if version_of(name) is None]
    for name, state, lost in missing:
        yield Examined(HERE, "packages", state, f"{name} is missing: {lost}", INSTALL)
    if not missing:
        yield Examined(HERE, "packages", State.OK, f"{', '.join(_PACKAGES)} are there")
    yield from _variables(environment)


def _litellm(version: str | None) -> Examined:
    if version is None:
        return Examined(HERE, "LiteLLM", State.BAD, "is not installed", INSTALL)
    if version in TROJANED:
        return Examined(HERE, "LiteLLM", State.BAD, f"{version} is trojaned", "remove it and change every key it saw")
    if version == LITELLM:
        return Examined(HERE, "LiteLLM", State.OK, version)
    if version.startswith(LITELLM_LINE):
        return Examined(HERE, "LiteLLM", State.WARN, f"{version} is not the tested {LITELLM}", INSTALL)
    return Examined(HERE, "LiteLLM", State.BAD, f"{version} is not of the supported line {LITELLM_LINE}*", INSTALL)


def _variables(environment: Mapping[str, str]) -> Iterator[Examined]:
    wrong = {name: told for name, told in _VARIABLES.items() if not _is_as(environment.get(name), told[0])}
    for name, (value, lost) in wrong.items():
        cure = f"`export {name}={value}`, as `make run` and the image do"
        yield Examined(HERE, "settings", State.WARN, f"{name} is not {value}: {lost}", cure)
    if not wrong:
        yield Examined(HERE, "settings", State.OK, f"{', '.join(_VARIABLES)} are as they should be")
    for name in _DATABASES:
        if environment.get(name):
            said = f"{name} is set, and LiteLLM would use and migrate what is there"
            yield Examined(HERE, "database", State.WARN, said, f"`unset {name}`: none is needed")


def _is_as(value: str | None, wanted: str) -> bool:
    if value is None:
        return False
    return int(value) >= int(wanted) if value.isdigit() and wanted.isdigit() else value.lower() == wanted.lower()


def policies(context: Context) -> Iterator[Examined]:
    document, _ = deployments.load(context.config)
    _, problems = checking.check(
        context.policies, context.config, as_if_set(document.data, context.environment), context.today
    )
    bad = errors(problems)
    if not problems:
        yield Examined(POLICIES, "check", State.OK, "they fit together and with litellm_config.yaml")
    elif bad:
        said = f"{counted(len(bad), 'error')}, the first: {bad[0]}"
        yield Examined(POLICIES, "check", State.BAD, said, "see `waferline check`")
    else:
        yield Examined(POLICIES, "check", State.WARN, counted(len(problems), "warning"), "see `waferline check`")


def master_key(context: Context, loaded: Loaded) -> Examined:
    key = context.environment.get("LITELLM_MASTER_KEY")
    ready = [way for target, way in _addressed(loaded) if target.ready]
    complaint = unsafe(key, [host_of(way.url) for way in ready])
    if complaint:
        reason, _, _ = complaint.partition(": ")
        return Examined(POLICIES, "master key", State.BAD, reason, f"`{NEW_KEY}`")
    if not key:
        said = "LITELLM_MASTER_KEY is not set: LiteLLM does not start, and `make run` takes the demo key"
        return Examined(POLICIES, "master key", State.WARN, said, f"`{NEW_KEY}`")
    return Examined(POLICIES, "master key", State.OK, "LITELLM_MASTER_KEY is set")


def _addressed(loaded: Loaded) -> list[tuple[Target, Address]]:
    found = ((target, loaded.direct.get(target.deployment)) for target in loaded.deployed.by_deployment.values())
    return [(target, way) for target, way in found if isinstance(way, Address)]


def target(loaded: Loaded, each: Target, environment: Mapping[str, str]) -> Examined:
    """Whether it could be called, and as whom."""
    if not each.ready:
        others = any(other.ready for other in loaded.deployed.of(each.model))
        state = State.WARN if others else State.BAD
        alone = "" if others else f", and {each.model!r} has no other target"
        return Examined(
            each.deployment,
            "address",
            state,
            f"{listed(each.missing)} {'is' if len(each.missing) == 1 else 'are'} not set{alone}",
            f"`export {each.missing[0]}=...`",
        )
    way = loaded.direct.get(each.deployment)
    if not isinstance(way, Address):
        return Examined(
            each.deployment, "address", State.NOTE, f"only LiteLLM can call it ({way}), so it is not measured"
        )
    base = way.url.removesuffix("/chat/completions")
    said = f"{base}, {_key(each, environment)}"
    if urlsplit(base).scheme == "http" and not is_loopback(host_of(base)):
        return Examined(each.deployment, "address", State.WARN, f"{said}: all of it travels in the clear", "use https")
    return Examined(each.deployment, "address", State.OK, said)


def _key(each: Target, environment: Mapping[str, str]) -> str:
    if not each.credential:
        return "with its provider's own variable, if that is set"
    if not each.credential.startswith(REFERENCE):
        return "with a key that is written down"
    name = each.credential.removeprefix(REFERENCE)
    return f"{name} is set" if environment.get(name) else f"without a key ({name} is not set)"
