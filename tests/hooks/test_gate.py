"""The second wall: past the front, inside LiteLLM's own router, nothing but the resolved targets can be called.

Checking `data["model"]` in a pre-call hook was bypassed by every one of these forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import litellm
import pytest

from plugins.circuit.board import Board
from plugins.circuit.facts import State
from plugins.config.files import ROOT, load
from plugins.hooks.gate import Gate, admitted
from plugins.hooks.mount import use_transport
from plugins.policy.access import MASTER_CLIENT
from plugins.policy.circuits import CircuitsFile
from plugins.policy.engine import Ask, decide
from plugins.policy.targets import Deployed, Target
from plugins.policy.verdict import Refuse
from plugins.telemetry.record import Record, current
from plugins.upstream.caller import Caller
from plugins.upstream.pool import Pool
from plugins.upstream.transport import Transport
from tests.support.provider import Provider, provider

TODAY = date(2026, 11, 20)
MESSAGES = [{"role": "user", "content": "hi"}]
ALLOWED, BLOCKED = "gpt-oss-120b", "blocked-model"
TARGET = Target("allowed", ALLOWED, "openai", ALLOWED)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("openai", tmp_path_factory.mktemp("upstream"), "--first-token", "0") as running:
        yield running


def deployment(name: str, upstream_model: str, identity: str, base: str) -> dict[str, Any]:
    parameters = {"model": f"openai/{upstream_model}", "api_base": base, "api_key": "sk-provider"}
    return {"model_name": name, "litellm_params": parameters, "model_info": {"id": identity}}


@pytest.fixture
def board() -> Board:
    return Board([], CircuitsFile, lambda: 0.0, lambda _: None)


@pytest.fixture
def router(upstream: Provider, board: Board) -> Iterator[litellm.Router]:
    upstream.reset()
    litellm.callbacks = [Gate({}, board, lambda: 0.0)]
    yield litellm.Router(
        model_list=[
            deployment(ALLOWED, ALLOWED, "allowed", upstream.base),
            deployment(BLOCKED, BLOCKED, "blocked", upstream.base),
            deployment("openai/*", "*", "wildcard", upstream.base),
        ],
        model_group_alias={"nickname": BLOCKED},
        num_retries=0,
        disable_cooldowns=True,
    )
    litellm.callbacks = []
    litellm.aclient_session = None


def record() -> Record:
    policies = load(ROOT / "policies").policies
    assert policies is not None
    deployed = Deployed([TARGET])
    decision = decide(policies, deployed, Ask(ALLOWED, False, MASTER_CLIENT, TODAY))
    return Record("wl-test", asyncio.get_running_loop().time(), policies, "/v1/chat/completions", decision=decision)


async def attempt(router: litellm.Router, *, vouched: bool, **fields: Any) -> Any:
    pool = Pool()
    now = asyncio.get_running_loop().time
    use_transport(Transport(Caller(pool, now), current.get, {}, now))
    token = current.set(record() if vouched else None)
    try:
        with suppress(Exception):  # how LiteLLM words its refusal is not the point; who was called is
            return await router.acompletion(messages=MESSAGES, **fields)
    finally:
        current.reset(token)
        await pool.close()
    return None


BYPASSES: list[dict[str, Any]] = [
    {"model": BLOCKED},
    {"model": "nickname"},
    {"model": "blocked"},
    {"model": "nonsense", "fallbacks": [BLOCKED]},
    {"model": ALLOWED, "fallbacks": [BLOCKED], "mock_testing_fallbacks": True},
    {"model": "nonsense", "fallbacks": [{"nonsense": [BLOCKED]}]},
    {"model": f"openai/{BLOCKED}"},
    {"model": "openai/anything-at-all"},
]


@pytest.mark.parametrize("fields", BYPASSES, ids=str)
async def test_no_form_of_a_request_reaches_a_target_that_was_not_resolved(
    router: litellm.Router, upstream: Provider, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = []

    def watched(record: Record | None, deployment: str | None) -> Target | Refuse:
        verdicts.append(admitted(record, deployment))
        return verdicts[-1]

    monkeypatch.setattr("plugins.hooks.gate.admitted", watched)

    await attempt(router, vouched=True, **fields)

    assert [each for each in verdicts if isinstance(each, Refuse)], "the gate was never asked, so this proves nothing"
    assert [chat["model"] for chat in upstream.chats() if chat["model"] != ALLOWED] == []


async def test_a_list_of_models_calls_none_but_the_resolved_one(router: litellm.Router, upstream: Provider) -> None:
    token = current.set(record())
    try:
        with suppress(Exception):
            await router.abatch_completion(models=[ALLOWED, BLOCKED], messages=MESSAGES)
    finally:
        current.reset(token)

    assert BLOCKED not in [chat["model"] for chat in upstream.chats()]


async def test_the_resolved_target_is_called(router: litellm.Router, upstream: Provider) -> None:
    answer = await attempt(router, vouched=True, model=ALLOWED)

    assert answer.choices[0].message.content
    assert [chat["model"] for chat in upstream.chats()] == [ALLOWED]


async def test_a_call_that_no_front_vouched_for_reaches_nobody(router: litellm.Router, upstream: Provider) -> None:
    await attempt(router, vouched=False, model=ALLOWED)

    assert upstream.chats() == []


@pytest.mark.parametrize("name", [ALLOWED, "allowed"])
async def test_a_target_whose_circuit_is_open_is_not_called_by_whichever_name(
    router: litellm.Router, upstream: Provider, board: Board, name: str
) -> None:
    board.of(TARGET).force(State.FORCED_OPEN, 0.0)

    await attempt(router, vouched=True, model=name)

    assert upstream.chats() == []
