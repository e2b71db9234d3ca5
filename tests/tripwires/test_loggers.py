"""What we rely on of LiteLLM to tell its loggers, and our table of those that only log, held against its own."""

from __future__ import annotations

import ast
import importlib
import inspect
import logging
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm._logging import verbose_logger
from litellm.integrations.custom_logger import CustomLogger
from litellm.integrations.langfuse.langfuse_prompt_management import LangfusePromptManagement
from litellm.litellm_core_utils import litellm_logging
from litellm.litellm_core_utils.get_litellm_params import get_litellm_params
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.litellm_core_utils.thread_pool_executor import executor
from litellm.llms.openai.common_utils import OpenAIError
from litellm.proxy import proxy_server
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.common_request_processing import resolve_litellm_call_id
from litellm.proxy.litellm_pre_call_utils import add_litellm_data_to_request
from litellm.utils import convert_to_model_response_object, function_setup

from plugins.config.loggers import HEARING, LOGGER_SETTINGS, ONLY_LOG

# Beyond hearing: what ends or counts a request that is over, or is no part of one.
HARMLESS = {
    "async_post_call_success_hook",
    "async_post_call_failure_hook",
    "log_success_fallback_event",
    "log_failure_fallback_event",
    "async_log_audit_log_event",
    "async_log_batch_line_items",
    "redacts_messages_itself",
    "get_proxy_server_request_from_cold_storage_with_object_key",
}
# It is built where LITELLM_OTEL_V2 is set, and writes down who asks on a span of its own.
OBSERVES = {"OpenTelemetryV2": {"async_pre_call_hook", "log_pre_api_call"}}
# It fetches prompts by an id, which no client may send and no row of the express lane may have.
FETCHES = {"LangfusePromptManagement": {"get_chat_completion_prompt", "async_get_chat_completion_prompt"}}


def branches(node: ast.stmt) -> Iterator[tuple[set[str], list[ast.stmt]]]:
    """`if logging_integration == "x": ... elif ...`, flattened."""
    if isinstance(node, ast.If):
        yield {str(each.value) for each in ast.walk(node.test) if isinstance(each, ast.Constant)}, node.body
        for other in node.orelse:
            yield from branches(other)


def built_for(name: str) -> list[type[CustomLogger]]:
    """The classes that LiteLLM builds for a callback of this name, as its own code says."""
    tree = ast.parse(inspect.getsource(litellm_logging.build_custom_logger_compatible_class))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    bodies = [body for node in function.body for names, body in branches(node) if name in names]
    found = [each for body in bodies for statement in body for each in classes_in(statement)]
    return [each for each in found if inspect.isclass(each) and issubclass(each, CustomLogger)]


def classes_in(statement: ast.stmt) -> Iterator[Any]:
    imported: dict[str, Any] = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            imported |= {alias.name: getattr(module, alias.name) for alias in node.names}
    yield from imported.values()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            if node.id == "_get_cached_prometheus_logger":
                yield litellm_logging._get_cached_prometheus_logger()
            yield getattr(litellm_logging, node.id, None)


@pytest.mark.parametrize("name", sorted(ONLY_LOG))
def test_an_integration_that_only_logs_is_known_and_overrides_nothing_that_acts(name: str) -> None:
    assert name in litellm._known_custom_logger_compatible_callbacks
    classes = built_for(name)
    assert classes
    hooks = [each for each in dir(CustomLogger) if not each.startswith("_") and callable(getattr(CustomLogger, each))]

    for each in classes:
        overridden = {hook for hook in hooks if getattr(each, hook) is not getattr(CustomLogger, hook)}
        allowed = HEARING | HARMLESS | OBSERVES.get(each.__name__, set()) | FETCHES.get(each.__name__, set())
        assert overridden <= allowed, each


def test_langfuse_fetches_no_prompt_where_none_is_named() -> None:
    parameters: Any = {}
    manager = object.__new__(LangfusePromptManagement)

    assert not manager.should_run_prompt_management(
        prompt_id=None, prompt_spec=None, dynamic_callback_params=parameters
    )


def test_every_name_that_counts_as_hearing_is_one_of_litellms() -> None:
    assert [name for name in HEARING if not hasattr(CustomLogger, name)] == []


@pytest.mark.parametrize("name", sorted(LOGGER_SETTINGS))
def test_every_setting_of_loggers_is_an_attribute_of_litellm(name: str) -> None:
    assert hasattr(litellm, name)


@pytest.mark.parametrize(
    ("called", "named"),
    [
        (function_setup, "original_function rules_obj start_time"),
        (add_litellm_data_to_request, "data request user_api_key_dict proxy_config general_settings version"),
        (
            get_litellm_params,
            """acompletion api_base custom_llm_provider litellm_call_id litellm_trace_id metadata model_info
            proxy_server_request max_retries""",
        ),
        (convert_to_model_response_object, "response_object model_response_object hidden_params _response_headers"),
        (Logging.update_environment_variables, "model user optional_params litellm_params additional_params"),
        (Logging.pre_call, "input api_key additional_args"),
        (Logging.update_completion_start_time, "completion_start_time"),
        (Logging.async_success_handler, "result start_time end_time cache_hit"),
        (Logging.success_handler, "result start_time end_time cache_hit for_async_request"),
        (Logging.async_failure_handler, "exception traceback_exception start_time end_time"),
        (Logging.failure_handler, "exception traceback_exception start_time end_time"),
        (Logging.response_cost_calculator, "result"),
        (Logging.record_partial_usage_for_failure, "usage response_cost"),
        (Logging._should_run_sync_callbacks_for_async_calls, ""),
        (Logging._should_run_sync_failure_callbacks_for_async_calls, ""),
        (CustomLogger.async_post_call_failure_hook, "request_data original_exception user_api_key_dict traceback_str"),
        (OpenAIError.__init__, "status_code message body"),
        (litellm.exception_type, "model original_exception custom_llm_provider"),
        (litellm.token_counter, "model text messages count_response_tokens"),
        (litellm.get_llm_provider, "model custom_llm_provider api_base"),
        (litellm.Router.get_deployment, "model_id"),
        (litellm.Router.get_model_list, "model_name"),
        (executor.submit, "fn"),
    ],
    ids=lambda each: getattr(each, "__qualname__", ""),
)
def test_what_is_called_to_tell_loggers_takes_what_it_is_given(called: Any, named: str) -> None:
    assert set(named.split()) <= set(inspect.signature(called).parameters)


def test_the_proxy_has_what_a_request_is_prepared_with() -> None:
    assert all(hasattr(proxy_server, name) for name in ("proxy_config", "general_settings", "version", "llm_router"))
    assert {"end_user_id", "request_route"} <= set(UserAPIKeyAuth.model_fields)


def test_litellm_takes_the_id_of_a_request_from_the_header_we_send() -> None:
    assert resolve_litellm_call_id("wl-1") == "wl-1"


def test_loggers_that_raise_are_told_of_in_the_log_we_listen_to() -> None:
    assert verbose_logger is logging.getLogger("LiteLLM")
    assert "LiteLLM.LoggingError: " in inspect.getsource(Logging._async_success_handler_body)
    assert "LiteLLM.LoggingError: " in inspect.getsource(Logging._async_failure_handler_body)
