"""Which targets litellm_config.yaml declares, and which variables they still need."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from plugins.config import deployments, files
from plugins.config.deployments import deployed, targets
from plugins.config.files import ROOT
from plugins.config.located import Located
from plugins.policy.access import MASTER_CLIENT
from plugins.policy.engine import Ask, decide
from plugins.policy.targets import Target

KEY, BASE = "os.environ/KEY", "os.environ/BASE"


def row(**parameters: Any) -> dict[str, Any]:
    return {"model_name": "swift", "litellm_params": parameters, "model_info": {"id": "x"}}


def declared(*rows: Any, **environment: str) -> list[Target]:
    return [target for _, target in targets(Located("", {"model_list": list(rows)}), environment)]


@pytest.mark.parametrize(
    ("parameters", "environment", "missing"),
    [
        ({"model": "cerebras/m", "api_base": BASE, "api_key": KEY}, {}, ("KEY",)),
        ({"model": "cerebras/m", "api_base": BASE, "api_key": KEY}, {"KEY": "k"}, ()),
        ({"model": "cerebras/m", "api_base": BASE, "api_key": KEY}, {"KEY": ""}, ("KEY",)),
        ({"model": "cerebras/m", "api_base": BASE, "api_key": KEY}, {"BASE": "b"}, ()),
        ({"model": "cerebras/m", "api_key": KEY}, {}, ("KEY",)),
        ({"model": "cerebras/m", "api_key": "written-out"}, {}, ()),
        ({"model": "openai/m", "api_base": BASE, "api_key": KEY}, {}, ("BASE", "KEY")),
        ({"model": "openai/m", "api_base": BASE, "api_key": KEY}, {"KEY": "k"}, ("BASE",)),
        ({"model": "openai/m", "api_base": BASE, "api_key": KEY}, {"BASE": "b"}, ()),
        ({"model": "openai/m", "api_base": BASE}, {}, ("BASE",)),
        ({"model": "openai/m", "api_base": "http://localhost/v1", "api_key": KEY}, {}, ()),
        ({"model": "openai/m"}, {}, ()),
    ],
)
def test_a_target_misses_the_variables_without_which_a_call_would_go_astray(
    parameters: dict[str, str], environment: dict[str, str], missing: tuple[str, ...]
) -> None:
    (target,) = declared(row(**parameters), **environment)

    assert missing == target.missing
    assert target.ready is (not missing)


@pytest.mark.parametrize(
    ("parameters", "provider", "model"),
    [
        ({"model": "cerebras/swift"}, "cerebras", "swift"),
        ({"model": "openrouter/vendor/swift"}, "openrouter", "vendor/swift"),
        ({"model": "swift"}, "openai", "swift"),
        ({"model": "vendor/swift", "custom_llm_provider": "cerebras"}, "cerebras", "vendor/swift"),
    ],
)
def test_provider_and_upstream_model_are_read_as_litellm_reads_them(
    parameters: dict[str, str], provider: str, model: str
) -> None:
    (target,) = declared(row(**parameters))

    assert (provider, model) == (target.provider, target.upstream_model)


def test_a_variable_may_name_the_upstream_model() -> None:
    held = {**row(model="openai/swift"), "model_info": {"id": "x", "model_from_env": "NAME"}}

    assert [target.upstream_model for target in declared(held)] == ["swift"]
    assert [target.upstream_model for target in declared(held, NAME="swift-large")] == ["swift-large"]


def test_targets_of_a_model_come_by_their_order() -> None:
    rows = [
        {**row(model="openai/m", order=2), "model_info": {"id": "second"}},
        {**row(model="cerebras/m", order=1), "model_info": {"id": "first"}},
    ]

    found = deployed(Located("", {"model_list": rows}), {})

    assert [target.deployment for target in found.of("swift")] == ["first", "second"]
    assert found.models == ("swift",)
    assert found.of("other") == ()


@pytest.mark.parametrize(
    "malformed",
    [None, "text", {}, {"litellm_params": None}, {"litellm_params": {"model": 5}}, {"litellm_params": ["model"]}],
)
def test_a_malformed_row_is_left_to_litellm(malformed: Any) -> None:
    assert [index for index, _ in targets(Located("", {"model_list": [malformed, row(model="a/b")]}), {})] == [1]


@pytest.mark.parametrize("info", [None, "x", [], 5])
def test_a_malformed_model_info_counts_as_none(info: Any) -> None:
    (target,) = declared({**row(model="cerebras/m", order="first"), "model_info": info})

    assert (target.deployment, target.order) == ("model_list[0]", 1)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"model_list": None}, {"model_list": "x"}])
def test_a_configuration_without_models_declares_no_targets(data: Any) -> None:
    assert list(targets(Located("", data), {})) == []


def test_one_model_at_the_fallback_for_all_is_one_target_and_is_called_once() -> None:
    """FALLBACK_MODEL turns two rows into one: what would be called is the same."""
    document, _ = deployments.load(ROOT / "litellm_config.yaml")
    here = {"CEREBRAS_API_KEY": "k", "FALLBACK_API_BASE": "http://127.0.0.1:1/v1", "FALLBACK_MODEL": "big-one"}
    policies = files.load(ROOT / "policies").policies
    assert policies is not None

    ask = Ask("chat", stream=True, client=MASTER_CLIENT, today=date(2026, 11, 20))
    decision = decide(policies, deployments.deployed(document, here), ask)

    assert [(target.deployment, target.upstream_model) for target in decision.targets] == [
        ("cerebras/gpt-oss-120b", "gpt-oss-120b"),
        ("fallback/gpt-oss-120b", "big-one"),
        ("cerebras/qwen-3.8-27b", "qwen-3.8-27b"),
    ]
