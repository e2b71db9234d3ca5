"""A memory of lookups answers as they do, and forgets what has changed."""

from __future__ import annotations

from collections.abc import Iterator

import litellm
import pytest
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.responses import bridge_check

from plugins.hooks.idle.lookups import remember_lookups

MODEL = "cerebras/known-to-this-test"
ROUTES = ["/v1/chat/completions", "/key/generate", "/team/member_add", "/health/readiness", "/nowhere"]


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(RouteChecks, "is_management_route", staticmethod(RouteChecks.is_management_route))
    monkeypatch.setattr(bridge_check, "get_model_info_helper", bridge_check.get_model_info_helper)
    remember_lookups()
    yield
    litellm.model_cost.pop(MODEL, None)


def test_routes_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [RouteChecks.is_management_route(route=route) for route in ROUTES]
    monkeypatch.setattr(RouteChecks, "is_management_route", staticmethod(RouteChecks.is_management_route))
    monkeypatch.setattr(bridge_check, "get_model_info_helper", bridge_check.get_model_info_helper)

    remember_lookups()

    for _ in range(2):
        assert [RouteChecks.is_management_route(route=route) for route in ROUTES] == before
    assert set(before) == {True, False}


def mode() -> str:
    info, _ = bridge_check.responses_api_bridge_check(model=MODEL, custom_llm_provider="cerebras")
    return str(info["mode"])


def known(mode: str) -> None:
    litellm.register_model({MODEL: {"litellm_provider": "cerebras", "mode": mode, "max_tokens": 1}})


@pytest.mark.usefixtures("remembering")
def test_what_becomes_known_of_a_model_is_known_at_once() -> None:
    known("chat")
    assert mode() == "chat"
    known("responses")
    assert mode() == "responses"


@pytest.mark.usefixtures("remembering")
def test_what_somebody_does_to_what_was_found_is_not_remembered() -> None:
    known("chat")
    found, _ = bridge_check.responses_api_bridge_check(model=MODEL, custom_llm_provider="cerebras")
    found["mode"] = "responses"

    assert mode() == "chat"
