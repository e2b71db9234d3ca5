"""An answer that LiteLLM chose the target for, and then hears no more of.

Its client is given it on the shortcut. What LiteLLM would do meanwhile and afterwards, half of a request's work, is to
parse what comes, put the answer together again, price it and tell its callbacks; and where none of them is the
operator's, none has use for it. A call that fails goes LiteLLM's way, so that what is made of it stays LiteLLM's.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any

import httpx
import litellm
import orjson
from litellm import main
from litellm.litellm_core_utils.core_helpers import process_response_headers
from litellm.proxy import proxy_server
from openai import AsyncOpenAI

from plugins.hooks.idle.app import UnfamiliarError
from plugins.telemetry.record import current
from plugins.upstream.heard import Heard
from plugins.upstream.shortcut import offered

Call = Mapping[str, Any]

_KNOWN = frozenset(
    """timeout messages optional_params litellm_params provider_config model logging_obj api_key api_base api_version
    organization client max_retries headers drop_params stream_options shared_session""".split()
)
_PLAIN = ("api_version", "organization", "client", "headers")  # empty where a call is like any other
_APART = ("extra_headers", "extra_query")  # what the SDK would not put into the body
_NOTHING = dict.fromkeys(
    """input_cost output_cost total_cost cost_for_built_in_tools_cost_usd_dollar original_cost discount_percent
    discount_amount margin_percent margin_fixed_amount margin_total_amount""".split(),
    0.0,
)

# Whom LiteLLM tells by itself, and who hears nothing of use: its router, its own hooks, and our gate.
_IDLE = ("litellm.router", "litellm.proxy.hooks.", "litellm._service_logger", "plugins.")
_HEARERS = """callbacks success_callback failure_callback _async_success_callback _async_failure_callback""".split()

_KEPT_TO_OURSELVES = "llm_provider-"  # the front would take them out again

# What came of a call that is made again, LiteLLM's way.
_made: ContextVar[httpx.Response | httpx.RequestError | None] = ContextVar("waferline_made", default=None)


class Repeating(httpx.AsyncBaseTransport):
    """Passes calls on, but answers one that was made already with what came of it."""

    def __init__(self, real: httpx.AsyncBaseTransport) -> None:
        self._real = real

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        made = _made.get()
        if made is None:
            return await self._real.handle_async_request(request)
        _made.set(None)
        if isinstance(made, httpx.RequestError):
            raise made
        return made

    async def aclose(self) -> None:
        await self._real.aclose()


class Unheard:
    """What LiteLLM takes for the stream: the headers it sends are made of it."""

    def __init__(self, response: httpx.Response, call: Call) -> None:
        self._response = response
        headers = process_response_headers(response.headers)
        self._hidden_params: dict[str, Any] = {
            "model_id": (call["litellm_params"].get("model_info") or {}).get("id"),
            "api_base": call["api_base"],
            "additional_headers": {name: headers[name] for name in headers if not name.startswith(_KEPT_TO_OURSELVES)},
        }

    def __aiter__(self) -> Unheard:
        return self

    async def __anext__(self) -> Any:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await self._response.aclose()


def leave_out_the_ending(transport: httpx.AsyncBaseTransport) -> None:
    """A router with cooldowns counts successes against failures: not there."""
    handler = main.openai_chat_completions
    stock = handler.async_streaming
    if set(inspect.signature(stock).parameters) != _KNOWN:
        raise UnfamiliarError("async_streaming() has other parameters")
    if not proxy_server.llm_router.disable_cooldowns:
        raise UnfamiliarError("the router counts answers for its cooldowns")
    if not _nobody_hears():
        raise UnfamiliarError("somebody else hears of answers from LiteLLM")
    headers = _headers_of_the_sdk()
    _stop_at_the_headers()

    async def async_streaming(**call: Any) -> Any:
        if not _is_plain(call) or not _nobody_hears():
            return await stock(**call)
        began = perf_counter()
        made = await _answered(transport, _request(handler, call, headers))
        if isinstance(made, httpx.Response) and isinstance(made.stream, Heard) and await made.stream.begin_unheard():
            _note(call["logging_obj"], perf_counter() - began)
            return Unheard(made, call)
        token = _made.set(made)
        try:
            return await stock(**call)
        finally:
            _made.reset(token)

    handler.async_streaming = async_streaming


def _stop_at_the_headers() -> None:
    stock = proxy_server.select_data_generator
    if next(iter(inspect.signature(stock).parameters)) != "response":
        raise UnfamiliarError("select_data_generator() has other parameters")

    def select(response: Any, **more: Any) -> Any:
        return _begun(response) if isinstance(response, Unheard) else stock(response=response, **more)

    proxy_server.select_data_generator = select


async def _begun(response: Unheard) -> AsyncIterator[str]:
    """Enough for LiteLLM to send its headers, with which the client is given the answer itself."""
    try:
        yield ":\n\n"
    finally:
        await response.aclose()


def _is_plain(call: Call) -> bool:
    record = current.get()
    return (
        record is not None
        and record.unobserved
        and offered.get() is not None
        and call.keys() <= _KNOWN
        and not any(call.get(name) for name in _PLAIN)
        and not any(call["optional_params"].get(name) for name in _APART)
        and bool(call.get("api_base") and call.get("api_key"))
    )


def _nobody_hears() -> bool:
    """LiteLLM builds its router before it connects to a database, and its start may run code of the operator's."""
    return proxy_server.prisma_client is None and all(
        str(getattr(each, "__module__", "")).startswith(_IDLE) for name in _HEARERS for each in getattr(litellm, name)
    )


def _headers_of_the_sdk() -> dict[str, str]:
    """Some of them are the operator's: it takes them from variables such as OPENAI_ORG_ID."""
    found = AsyncOpenAI(api_key="none", http_client=litellm.aclient_session).default_headers.items()
    return {name: value for name, value in found if isinstance(value, str) and not name.startswith("X-Stainless")}


def _request(handler: Any, call: Call, headers: Mapping[str, str]) -> httpx.Request:
    data = call["provider_config"].transform_request(
        model=call["model"],
        messages=call["messages"],
        optional_params=call["optional_params"],
        litellm_params=call["litellm_params"],
        headers={},
    )
    for name in _APART:
        data.pop(name, None)
    more = data.pop("extra_body", None) or {}
    options = handler.get_stream_options(stream_options=call.get("stream_options"), api_base=call["api_base"])
    return httpx.Request(
        "POST",
        f"{call['api_base'].rstrip('/')}/chat/completions",
        headers={"Authorization": f"Bearer {call['api_key']}", **headers},
        content=orjson.dumps({**data, "stream": True, **options, **more}),
    )


async def _answered(transport: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response | httpx.RequestError:
    try:
        return await transport.handle_async_request(request)
    except httpx.RequestError as error:
        return error


def _note(logging: Any, seconds: float) -> None:
    """What LiteLLM's headers say of the call; of a stream that begins they say that it has cost nothing yet."""
    logging.model_call_details["llm_api_duration_ms"] = seconds * 1000
    logging.set_cost_breakdown(**_NOTHING)
    logging.response_cost_calculator = _nothing


def _nothing(**_: Any) -> float:
    return 0.0
