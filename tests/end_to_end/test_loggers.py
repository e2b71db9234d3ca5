"""What an operator's loggers hear, on both lanes: the same of the same request, and never in its way."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import BOT_KEY, write_policies
from tests.support.gateway import MASTER_KEY, Gateway, gateway
from tests.support.processes import ROOT, eventually
from tests.support.provider import Provider

HELLO = [{"role": "user", "content": "a prompt that nobody else would write"}]
TOOLS = {
    "tools": [
        {
            "type": "function",
            "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
        }
    ],
    "tool_choice": "required",
}
LOGGERS = """[plugins.callbacks.gate, listener.listener]
  success_callback: [listener.success]
  failure_callback: [listener.failure, listener.plain_failure]"""

_OWN = ("-id", "-ms", "date")  # each answer has its own

Heard = dict[str, Any]


@dataclass(frozen=True)
class Listening:
    gateway: Gateway
    file: Path

    def heard(self, request_id: str, by: str = "class") -> list[Heard]:
        text = self.file.read_text() if self.file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        found = [json.loads(line) for line in whole.splitlines() if request_id in line]
        return [each for each in found if each["by"] == by and each["kwargs"]["litellm_call_id"] == request_id]

    def hears(self, request_id: str, events: int = 1, by: str = "class") -> list[Heard]:
        def look() -> list[Heard] | None:
            found = self.heard(request_id, by)
            return found if len(found) >= events else None

        return eventually(look, 10, f"that a logger heard of {request_id}")

    def status(self) -> dict[str, Any]:
        with self.gateway.client() as client:
            found: dict[str, Any] = client.get("/waferline/status").json()["loggers"]
            return found


def listening(stack: ExitStack, directory: Path, lane: str, providers: dict[str, str], *, quiet: bool) -> Listening:
    """A gateway with loggers of every kind; `quiet` as shipped, where messages are kept from them."""
    directory.mkdir()
    write_policies(directory / "policies", lane)
    shutil.copy(ROOT / "tests" / "support" / "listener.py", directory / "listener.py")
    text = (ROOT / "litellm_config.yaml").read_text().replace("[plugins.callbacks.gate]", LOGGERS)
    if not quiet:
        text = text.replace("turn_off_message_logging: true", "turn_off_message_logging: false")
    (directory / "litellm_config.yaml").write_text(text)
    heard = directory / "heard.jsonl"
    environment = {**providers, "PYTHONPATH": str(ROOT), "WAFERLINE_HEARD": str(heard)}
    config = directory / "litellm_config.yaml"
    return Listening(stack.enter_context(gateway(directory, directory / "policies", environment, lane, config)), heard)


@pytest.fixture(scope="module")
def bases(primary_process: Provider, fallback_process: Provider) -> dict[str, str]:
    return {"CEREBRAS_API_BASE": primary_process.base, "FALLBACK_API_BASE": fallback_process.base}


@pytest.fixture(scope="module")
def lanes(bases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Listening]]:
    root = tmp_path_factory.mktemp("loggers")
    with ExitStack() as stack:
        yield [listening(stack, root / lane, lane, bases, quiet=False) for lane in ("express", "litellm")]


@pytest.fixture(autouse=True)
def forgetful(lanes: list[Listening]) -> None:
    for on in lanes:
        on.gateway.forget_failures()


@pytest.fixture(scope="module")
def shipped(bases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with ExitStack() as stack:
        yield listening(stack, tmp_path_factory.mktemp("quiet") / "shipped", "express", bases, quiet=True)


def ask(on: Listening, key: str = MASTER_KEY, **body: Any) -> httpx.Response:
    with on.gateway.client(key) as client:
        answer = client.post("/v1/chat/completions", json={"model": "gpt-oss-120b", "messages": HELLO, **body})
    assert answer.headers["x-waferline-lane"] == on.gateway.lane
    return answer


def leave_midway(on: Listening) -> str:
    body = {"model": "gpt-oss-120b", "messages": HELLO, "stream": True}
    with on.gateway.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            if "reasoning" in line or '"content":"' in line:
                return str(answer.headers["x-request-id"])
    raise AssertionError("the answer ended before its reader left")


def essence(heard: Heard) -> dict[str, Any]:
    """What must not depend on the lane."""
    log = heard["kwargs"]["standard_logging_object"]
    error = log["error_information"]
    metadata = log["metadata"]
    return {
        "event": heard["event"],
        "keys": sorted(log),
        "metadata_keys": sorted(metadata),
        "status": log["status"],
        "call_type": log["call_type"],
        "stream": log["stream"],
        "model": log["model"],
        "model_group": log["model_group"],
        "model_id": log["model_id"],
        "provider": log["custom_llm_provider"],
        "api_base": log["api_base"],
        "prices": log["model_map_information"]["model_map_key"],
        "client": metadata["user_api_key_alias"],
        "key": metadata["user_api_key_hash"],
        "user": metadata["user_api_key_user_id"],
        "end_user": log["end_user"],
        "tags": log["request_tags"],
        "from": log["requester_ip_address"],
        "messages": log["messages"],
        "tokens": (log["prompt_tokens"], log["completion_tokens"], log["total_tokens"]),
        "cost": log["response_cost"],
        "error": (error["error_class"], error["error_code"], error["llm_provider"]),
        "said": said(log["response"]),
        "deployment": heard["kwargs"]["litellm_params"]["metadata"]["deployment"],
        "fallbacks": heard["kwargs"]["litellm_params"]["metadata"]["attempted_fallbacks"],
    }


def said(response: Any) -> Any:
    if not isinstance(response, dict) or not response.get("choices"):
        return None
    choice = response["choices"][0]
    message = choice["message"]
    calls = [(each["function"]["name"], each["function"]["arguments"]) for each in message.get("tool_calls") or ()]
    return message["content"] or "", message.get("reasoning_content") or "", calls, choice["finish_reason"]


def test_of_two_targets_that_race_loggers_hear_of_the_one_that_answered(
    lanes: list[Listening], primary: Provider, fallback: Provider
) -> None:
    primary.set(first_token=5)
    on = lanes[0]

    answer = ask(on, model="reasoning", stream=True)

    (heard,) = on.hears(answer.headers["x-request-id"])
    assert (heard["event"], heard["kwargs"]["standard_logging_object"]["model_id"]) == (
        "success",
        "fallback/gpt-oss-120b",
    )
    assert answer.headers["x-waferline-attempts"] == "2"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"stream": True}, MASTER_KEY),
        ({"stream": True, "model": "chat", "max_completion_tokens": 30}, BOT_KEY),
        ({"max_completion_tokens": 30, "user": "somebody"}, MASTER_KEY),
        ({"stream": True, **TOOLS}, MASTER_KEY),
        (TOOLS, MASTER_KEY),
    ],
    ids=["streamed", "workload", "upgraded", "tools streamed", "tools upgraded"],
)
def test_loggers_hear_the_same_of_an_answer_on_both_lanes(
    lanes: list[Listening], primary: Provider, body: dict[str, Any], key: str
) -> None:
    express, litellm = (on.hears(ask(on, key, **body).headers["x-request-id"])[0] for on in lanes)

    assert essence(express) == essence(litellm)
    assert express["event"] == "success"
    assert express["kwargs"]["standard_logging_object"]["response_cost"] > 0


@pytest.mark.parametrize("primary_is", ["auto", "open"])
def test_an_answers_headers_are_the_same_whether_anybody_listens_or_not(
    lanes: list[Listening], waferline: Gateway, primary: Provider, fallback: Provider, primary_is: str
) -> None:
    listened_to = next(each.gateway for each in lanes if each.gateway.lane == waferline.lane)
    found = []
    for each in (listened_to, waferline):
        each.turn("cerebras/gpt-oss-120b", primary_is)
        with each.client() as client:
            body = {"model": "gpt-oss-120b", "messages": HELLO, "stream": True}
            headers = client.post("/v1/chat/completions", json=body).headers
        each.forget_failures()
        found.append({name: "" if name.endswith(_OWN) else value for name, value in headers.items()})

    assert found[0] == found[1]


def test_the_times_are_those_of_the_request(lanes: list[Listening], primary: Provider) -> None:
    primary.set(first_token=0.2)
    before = time.time()
    answer = ask(lanes[0], stream=True)

    log = lanes[0].hears(answer.headers["x-request-id"])[0]["kwargs"]["standard_logging_object"]
    event = lanes[0].gateway.event_of(answer.headers["x-request-id"])

    assert before <= log["startTime"]
    assert log["completionStartTime"] - log["startTime"] == pytest.approx(event["ttft_ms"] / 1000, abs=0.0001)
    assert log["endTime"] - log["startTime"] == pytest.approx(event["total_ms"] / 1000, abs=0.0001)


@pytest.mark.parametrize("by", ["class", "function", "plain"])
def test_loggers_of_every_kind_hear_once(lanes: list[Listening], primary: Provider, by: str) -> None:
    primary.set(fault="400")
    for on in lanes:
        answer = ask(on, stream=True)

        on.hears(answer.headers["x-request-id"], by="plain")  # these come last
        assert len(on.hears(answer.headers["x-request-id"], by=by)) == 1


@pytest.mark.parametrize(
    ("cerebras", "other", "status", "events"),
    [
        ({"fault": "503"}, {}, 200, ["failure", "success"]),
        ({"fault": "503"}, {"fault": "500"}, 503, ["failure"]),
        ({"fault": "429_tokens"}, {"fault": "429_tokens"}, 429, ["failure"]),
        ({"fault": "refuse"}, {"fault": "refuse"}, 503, ["failure"]),
        ({"fault": "hang"}, {"fault": "hang"}, 503, ["failure"]),
        ({"fault": "400"}, {}, 400, ["failure"]),
        ({"fault": "cut", "after": 20}, {}, 200, ["failure"]),
    ],
    ids=["failover", "all failed", "all at their limit", "refused", "late", "rejected", "broken"],
)
def test_loggers_hear_the_same_of_what_went_wrong(
    lanes: list[Listening],
    primary: Provider,
    fallback: Provider,
    cerebras: dict[str, Any],
    other: dict[str, Any],
    status: int,
    events: list[str],
) -> None:
    primary.set(**cerebras)
    fallback.set(**other)

    answers = [ask(on, stream=True) for on in lanes]
    express, litellm = (
        on.hears(answer.headers["x-request-id"], len(events)) for on, answer in zip(lanes, answers, strict=True)
    )

    assert [answer.status_code for answer in answers] == [status, status]
    assert [each["event"] for each in express] == events
    assert [essence(each) for each in express] == [essence(each) for each in litellm]


def test_loggers_hear_of_a_client_that_left(lanes: list[Listening], primary: Provider) -> None:
    primary.set(pace=30)

    for on in lanes:
        heard = on.hears(leave_midway(on))[0]

        assert heard["event"] == "success"  # which is what LiteLLM calls it
        assert heard["kwargs"]["litellm_params"]["metadata"]["client_disconnected"] is True
        assert heard["kwargs"]["standard_logging_object"]["completion_tokens"] > 0


def test_loggers_hear_nothing_of_the_text_where_they_are_not_to(shipped: Listening, primary: Provider) -> None:
    answer = ask(shipped, stream=True)

    log = shipped.hears(answer.headers["x-request-id"])[0]["kwargs"]["standard_logging_object"]

    assert log["messages"] == [{"role": "user", "content": "redacted-by-litellm"}]
    assert said(log["response"])[0] == "redacted-by-litellm"


def test_a_logger_that_hangs_or_raises_is_counted_and_holds_up_nobody(shipped: Listening, primary: Provider) -> None:
    hung = ask(shipped, stream=True, user="hang")
    raised = ask(shipped, stream=True, user="raise")
    fine = ask(shipped, stream=True)

    assert [each.status_code for each in (hung, raised, fine)] == [200, 200, 200]
    assert all(each.text.endswith("data: [DONE]\n\n") for each in (hung, raised, fine))
    shipped.hears(fine.headers["x-request-id"])
    status = eventually(lambda: found if (found := shipped.status())["failed"] else None, 5, "the count")
    assert (status["failed"], status["waiting"], status["dropped"]) == (1, 1, 0)
    assert any("this logger is broken" in line for line in shipped.gateway.running.lines())


# The last one: the gateway is gone behind it.
def test_a_gateway_that_stops_tells_its_loggers_first(shipped: Listening, primary: Provider) -> None:
    answer = ask(shipped, stream=True, user="slow")

    process = shipped.gateway.running.process
    process.send_signal(signal.SIGTERM)
    process.wait(20)

    assert len(shipped.heard(answer.headers["x-request-id"])) == 1
