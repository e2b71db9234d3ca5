"""What litellm_config.yaml leaves LiteLLM nothing to do for."""

from __future__ import annotations

from plugins.config.deployments import section
from plugins.config.direct import what_only_litellm_does
from plugins.config.located import Located
from plugins.config.loggers import Callbacks

_LIMITS = ("tpm", "rpm", "limit", "budget", "parallel")


def nothing_is_limited(document: Located) -> bool:
    """No setting that we do not know, and no row with limits: LiteLLM's own hooks have nothing to hold anybody to."""
    rows = section(document, "model_list", list)
    names = {name for row in rows if isinstance(row, dict) for name in row.get("litellm_params") or ()}
    limited = any(word in str(name) for name in names for word in _LIMITS)
    return not limited and not what_only_litellm_does(document, Callbacks())
