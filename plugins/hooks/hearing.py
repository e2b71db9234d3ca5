"""An express request told to LiteLLM's loggers as if LiteLLM had served it, with its own logging object.

In its lane LiteLLM logs the first attempt that failed, and the answer, if there was one; so that is what is told here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.get_litellm_params import get_litellm_params
from litellm.litellm_core_utils.thread_pool_executor import executor
from litellm.proxy import proxy_server
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.litellm_pre_call_utils import add_litellm_data_to_request
from litellm.utils import Rules, function_setup
from starlette.requests import Request

from plugins.hooks.answered import answered
from plugins.hooks.failed import exception_of
from plugins.policy.access import digest
from plugins.telemetry.loggers import Told
from plugins.telemetry.record import Attempt, Outcome

Data = dict[str, Any]

_NOT_PARAMETERS = frozenset({"model", "messages", "fallbacks", "metadata", "litellm_call_id", "proxy_server_request"})

# LiteLLM's share of this takes milliseconds of the loop. Requests that end together are told one after the other, and
# what streams have to say goes between.
_PREPARING = asyncio.Lock()


async def hear(told: Told) -> None:
    record = told.record
    if not record.attempts:
        return
    identity = UserAPIKeyAuth(
        api_key=_key_digest(told.kept.scope),
        key_alias=record.client,
        user_id=record.client,
        end_user_id=told.kept.body.get("user"),
        request_route="/v1/chat/completions",
    )
    async with _PREPARING:
        data = await _data(told, identity)
        await asyncio.sleep(0)
        logging, data = function_setup("acompletion", Rules(), _local(told.at(record.started)), **data)
        await asyncio.sleep(0)
    last = record.serving or record.attempts[-1]
    first = next((each for each in record.attempts if each.outcome is not Outcome.LOST_RACE), last)
    gave_up = record.outcome in (Outcome.FAILED, Outcome.REJECTED)
    if gave_up or first is not last:
        await _failed(logging, told, data, first, identity, final=gave_up)
    if record.outcome is Outcome.WHOLE or (record.outcome is Outcome.CLIENT_GONE and told.kept.parts):
        await _succeeded(logging, told, data, last)
    elif not gave_up:
        await _failed(logging, told, data, last, identity, final=True)


async def _data(told: Told, identity: UserAPIKeyAuth) -> Data:
    """The request as the proxy would have prepared it: who asked, from where, with which tags."""
    request = Request({**told.kept.scope, "state": {}})
    arrived = told.at(told.record.started).astimezone(UTC)
    request.state.litellm_received_at = arrived
    data: Data = await add_litellm_data_to_request(
        data=dict(told.kept.body),
        request=request,
        user_api_key_dict=identity,
        proxy_config=proxy_server.proxy_config,
        general_settings=proxy_server.general_settings,
        version=proxy_server.version,
    )
    data["metadata"] |= {
        "litellm_received_at": arrived,
        "queue_time_seconds": 0.0,
        "model_group": data["model"],
        "original_model_group": data["model"],
        "attempted_retries": 0,
    }
    return {**data, "litellm_call_id": told.record.request_id}


def _begin(logging: Any, told: Told, data: Data, attempt: Attempt) -> None:
    """What LiteLLM notes when it calls a deployment."""
    target = attempt.target
    deployment = proxy_server.llm_router.get_deployment(model_id=target.deployment)
    row = deployment.litellm_params
    info = deployment.model_info.model_dump(exclude_none=True)
    _, provider, _, base = litellm.get_llm_provider(row.model, row.custom_llm_provider, row.api_base)
    data["metadata"] |= {
        "deployment": row.model,
        "deployment_model_name": deployment.model_name,
        "model_info": info,
        "api_base": base,
        "model_group": target.model,
        "model_group_size": len(proxy_server.llm_router.get_model_list(model_name=target.model) or ()),
        "attempted_fallbacks": told.record.attempts.index(attempt),
    }
    parameters = {name: value for name, value in told.kept.body.items() if name not in _NOT_PARAMETERS}
    parameters["stream"] = told.record.stream
    logging.update_environment_variables(
        model=target.upstream_model,
        user=told.kept.body.get("user"),
        optional_params=parameters,
        litellm_params=get_litellm_params(
            acompletion=True,
            api_base=base,
            custom_llm_provider=provider,
            litellm_call_id=told.record.request_id,
            litellm_trace_id=logging.litellm_trace_id,
            metadata=data["metadata"],
            model_info=info,
            proxy_server_request=data["proxy_server_request"],
            max_retries=row.max_retries,
        ),
        custom_llm_provider=provider,
    )
    # The key that was sent to the provider is nothing a logger needs.
    logging.pre_call(
        input=told.kept.body["messages"],
        api_key="",
        additional_args={"api_base": base, "headers": None, "acompletion": True, "complete_input_dict": parameters},
    )
    logging.model_call_details["api_call_start_time"] = _local(told.at(attempt.started))
    logging.model_call_details["first_api_call_start_time"] = _local(told.at(told.record.attempts[0].started))


async def _succeeded(logging: Any, told: Told, data: Data, attempt: Attempt) -> None:
    if told.record.outcome is Outcome.CLIENT_GONE:
        data["metadata"] |= {"client_disconnected": True, "error_information": _GONE}
    _begin(logging, told, data, attempt)
    response = await answered(told, attempt, data["metadata"]["api_base"])
    _note_first_token(logging, told, attempt)
    start, end = _local(told.at(told.record.started)), _local(told.ended_at)
    cached = False if told.record.stream else None
    await logging.async_success_handler(response, start, end, cached)
    if logging._should_run_sync_callbacks_for_async_calls():  # noqa: SLF001  a tripwire watches it
        await _in_a_thread(lambda: logging.success_handler(response, start, end, cached, for_async_request=True))


async def _failed(
    logging: Any, told: Told, data: Data, attempt: Attempt, identity: UserAPIKeyAuth, *, final: bool
) -> None:
    _begin(logging, told, data, attempt)
    midway = told.record.outcome is Outcome.BROKEN and attempt is told.record.serving
    error, trace = exception_of(attempt, midway=midway)
    if midway:
        _note_first_token(logging, told, attempt)
        response = await answered(told, attempt, data["metadata"]["api_base"])
        cost = logging.response_cost_calculator(result=response) or 0.0
        logging.record_partial_usage_for_failure(response.usage, cost)
    start, end = _local(told.at(attempt.started)), _local(told.at(attempt.ended or told.ended))
    await logging.async_failure_handler(error, trace, start, end)
    if logging._should_run_sync_failure_callbacks_for_async_calls():  # noqa: SLF001
        await _in_a_thread(lambda: logging.failure_handler(error, trace, start, end))
    if final:
        for callback in litellm.callbacks:
            # Where LiteLLM's own loggers count requests that failed.
            if isinstance(callback, CustomLogger) and type(callback).__module__.startswith("litellm.integrations."):
                await callback.async_post_call_failure_hook(data, error, identity, trace)


def _note_first_token(logging: Any, told: Told, attempt: Attempt) -> None:
    first = told.record.delivered.first_token_at or attempt.watch.first_token_at
    if first is not None:
        logging.update_completion_start_time(_local(told.at(first)))


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Where LiteLLM runs loggers that are not asynchronous."""
    await asyncio.wrap_future(executor.submit(work))


_GONE = {"error_code": "499", "error_message": "Client disconnected the request", "error_class": "ClientDisconnected"}


def _local(moment: datetime) -> datetime:
    """LiteLLM's times are of the machine's zone and do not say so."""
    return moment.astimezone().replace(tzinfo=None)


def _key_digest(scope: Any) -> str:
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return digest(header.decode("latin-1").partition(" ")[2].strip())
