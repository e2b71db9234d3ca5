"""What litellm_config.yaml leaves LiteLLM nothing to do for."""

from __future__ import annotations

from plugins.config.deployments import section
from plugins.config.direct import OUR_CALLBACK, what_only_litellm_does
from plugins.config.located import Located

_LOGGERS = ("callbacks", "success_callback", "failure_callback", "input_callback")
_LIMITS = ("tpm", "rpm", "limit", "budget", "parallel")


def nobody_logs(document: Located) -> bool:
    settings = section(document, "litellm_settings", dict)
    named = [settings.get(name) or [] for name in _LOGGERS]
    each = [name for value in named for name in (value if isinstance(value, list) else [value])]
    return all(name == OUR_CALLBACK for name in each)


def nothing_is_limited(document: Located) -> bool:
    """No setting that we do not know, and no row with limits: LiteLLM's own hooks have nothing to hold anybody to."""
    rows = section(document, "model_list", list)
    names = {name for row in rows if isinstance(row, dict) for name in row.get("litellm_params") or ()}
    limited = any(word in str(name) for name in names for word in _LIMITS)
    return not limited and all(each.startswith(_NO_SETTING) for each in what_only_litellm_does(document))


_NO_SETTING = (*(f"litellm_settings.{name}:" for name in (*_LOGGERS, "guardrails")), "guardrails:")
