"""`waferline circuit` against a gateway that runs, and against none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Permit, Result, State
from plugins.policy.circuits import CircuitsFile
from tests.commands.running import waferline
from tests.policy.cases import DEPLOYED
from tests.support.processes import free_port
from tests.telemetry.cases import CEREBRAS, FALLBACK

LEFT = [
    (f"x-ratelimit-{figure}-{per}".encode(), value)
    for per, limit, left in (("requests-day", b"1000", b"900"), ("tokens-minute", b"60000", b"0"))
    for figure, value in (("limit", limit), ("remaining", left))
]
KEY = {"LITELLM_MASTER_KEY": "sk-operator"}


@contextmanager
def serving(answer: Any, code: int = 200) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """A stand-in for the HTTP side of a gateway, with what it was asked."""
    asked: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked.append((self.command, self.path, json.loads(raw) if raw else None))
            payload = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = answer  # noqa: N815  as the server calls them

        def log_message(self, *_: object) -> None:
            """Not in a test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def snapshot() -> list[dict[str, Any]]:
    """A board on which each kind of thing has happened."""
    board = Board(DEPLOYED.by_deployment.values(), CircuitsFile, lambda: 0.0, lambda _: None)
    primary = board.of(CEREBRAS)
    for _ in range(5):
        permit = primary.may_call(100.0)
        assert isinstance(permit, Permit)
        primary.report(permit, Finding(Result.FAILURE), 100.0)
    limited = board.of(FALLBACK)
    permit = limited.may_call(100.0)
    assert isinstance(permit, Permit)
    limited.report(permit, Finding(Result.CAPACITY, "429", 12.0), 100.0)
    board.force("cerebras/qwen-3.8-27b", State.FORCED_OPEN, 100.0)
    busy = board.standing(DEPLOYED.by_deployment["fallback/qwen-3.8-27b"])
    busy.allowance.hear(busy.called(None, 100.0), LEFT, 100.0, let_in=True)
    return board.snapshot(101.0)


def test_the_list_says_what_each_is_doing_and_for_how_long() -> None:
    with serving({"circuits": snapshot()}) as (url, asked):
        said = waferline("circuit", "list", "--gateway", url, environment=KEY)

    assert said.lines == [
        "target                 state        rejects                   calls  failed  openings  in flight  least left",
        "cerebras/gpt-oss-120b  open         open, for 4.0 s           5      5       1",
        "cerebras/qwen-3.8-27b  forced open  until told otherwise",
        "fallback/gpt-oss-120b  closed       at its limit, for 11.0 s",
        f"fallback/qwen-3.8-27b  closed{' ' * 58}1          1,000 of 60,000 tokens per minute",
    ]
    assert asked == [("GET", "/waferline/circuits", None)]
    assert said.status == 0


@pytest.mark.parametrize("turn", ["open", "close", "auto"])
def test_a_circuit_is_turned_by_hand(turn: str) -> None:
    with serving({"circuits": snapshot()}) as (url, asked):
        said = waferline("circuit", turn, "a/b", "--gateway", f"{url}/v1", "--json", environment=KEY)

    assert asked == [("POST", "/waferline/circuits/force", {"target": "a/b", "to": turn})]
    assert [row["target"] for row in said.json["circuits"]] == list(DEPLOYED.by_deployment)


@pytest.mark.parametrize(
    ("code", "answer", "says"),
    [
        (
            404,
            {"error": {"message": "'x' is not a deployment; known: y"}},
            "answered 404: 'x' is not a deployment; known: y",
        ),
        (200, {"hello": "world"}, "answered 200, unlike Waferline"),
        (502, {}, "answered 502, unlike Waferline"),
    ],
)
def test_what_a_gateway_objects_to_is_said(code: int, answer: Any, says: str) -> None:
    with serving(answer, code) as (url, _):
        said = waferline("circuit", "open", "x", "--gateway", url, environment=KEY)

    assert said.status == 2
    assert said.err == f"waferline: {url} {says}\n"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "LITELLM_MASTER_KEY is not set, and only operators may ask; set it to the gateway's"),
        (KEY, "no gateway answers at http://127.0.0.1:{port} "),
    ],
)
def test_without_a_key_or_a_gateway_it_says_what_to_do(environment: dict[str, str], says: str) -> None:
    port = free_port()

    said = waferline("circuit", "list", environment={**environment, "PORT": str(port)})

    assert said.status == 2
    assert says.format(port=port) in said.err
