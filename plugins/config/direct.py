"""Which targets can be called past LiteLLM with nothing lost, and how; for the others, what would be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plugins.config.deployments import REFERENCE, section, targets
from plugins.config.environment import CEREBRAS_BASE
from plugins.config.located import Located
from plugins.policy.targets import CEREBRAS, NO_KEY, Address, chat_address

OPENAI_COMPATIBLE = frozenset({CEREBRAS, "openai", "hosted_vllm", "openai_like"})
OUR_CALLBACK = "plugins.callbacks.gate"

# What a row may say that the express lane does too, or that only concerns LiteLLM.
_HONOURED = frozenset(
    "model api_base api_key order max_retries num_retries custom_llm_provider allowed_openai_params".split()
)
_CALLBACKS = ("callbacks", "success_callback", "failure_callback", "input_callback", "guardrails")
_FEATURES = {
    "litellm_settings": ("cache", "default_team_settings"),
    "router_settings": ("plugins", "optional_pre_call_checks"),
    "general_settings": ("pass_through_endpoints",),
}


def direct_targets(document: Located, environment: Mapping[str, str]) -> dict[str, Address | str]:
    """By deployment id: how to call it, or why LiteLLM has to."""
    rows = section(document, "model_list", list)
    return {
        target.deployment: _direct(target.provider, rows[index]["litellm_params"], environment)
        for index, target in targets(document, environment)
    }


def what_only_litellm_does(document: Located) -> tuple[str, ...]:
    """Callbacks, guardrails and features of the user's, which the express lane would pass by."""
    return tuple(_callbacks(document)) + tuple(
        f"{place}.{name}"
        for place, names in _FEATURES.items()
        for name in names
        if section(document, place, dict).get(name)
    )


def _callbacks(document: Located) -> Iterator[str]:
    settings = section(document, "litellm_settings", dict)
    for name in _CALLBACKS:
        value = settings.get(name) or []
        for each in value if isinstance(value, list) else [value]:
            if each != OUR_CALLBACK:
                yield f"litellm_settings.{name}: {each}"
    for guardrail in section(document, "guardrails", list):
        yield f"guardrails: {guardrail.get('guardrail_name') if isinstance(guardrail, dict) else guardrail}"


def _direct(provider: str, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> Address | str:
    if provider not in OPENAI_COMPATIBLE:
        return f"{provider} is not OpenAI-compatible"
    more = sorted(set(parameters) - _HONOURED)
    if more:
        return f"its row sets {', '.join(more)}, which LiteLLM applies"
    base = _value(parameters.get("api_base"), environment) or (CEREBRAS_BASE if provider == CEREBRAS else None)
    if base is None:
        return "its row has no api_base"
    try:
        url = chat_address(f"{base.rstrip('/')}/chat/completions")
    except ValueError:
        return f"its api_base {base!r} is not an address"
    return Address(url, _value(parameters.get("api_key"), environment) or NO_KEY)


def _value(written: object, environment: Mapping[str, str]) -> str | None:
    if not isinstance(written, str) or not written:
        return None
    return (environment.get(written.removeprefix(REFERENCE)) or None) if written.startswith(REFERENCE) else written
