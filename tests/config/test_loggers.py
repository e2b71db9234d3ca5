"""Which callbacks only log, as the gateway and `explain` both see it, without running any of them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from plugins.config.direct import what_only_litellm_does
from plugins.config.located import read
from plugins.config.loggers import Callbacks, callbacks, instance_only_logs

MODULE = """
from litellm.integrations.custom_logger import CustomLogger

class Mine(CustomLogger):
    \"\"\"Writes to our bus.\"\"\"
    topic = "requests"

    def __init__(self, bus=None):
        super().__init__()
        self.bus = bus

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self._send(kwargs)

    def _send(self, kwargs):
        print(kwargs)

mine = Mine()
"""


def sorted_out(text: str, **sources: str) -> Callbacks:
    document, problems = read("litellm_config.yaml", dedent(text))
    assert problems == []
    return callbacks(document, sources.get)


def test_callbacks_under_the_loggers_keys_are_loggers() -> None:
    found = sorted_out("""
        litellm_settings:
          callbacks: [plugins.callbacks.gate]
          success_callback: [langfuse, ours.success]
          failure_callback: [langfuse, sentry]
        """)

    assert found == Callbacks(loggers=("langfuse", "ours.success", "sentry"))


def test_integrations_that_only_log_are_loggers_and_all_others_act() -> None:
    found = sorted_out("""
        litellm_settings:
          callbacks: [plugins.callbacks.gate, prometheus, dynamic_rate_limiter, presidio, newrelic]
          input_callback: [sentry]
        guardrails: [{guardrail_name: pii}]
        """)

    assert found.loggers == ("prometheus",)
    assert found.acting == (
        "litellm_settings.callbacks: dynamic_rate_limiter",
        "litellm_settings.callbacks: presidio",
        "litellm_settings.callbacks: newrelic",
        "litellm_settings.input_callback: sentry",
        "guardrails: pii",
    )


def test_a_webhook_of_callback_settings_is_a_logger() -> None:
    found = sorted_out("""
        litellm_settings: {callbacks: [ours, theirs]}
        callback_settings:
          ours: {callback_type: generic_api, endpoint: https://bus.example}
          theirs: {callback_type: something_else}
        """)

    assert found == Callbacks(("ours",), ("litellm_settings.callbacks: theirs",))


def test_an_instance_beside_the_configuration_is_judged_by_its_source() -> None:
    text = "litellm_settings: {callbacks: [mine.mine, elsewhere.mine]}"

    assert sorted_out(text, mine=MODULE) == Callbacks(("mine.mine",), ("litellm_settings.callbacks: elsewhere.mine",))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("async_log_success_event", "async_pre_call_hook"),
        ("async_log_success_event", "log_pre_api_call"),
        ("async_log_success_event", "async_post_call_success_hook"),
        ("async_log_success_event", "__getattr__"),
        ("async_log_success_event", "send"),
        ("Mine(CustomLogger)", "Mine(CustomGuardrail)"),
        ("Mine(CustomLogger)", "Mine(CustomLogger, Other)"),
        ("Mine(CustomLogger)", "Mine(CustomLogger, metaclass=Other)"),
        ('topic = "requests"', "async_pre_call_hook = other"),
        ("class Mine", "@other\nclass Mine"),
        ("mine = Mine()", "mine = make()"),
        ("mine = Mine()", "mine = Mine()\nmine = Other()"),
        ("mine = Mine()", "mine: Mine = Mine()"),
        ("litellm.integrations.custom_logger", "ours"),
        ("import CustomLogger", "import Acting as CustomLogger"),
        ("print(kwargs)", "print(kwargs"),
    ],
)
def test_whatever_may_act_is_no_logger(old: str, new: str) -> None:
    assert instance_only_logs(MODULE, "mine")
    assert old in MODULE

    assert not instance_only_logs(MODULE.replace(old, new, 1), "mine")


def test_settings_of_loggers_leave_the_express_lane_open() -> None:
    document, _ = read(
        "litellm_config.yaml",
        dedent("""
        litellm_settings:
          success_callback: [langfuse]
          langfuse_default_tags: [cache_hit]
          cache: true
        """),
    )

    assert what_only_litellm_does(document, callbacks(document, lambda _: None)) == ("litellm_settings.cache",)
