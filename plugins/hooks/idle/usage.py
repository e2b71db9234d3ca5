"""What the router counts of its deployments' use, where none of them has a limit."""

from __future__ import annotations

import inspect
from typing import Any

from litellm.proxy import proxy_server

from plugins.hooks.idle.app import UnfamiliarError

_LIMITS = ("tpm", "rpm", "itpm", "otpm")


def leave_out_the_count() -> None:
    """For every answer the router copies what it knows of a model to look for its limits. They are looked for once."""
    router = proxy_server.llm_router
    if list(inspect.signature(router.increment_deployment_usage_for_response).parameters) != [
        "response",
        "request_kwargs",
    ]:
        raise UnfamiliarError("increment_deployment_usage_for_response() has other parameters")
    for row in router.model_list:
        known = router.get_router_model_info(deployment=row, received_model_name=row["model_name"])
        for place in (row, row["litellm_params"], row["model_info"], known):
            if any(place.get(name) is not None for name in _LIMITS):
                raise UnfamiliarError(f"{row['model_name']} has a limit")
    router.increment_deployment_usage_for_response = _uncounted


async def _uncounted(response: object, request_kwargs: dict[str, Any]) -> None:
    pass
