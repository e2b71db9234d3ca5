"""LiteLLM's own hooks, where nothing is limited."""

from __future__ import annotations

import litellm
from litellm.proxy import proxy_server
from litellm.proxy.hooks import PROXY_HOOKS

# They enforce what LiteLLM's database says of its keys, or serve APIs and fields that the front refuses. One of them
# counts the tokens of every prompt, and one wraps every stream.
IDLE = (
    "parallel_request_limiter",
    "max_iterations_limiter",
    "max_budget_per_session_limiter",
    "cache_control_check",
    "responses_id_security",
    "litellm_skills",
    "prompt_cache_prediction",
    "autorouter_baseline_cache",
)


def take_out_idle_hooks() -> None:
    classes = tuple(PROXY_HOOKS[name] for name in IDLE if name in PROXY_HOOKS)
    idle = [each for each in litellm.callbacks if isinstance(each, classes)]
    manager = litellm.logging_callback_manager
    for each in [*idle, proxy_server.model_max_budget_limiter]:
        manager.remove_callback_from_all_lists(each)
        manager.remove_callback_from_list_by_object(litellm.input_callback, each, require_self=False)


def redact_nothing() -> None:
    """Redacted deep copies, which nobody would see."""
    litellm.turn_off_message_logging = False
