"""What LiteLLM does for every request in vain, and what may therefore be left out. About a fifth of a request's CPU."""

from __future__ import annotations

import litellm
from litellm.proxy import proxy_server
from litellm.proxy.hooks import PROXY_HOOKS

from plugins.front.asgi import App, Receive, Scope, Send

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


class WithoutIdleWork:
    """LiteLLM's application. It loads us before its own hooks and settings, so that the first request does the work."""

    def __init__(self, app: App, *, nothing_is_limited: bool, nobody_logs: bool) -> None:
        self._app = app
        self._nothing_is_limited = nothing_is_limited
        self._nobody_logs = nobody_logs
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._begun and scope["type"] == "http":
            self._begun = True
            if self._nothing_is_limited:
                take_out_idle_hooks()
            if self._nobody_logs:
                litellm.turn_off_message_logging = False  # redacted deep copies, which nobody would see
        await self._app(scope, receive, send)


def take_out_idle_hooks() -> None:
    classes = tuple(PROXY_HOOKS[name] for name in IDLE if name in PROXY_HOOKS)
    idle = [each for each in litellm.callbacks if isinstance(each, classes)]
    manager = litellm.logging_callback_manager
    for each in [*idle, proxy_server.model_max_budget_limiter]:
        manager.remove_callback_from_all_lists(each)
        manager.remove_callback_from_list_by_object(litellm.input_callback, each, require_self=False)
