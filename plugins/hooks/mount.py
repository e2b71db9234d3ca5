"""Where we enter LiteLLM: its ASGI stack, its session to providers, and the path of its configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import litellm
from litellm.proxy import proxy_server

from plugins.front.asgi import App


def litellm_config_path() -> Path | None:
    path = proxy_server.user_config_file_path
    return Path(path).resolve() if path else None


def litellm_started() -> bool:
    """Whether LiteLLM has read its configuration: it has a router from then on."""
    return proxy_server.llm_router is not None


def mount_front(wrap: Callable[[App], App]) -> None:
    """Wraps the built stack. `app.add_middleware` is refused once LiteLLM is starting, which is when we are loaded."""
    app: Any = proxy_server.app
    if app.middleware_stack is not None:
        app.middleware_stack = wrap(app.middleware_stack)
        return
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: wrap(build())


def use_transport(transport: httpx.AsyncBaseTransport) -> None:
    litellm.aclient_session = httpx.AsyncClient(transport=transport, timeout=None)  # noqa: S113  deadlines are the transport's


def quiet_logs(environment: Mapping[str, str]) -> None:
    """Our line per request says more than uvicorn's, and more than LiteLLM's tracebacks of attempts that failed."""
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    if not environment.get("LITELLM_LOG"):
        for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
