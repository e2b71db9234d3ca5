"""What LiteLLM may leave undone, by what the operator's configuration asks of it."""

from __future__ import annotations

import pytest

from plugins.config.idle import nothing_is_limited
from plugins.config.located import Located, read
from tests.support.processes import ROOT

SHIPPED = (ROOT / "litellm_config.yaml").read_text("utf-8")


def changed(old: str, new: str) -> Located:
    assert old in SHIPPED
    document, _ = read("litellm_config.yaml", SHIPPED.replace(old, new))
    return document


def test_with_the_shipped_configuration_nothing_is_limited() -> None:
    assert nothing_is_limited(changed("", ""))


@pytest.mark.parametrize(
    "more", ["callbacks: [plugins.callbacks.gate, otel]", "callbacks: [plugins.callbacks.gate]\n  success_callback: s3"]
)
def test_a_logger_limits_nobody(more: str) -> None:
    assert nothing_is_limited(changed("callbacks: [plugins.callbacks.gate]", more))


def test_a_guardrail_limits_nobody() -> None:
    document = changed("general_settings:", "guardrails: [{guardrail_name: pii}]\n\ngeneral_settings:")

    assert nothing_is_limited(document)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  background_health_checks", "  global_max_parallel_requests: 5\n  background_health_checks"),
        ("  drop_params", "  max_budget: 10\n  drop_params"),
        ("      order: 1\n", "      order: 1\n      rpm: 100\n"),
        ("      order: 2\n", "      order: 2\n      default_api_key_tpm_limit: 1000\n"),
        ("      order: 1\n", "      order: 1\n      max_parallel_requests: 8\n"),
    ],
)
def test_where_something_is_limited_litellm_keeps_the_hooks_that_hold_it(old: str, new: str) -> None:
    assert not nothing_is_limited(changed(old, new))
