"""What the cuts in LiteLLM's idle work rely on. Where one of these is otherwise, a cut leaves itself out, or must."""

from __future__ import annotations

import inspect
from typing import Any

import litellm
import pytest
from litellm import main, utils
from litellm.litellm_core_utils.core_helpers import process_response_headers
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.litellm_core_utils.llm_response_utils import response_metadata
from litellm.llms.openai import openai
from litellm.proxy import common_request_processing, proxy_server
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.responses import bridge_check
from litellm_enterprise.proxy.auth.route_checks import EnterpriseRouteChecks

from plugins.hooks.idle.ending import _APART, _KNOWN, _NOTHING


def source(of: Any) -> str:
    return inspect.getsource(of)


def test_streams_of_openai_compatible_providers_begin_in_one_place() -> None:
    handler = main.openai_chat_completions

    assert set(inspect.signature(handler.async_streaming).parameters) == _KNOWN
    assert "return self.async_streaming(" in source(type(handler).completion)
    assert source(main).count("openai_chat_completions.completion(") == 1


def test_a_streams_request_is_put_together_from_what_we_put_it_together_from() -> None:
    text = source(openai.OpenAIChatCompletion.async_streaming)

    assert "data = provider_config.transform_request(" in text
    assert "data.update(self.get_stream_options(stream_options=stream_options, api_base=api_base))" in text
    assert {*_APART, "extra_body"} == openai._SDK_OPTION_KEYS


@pytest.mark.parametrize("where", [litellm.Router._acompletion, main.acompletion])
def test_what_is_neither_a_stream_nor_an_answer_of_litellms_is_handed_on_as_it_is(where: Any) -> None:
    text = source(where)

    assert "isinstance(response, CustomStreamWrapper)" in text
    assert text.count("return response\n") >= 1


def test_a_streams_headers_are_made_of_its_hidden_parameters() -> None:
    text = source(common_request_processing.ProxyBaseLLMRequestProcessing._process_llm_request)

    assert "hidden_params = get_hidden_params_dict(response)" in text
    assert 'hasattr(result, "_hidden_params")' in source(response_metadata.update_response_metadata)
    assert process_response_headers({}) == {}


def test_what_a_call_took_and_cost_is_noted_where_headers_are_made_from() -> None:
    assert set(_NOTHING) <= set(inspect.signature(Logging.set_cost_breakdown).parameters)
    assert "logging_obj.response_cost_calculator(" in source(response_metadata.ResponseMetadata.set_hidden_params)
    assert 'model_call_details.get("llm_api_duration_ms")' in source(response_metadata.response_timing_metrics)


def test_an_answer_is_sent_by_a_generator_that_is_looked_up_for_every_request() -> None:
    assert next(iter(inspect.signature(proxy_server.select_data_generator).parameters)) == "response"
    assert "select_data_generator=select_data_generator" in source(proxy_server.chat_completion)
    text = source(common_request_processing.ProxyBaseLLMRequestProcessing._process_llm_request)
    assert "select_data_generator(\n                        response=response," in text


@pytest.mark.parametrize("name", ["llm_router", "prisma_client"])
def test_what_is_asked_before_a_cut_is_still_called_that(name: str) -> None:
    assert hasattr(proxy_server, name)


def test_the_router_counts_use_and_successes_in_these_places_alone() -> None:
    router = litellm.Router(model_list=[], disable_cooldowns=True)

    assert router.disable_cooldowns is True
    assert "self.increment_deployment_usage_for_response(" in source(litellm.Router.make_call)
    assert all(f'"{limit}"' in source(litellm.Router._increment_deployment_usage) for limit in ("tpm", "rpm"))
    assert "deployment_has_io_token_limits" in source(litellm.Router._increment_deployment_usage)


def test_what_is_remembered_is_looked_up_through_these_names() -> None:
    assert "RouteChecks.is_management_route(route=route)" in source(EnterpriseRouteChecks.should_call_route)
    assert "RouteChecks.check_route_access(route=route, allowed_routes=LiteLLMRoutes" in source(
        RouteChecks.is_management_route
    )
    assert "get_model_info_helper(model=model, custom_llm_provider=custom_llm_provider)" in source(
        bridge_check.responses_api_bridge_check
    )
    assert "cached_get_model_info_helper.cache_clear()" in source(utils._invalidate_model_cost_lowercase_map)
