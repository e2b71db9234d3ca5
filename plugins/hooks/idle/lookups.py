"""What LiteLLM looks up for every request, though the answer is always the same. It is looked up once."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from litellm import utils
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.responses import bridge_check

from plugins.hooks.idle.app import UnfamiliarError

MOST_ROUTES = 128  # the front lets few pass


def remember_lookups() -> None:
    """Whether a route is one of a list's, and what is known of a model: a memory changes nothing for anybody.

    What is known of a model LiteLLM remembers itself, and forgets when somebody changes it; only not for this.
    """
    if list(inspect.signature(RouteChecks.is_management_route).parameters) != ["route"]:
        raise UnfamiliarError("is_management_route() has other parameters")
    if list(inspect.signature(bridge_check.get_model_info_helper).parameters)[:2] != ["model", "custom_llm_provider"]:
        raise UnfamiliarError("get_model_info_helper() has other parameters")
    RouteChecks.is_management_route = staticmethod(lru_cache(MOST_ROUTES)(RouteChecks.is_management_route))
    bridge_check.get_model_info_helper = _model_info


def _model_info(model: str, custom_llm_provider: str | None) -> dict[str, Any]:
    return {**utils.cached_get_model_info_helper(model=model, custom_llm_provider=custom_llm_provider)}  # to be changed
