"""The router looks for limits once; where there is none it counts no use."""

from __future__ import annotations

import pytest
from litellm.proxy import proxy_server

from plugins.hooks.idle.app import UnfamiliarError
from plugins.hooks.idle.usage import leave_out_the_count
from tests.hooks.test_gate import ALLOWED
from tests.hooks.test_idle_ending import routing

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("limit", ["tpm", "rpm"])
def test_where_a_deployment_has_a_limit_its_use_is_counted(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(proxy_server, "llm_router", routing(NOWHERE, more={limit: 10}))

    with pytest.raises(UnfamiliarError, match=f"{ALLOWED} has a limit"):
        leave_out_the_count()


async def test_where_none_has_one_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    router = routing(NOWHERE)
    monkeypatch.setattr(proxy_server, "llm_router", router)
    counted: list[object] = []
    monkeypatch.setattr(router, "_increment_deployment_usage", lambda **what: counted.append(what))

    leave_out_the_count()
    await router.increment_deployment_usage_for_response(response=object(), request_kwargs={"model": ALLOWED})

    assert counted == []
