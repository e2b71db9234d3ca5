"""Which targets can be called past LiteLLM with nothing lost, and how; for the others, what would be lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plugins.config.deployments import REFERENCE, section, targets
from plugins.config.environment import CEREBRAS_BASE
from plugins.config.located import Located
from plugins.config.loggers import LOGGER_SETTINGS, Callbacks
from plugins.policy.targets import CEREBRAS, NO_KEY, Address, chat_address

OPENAI_COMPATIBLE = frozenset({CEREBRAS, "openai", "hosted_vllm", "openai_like"})

# What a row may say that the express lane does too, or that only concerns LiteLLM.
_HONOURED = frozenset(
    "model api_base api_key order max_retries num_retries custom_llm_provider allowed_openai_params".split()
)
_CALLBACKS = frozenset({"success_callback", "failure_callback", "input_callback", "guardrails"})

# Settings whose effect the express lane has too, or that mean nothing to it. Any other is LiteLLM's to carry out.
_INDIFFERENT = {
    "litellm_settings": frozenset(
        """callbacks num_retries request_timeout drop_params disable_hf_tokenizer_download turn_off_message_logging
        redact_user_api_key_info set_verbose json_logs fallbacks context_window_fallbacks content_policy_fallbacks
        default_fallbacks""".split()
    )
    | LOGGER_SETTINGS
    | _CALLBACKS,  # sorted in loggers.py
    "router_settings": frozenset(
        "model_group_alias num_retries disable_cooldowns timeout stream_timeout fallbacks".split()
    ),
    "general_settings": frozenset(
        """master_key custom_auth custom_auth_run_common_checks always_include_stream_usage cancel_on_disconnect
        enable_drain_endpoint drain_endpoint_token disable_spend_logs background_health_checks
        disable_model_info_refresh""".split()
    ),
}


def direct_targets(document: Located, environment: Mapping[str, str]) -> dict[str, Address | str]:
    """By deployment id: how to call it, or why LiteLLM has to."""
    rows = section(document, "model_list", list)
    return {
        target.deployment: _direct(target.provider, rows[index]["litellm_params"], environment)
        for index, target in targets(document, environment)
    }


def what_only_litellm_does(document: Located, callbacks: Callbacks) -> tuple[str, ...]:
    """Callbacks that act, guardrails and settings of the operator's, which the express lane would pass by."""
    settings = (
        f"{place}.{name}"
        for place, indifferent in _INDIFFERENT.items()
        for name, value in section(document, place, dict).items()
        if value and name not in indifferent
    )
    return (*callbacks.acting, *settings)


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
    return Address(url, _key(provider, parameters, environment))


def _key(provider: str, parameters: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """A row that names no key has its provider's own variable, but never sends that to somebody else's address."""
    written = _value(parameters.get("api_key"), environment)
    own = environment.get("CEREBRAS_API_KEY") if provider == CEREBRAS and "api_key" not in parameters else None
    return written or own or NO_KEY


def _value(written: object, environment: Mapping[str, str]) -> str | None:
    if not isinstance(written, str) or not written:
        return None
    return (environment.get(written.removeprefix(REFERENCE)) or None) if written.startswith(REFERENCE) else written
