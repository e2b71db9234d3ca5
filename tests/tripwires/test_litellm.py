"""Every name of LiteLLM that we rely on: a patch that moves one of them fails here and not in production."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import litellm
import pytest
from litellm.caching.caching import Cache
from litellm.caching.caching_handler import LLMCachingHandler
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils import redact_messages
from litellm.llms.openai.common_utils import BaseOpenAILLM
from litellm.proxy import proxy_server
from litellm.proxy._types import ConfigGeneralSettings, ProxyException, UserAPIKeyAuth
from litellm.proxy.hooks import PROXY_HOOKS
from litellm.proxy.types_utils.utils import get_instance_fn
from starlette.applications import Starlette

from plugins.circuit.board import Board
from plugins.config.located import read
from plugins.hooks.gate import Gate
from plugins.hooks.idle.hooks import IDLE, take_out_idle_hooks
from plugins.hooks.login import authenticate
from plugins.hooks.mount import litellm_started
from plugins.policy.circuits import CircuitsFile
from tests.support.processes import ROOT

TROJANED = {"1.82.7", "1.82.8"}


def test_the_tested_line_is_installed_and_no_trojan() -> None:
    installed = version("litellm")

    assert installed not in TROJANED
    assert installed.startswith("1.108."), (
        "the supported range is 1.108.*; change requirements/runtime.in and these tests"
    )


def test_litellm_still_takes_an_httpx_client() -> None:
    """openai 3 speaks httpx2; our transport is an httpx one."""
    assert version("openai").startswith("2.")


OVERRIDDEN = [name for name, member in vars(Gate).items() if inspect.iscoroutinefunction(member)]


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_every_hook_we_override_exists_with_the_parameters_we_name(name: str) -> None:
    """LiteLLM passes arguments by keyword: a renamed parameter is a TypeError in the request."""
    theirs = inspect.signature(getattr(CustomLogger, name)).parameters
    ours = inspect.signature(getattr(Gate, name)).parameters

    assert list(ours) == list(theirs)


def test_the_hooks_are_defined_on_the_registered_class_itself() -> None:
    """An inherited override never runs."""
    assert set(OVERRIDDEN) == {"async_filter_deployments", "async_pre_call_deployment_hook"}


def test_deployments_are_filtered_before_the_lowest_order_is_taken() -> None:
    """A target that the gate leaves out makes way for the next order."""
    source = inspect.getsource(litellm.Router.async_get_healthy_deployments)

    assert 0 < source.index("async_callback_filter_deployments(") < source.index("get_order_filtered_deployments(")


def test_the_login_hook_has_the_parameters_that_litellm_passes() -> None:
    assert list(inspect.signature(authenticate).parameters) == ["request", "api_key"]


def test_the_application_is_one_whose_built_stack_can_be_wrapped() -> None:
    app: Any = proxy_server.app

    assert isinstance(app, Starlette)
    assert hasattr(app, "middleware_stack")
    assert callable(app.build_middleware_stack)
    assert "self.middleware_stack" in inspect.getsource(Starlette.__call__)


def test_the_proxy_remembers_the_path_of_its_configuration() -> None:
    assert hasattr(proxy_server, "user_config_file_path")


def test_the_proxy_has_a_router_once_it_has_read_its_configuration() -> None:
    assert hasattr(proxy_server, "llm_router")
    assert "llm_router" in inspect.getsource(proxy_server.proxy_startup_event)
    assert litellm_started() is (proxy_server.llm_router is not None)


def test_a_request_may_ask_not_to_be_logged() -> None:
    """The rehearsal does."""
    logging = Path(inspect.getfile(litellm)).parent / "litellm_core_utils" / "litellm_logging.py"

    assert 'litellm_params.get("no-log", False)' in logging.read_text()


@pytest.mark.parametrize("unkept", [True, False])
def test_a_request_may_ask_that_its_answer_is_not_kept(unkept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rehearsal does: what it is answered with is no answer for anybody else."""
    monkeypatch.setattr(litellm, "cache", Cache(type="local"))
    handler = LLMCachingHandler(original_function=litellm.acompletion, request_kwargs={}, start_time=datetime.now(UTC))

    kept = handler.should_store_result_in_cache(litellm.acompletion, {"model": "m", "cache": {"no-store": unkept}})

    assert kept is not unkept


def test_openai_compatible_providers_are_called_through_our_session() -> None:
    session = httpx.AsyncClient()
    litellm.aclient_session = session
    try:
        assert BaseOpenAILLM._get_async_http_client() is session
    finally:
        litellm.aclient_session = None


def test_callbacks_are_executed_by_path_so_that_they_must_not_hold_state(tmp_path: Path) -> None:
    (tmp_path / "loose.py").write_text("thing = object()\n")
    config = str(tmp_path / "config.yaml")

    assert get_instance_fn("loose.thing", config) is not get_instance_fn("loose.thing", config)


def test_the_exception_for_refusals_keeps_what_it_is_given() -> None:
    error = ProxyException(message="m", type="t", param="p", code=403)

    assert (error.message, error.type, error.param, error.code) == ("m", "t", "p", "403")


def test_a_logged_in_client_has_a_name() -> None:
    fields = UserAPIKeyAuth.model_fields

    assert {"api_key", "key_alias", "user_id"} <= set(fields)


def test_every_general_setting_we_use_is_one_that_litellm_knows() -> None:
    document, _ = read("litellm_config.yaml", (ROOT / "litellm_config.yaml").read_text())
    source = Path(inspect.getfile(proxy_server)).parent
    unknown = [name for name in document.data["general_settings"] if name not in ConfigGeneralSettings.model_fields]

    # Read from the dictionary without being declared on the model.
    text = "".join(
        path.read_text(errors="ignore")
        for path in (source / "proxy_server.py", source / "health_endpoints" / "_health_endpoints.py")
    )
    assert [name for name in unknown if f'"{name}"' not in text] == []


def test_every_router_setting_we_use_is_a_parameter_of_the_router() -> None:
    document, _ = read("litellm_config.yaml", (ROOT / "litellm_config.yaml").read_text())
    parameters = inspect.signature(litellm.Router.__init__).parameters

    assert set(document.data["router_settings"]) <= set(parameters)


@pytest.mark.parametrize("name", ["num_retries", "request_timeout", "drop_params", "disable_hf_tokenizer_download"])
def test_every_litellm_setting_we_use_is_an_attribute_of_litellm(name: str) -> None:
    assert hasattr(litellm, name)


@pytest.mark.parametrize(
    "variable",
    [
        "LITELLM_LOCAL_MODEL_COST_MAP",
        "LITELLM_DONT_SHOW_FEEDBACK_BOX",
        "REPEATED_STREAMING_CHUNK_LIMIT",
        "LITELLM_MODE",
    ],
)
def test_every_variable_we_set_is_read_by_litellm(variable: str) -> None:
    root = Path(inspect.getfile(litellm)).parent
    places = [
        root / "__init__.py",
        root / "constants.py",
        root / "proxy" / "proxy_server.py",
        root / "litellm_core_utils" / "get_model_cost_map.py",
    ]

    assert any(variable in place.read_text() for place in places)


@pytest.mark.parametrize("name", IDLE)
def test_every_hook_that_may_be_left_out_is_one_that_litellm_adds_by_itself(name: str) -> None:
    assert issubclass(PROXY_HOOKS[name], CustomLogger)


def test_hooks_are_taken_out_of_every_list_they_are_called_from_and_others_stay() -> None:
    lists = (
        litellm.callbacks,
        litellm.input_callback,
        litellm.success_callback,
        litellm.failure_callback,
        litellm._async_success_callback,
        litellm._async_failure_callback,
    )
    before = [list(each) for each in lists]
    idle, ours = (
        PROXY_HOOKS["responses_id_security"](),
        Gate({}, Board([], CircuitsFile, lambda: 0.0, lambda _: None), lambda: 0.0),
    )
    try:
        for each in lists:
            each += [idle, ours]
        take_out_idle_hooks()

        assert proxy_server.model_max_budget_limiter not in litellm.callbacks
        assert [each for each in lists if idle in each] == []
        assert [each for each in lists if ours not in each] == []
    finally:
        for each, was in zip(lists, before, strict=True):
            each[:] = was


def test_redaction_is_an_attribute_that_is_read_anew_for_every_request() -> None:
    assert "litellm.turn_off_message_logging is True" in inspect.getsource(
        redact_messages.should_redact_message_logging
    )
