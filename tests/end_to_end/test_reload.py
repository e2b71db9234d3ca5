"""Policies change while the gateway runs: whole or not at all, and never for a request that has begun."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.end_to_end.conftest import write_policies
from tests.support.gateway import Gateway
from tests.support.processes import eventually
from tests.support.provider import Provider

ASK: dict[str, Any] = {"model": "classify", "messages": [{"role": "user", "content": "hi"}]}


def status(waferline: Gateway) -> dict[str, Any]:
    with waferline.client() as client:
        found: dict[str, Any] = client.get("/waferline/status").json()
        return found


def edit(waferline: Gateway, file: str, old: str, new: str) -> None:
    path = waferline.policies / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def editable(waferline: Gateway) -> Iterator[Gateway]:
    original = status(waferline)["version"]
    yield waferline
    write_policies(waferline.policies, waferline.lane)
    eventually(lambda: status(waferline)["version"] == original, 10, "the return of the first policies")


def ask(waferline: Gateway) -> int:
    with waferline.client() as client:
        return client.post("/v1/chat/completions", json=ASK).status_code


def test_an_edited_policy_holds_from_the_next_request_on(editable: Gateway, primary: Provider) -> None:
    before = status(editable)["version"]
    assert ask(editable) == 200

    edit(editable, "streaming.yaml", "chat: require", "chat: require\n  classify: require")
    eventually(lambda: status(editable)["version"] != before, 10, "the reload")

    assert ask(editable) == 400
    assert [event["before"] for event in editable.events() if event["event"] == "policies.loaded"][-1] == before


def test_a_bad_edit_changes_nothing_and_is_shown(editable: Gateway, primary: Provider) -> None:
    before = status(editable)["version"]

    edit(editable, "streaming.yaml", "chat: require", "chat: requires\n  clasify: require")
    eventually(lambda: status(editable)["rejected"], 10, "the rejection")

    assert status(editable)["version"] == before
    assert any(
        "chat: must be 'require', 'upgrade' or 'allow' (was 'requires'); did you mean 'require'?" in line
        for line in status(editable)["rejected"]
    )
    assert [event["kept"] for event in editable.events() if event["event"] == "policies.rejected"][-1] == before
    assert ask(editable) == 200


def test_a_stream_in_flight_keeps_the_rules_it_began_with(editable: Gateway, primary: Provider) -> None:
    before = status(editable)["version"]
    primary.set(pace=40, tokens=80, text="numbered", reasoning_tokens=0)

    with (
        editable.client() as client,
        client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as response,
    ):
        pieces = response.iter_text()
        text = next(pieces)
        edit(editable, "streaming.yaml", "chat: require", "chat: require\n  classify: require")
        eventually(lambda: status(editable)["version"] != before, 10, "the reload")
        assert "w0080" not in text
        text += "".join(pieces)
        request_id = response.headers["x-request-id"]

    assert "w0080" in text
    assert text.rstrip().endswith("[DONE]")
    assert editable.event_of(request_id)["policies"] == before


def test_a_model_within_its_notice_is_served_with_the_day_it_ends_and_its_successor(
    editable: Gateway, primary: Provider
) -> None:
    """And past its notice it is refused: the same row, an older date."""
    before = status(editable)["version"]
    today = datetime.now(UTC).date()
    retires = today + timedelta(days=60)

    def give_notice(days_ago: int) -> None:
        notice = f"    notice: {{on: {today - timedelta(days=days_ago)}}}\n"
        dates = f"{notice}    retires: {retires}\n    replacements: [qwen-3.8-27b]\n"
        edit(editable, "models.yaml", "  gpt-oss-120b:\n", f"  gpt-oss-120b:\n{dates}")

    give_notice(5)
    eventually(lambda: status(editable)["version"] != before, 10, "the reload")
    with editable.client() as client:
        served = client.post("/v1/chat/completions", json=ASK)

    assert served.status_code == 200
    assert served.headers["sunset"] == format_datetime(datetime.combine(retires, time(), UTC), usegmt=True)
    assert served.headers["deprecation"].startswith("@")
    assert served.headers["link"] == '</v1/models/qwen-3.8-27b>; rel="successor-version"'

    write_policies(editable.policies, editable.lane)
    give_notice(40)
    eventually(lambda: ask(editable) == 403, 10, "the refusal")
    with editable.client() as client:
        refused = client.post("/v1/chat/completions", json=ASK).json()["error"]

    assert (refused["code"], refused["successor"]) == ("model_blocked", "qwen-3.8-27b")
    assert "its 30 days of notice are over" in refused["message"]
