"""What the provider's listings say, against what the catalog says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from plugins.commands.drift import ACCOUNT, PUBLIC, Finding, Listings, Published, compare
from plugins.policy.catalog import Catalog
from tests.commands.running import waferline
from tests.support.processes import free_port
from tests.support.provider import Provider, provider

TODAY = date(2026, 11, 20)
ROW = {"stage": "production", "mark": "confirmed", "verified_on": "2026-11-20"}
FIGURES = {
    **ROW,
    "limits": {"free": {"context": 64, "output": 8}, "paid": {"context": 128, "output": 40}},
    "price": {"input": 0.35, "output": 0.75},
}
SAME = {"limits": {"max_context_length": 128, "max_completion_tokens": 40}, "preview": False, "deprecated": False}
ABSENCE = "absence alone proves nothing: see the deprecations page, and whether the account may use it"


def findings(row: dict[str, Any] | None, published: dict[str, Any] | None, **account: Any) -> list[Finding]:
    """Of one model, 'm', beside another that is the same everywhere."""
    rows = {"other": ROW, **({"m": row} if row else {})}
    catalog = Catalog.model_validate({"verified_on": "2026-11-20", "provider": "cerebras", "models": rows})
    listed = [{"id": "other"}, *([{"id": "m", **published}] if published is not None else [])]
    asked = {PUBLIC: {each["id"]: Published.model_validate(each) for each in listed}}
    return compare(catalog, Listings({**asked, **account}), TODAY)


@pytest.mark.parametrize(
    ("row", "published", "told"),
    [
        (FIGURES, {**SAME, "pricing": {"prompt": "0.00000035", "completion": "0.00000075"}}, []),
        (FIGURES, {}, []),
        (None, {}, ["drift listed there, unknown here"]),
        (ROW, None, ["drift live here, absent from GET /public/v1/models"]),
        ({**ROW, "retires": "2026-11-01"}, None, []),
        ({**ROW, "retires": "2026-11-01"}, {}, ["drift listed there, retired here since 2026-11-01"]),
        ({**ROW, "stage": "dedicated"}, {}, ["drift listed there, dedicated here"]),
        (ROW, {"deprecated": True}, ["drift deprecated there, no notice here"]),
        ({**ROW, "notice": {"on": "2026-11-01"}}, {"deprecated": True}, []),
        (ROW, {"preview": True}, ["drift a preview there, not here"]),
        ({**ROW, "stage": "preview"}, {"preview": False}, ["note a preview here, not there"]),
        (FIGURES, {"limits": {"max_context_length": 64}}, ["note context 64 is published, the free trial's"]),
        (FIGURES, {"limits": {"max_context_length": 96}}, ["drift context 96 there, 128 here"]),
        (ROW, {"limits": {"max_context_length": 96}}, ["note context 96 is published, nothing is known here"]),
        (FIGURES, {"limits": {"max_completion_tokens": 41}}, ["drift output 41 there, 40 here"]),
        (FIGURES, {"pricing": {"prompt": "0.00000040"}}, ["drift input price 0.4 there, 0.35 here"]),
        (FIGURES, {"pricing": {"completion": "free"}}, ["drift output price 'free' is not a number"]),
        (ROW, {"pricing": {"prompt": "0.1"}}, []),
    ],
)
def test_a_difference_is_drift_or_a_note_or_nothing(
    row: dict[str, Any] | None, published: dict[str, Any] | None, told: list[str]
) -> None:
    found = findings(row, published)

    assert told == [f"{'drift' if each.drift else 'note'} {each.what}" for each in found]


def test_the_free_trials_figure_is_explained_with_the_paid_one() -> None:
    (finding,) = findings(FIGURES, {"limits": {"max_context_length": 64}})

    assert finding.meaning == "a paid account has 128"


def test_absence_names_every_listing_it_is_absent_from_and_proves_nothing() -> None:
    (finding,) = findings(ROW, None, **{ACCOUNT: {"other": Published(id="other")}})

    assert finding.what == "live here, absent from GET /public/v1/models and GET /v1/models"
    assert finding.meaning == ABSENCE


def test_an_account_that_lists_a_model_which_the_public_does_not_is_told() -> None:
    (finding,) = findings(ROW, None, **{ACCOUNT: {"other": Published(id="other"), "m": Published(id="m")}})

    assert finding.what == "live here, absent from GET /public/v1/models"


def test_metadata_is_not_lost_behind_the_accounts_bare_listing() -> None:
    same = {name: Published(id=name) for name in ("m", "other")}

    assert findings(FIGURES, {"preview": True}, **{ACCOUNT: same})[0].what == "a preview there, not here"


# ---- over HTTP, from the simulator ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cerebras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("cerebras", tmp_path_factory.mktemp("provider"), "--today", "2026-11-20") as running:
        yield running


@pytest.fixture(autouse=True)
def _as_started(cerebras: Provider) -> None:
    cerebras.reset()


def sync(cerebras: Provider, *arguments: str, **environment: str) -> Any:
    return waferline(
        "catalog", "sync", "--at", TODAY, *arguments, environment={"CEREBRAS_API_BASE": cerebras.base, **environment}
    )


def test_the_shipped_catalog_agrees_with_the_provider_but_for_the_known_trap(cerebras: Provider) -> None:
    said = sync(cerebras)

    assert said.lines == [
        f"{cerebras.origin} on {TODAY}",
        "  GET /public/v1/models: gpt-oss-120b, qwen-3.8-27b",
        "  GET /v1/models: not asked, CEREBRAS_API_KEY is not set",
        "",
        "note   qwen-3.8-27b: context 65536 is published, the free trial's; a paid account has 128000",
        "note   qwen-3.8-27b: output 32768 is published, the free trial's; a paid account has 40000",
        "no drift from policies/models.yaml, 2 notes",
    ]
    assert said.status == 0


def test_with_a_key_the_accounts_listing_is_read_once_and_nothing_is_warmed(cerebras: Provider) -> None:
    said = sync(cerebras, CEREBRAS_API_KEY="some-key")

    assert "  GET /v1/models: gpt-oss-120b, qwen-3.8-27b" in said.lines
    assert [each["path"] for each in cerebras.requests()] == ["/public/v1/models", "/v1/models"]


def test_a_new_model_and_one_that_is_gone_are_drift(cerebras: Provider) -> None:
    cerebras.set(models=["gpt-oss-120b", "newest"])

    said = sync(cerebras)

    assert "drift  newest: listed there, unknown here; add a row to policies/models.yaml" in said.lines
    assert f"drift  qwen-3.8-27b: live here, absent from GET /public/v1/models; {ABSENCE}" in said.lines
    assert said.lines[-1] == "2 differences from policies/models.yaml"
    assert said.status == 1


def test_json_holds_the_listings_and_the_drift(cerebras: Provider) -> None:
    cerebras.set(models=["gpt-oss-120b", "newest", "qwen-3.8-27b"])

    held = sync(cerebras, "--json", CEREBRAS_API_KEY="some-key").json

    assert held["asked"]["GET /v1/models"] == ["gpt-oss-120b", "newest", "qwen-3.8-27b"]
    assert [finding["model"] for finding in held["drift"]] == ["newest"]
    assert len(held["notes"]) == 2


def test_a_wrong_key_is_told_and_the_public_listing_compared_all_the_same(cerebras: Provider) -> None:
    cerebras.set(api_key="right")

    said = sync(cerebras, CEREBRAS_API_KEY="wrong")

    assert f"  GET {cerebras.origin}/v1/models answered 401; check CEREBRAS_API_KEY" in said.lines
    assert said.lines[-1].startswith("no drift")
    assert said.status == 2


def test_a_provider_that_cannot_be_reached_is_one_sentence() -> None:
    base = f"http://127.0.0.1:{free_port()}"

    said = waferline("catalog", "sync", environment={"CEREBRAS_API_BASE": f"{base}/v1", "CEREBRAS_API_KEY": "k"})

    reason = "cannot be reached ([Errno 111] Connection refused); see CEREBRAS_API_BASE"
    assert said.err == f"waferline: GET {base}/public/v1/models {reason}\n"
    assert (said.out, said.status) == ("", 2)


@pytest.mark.parametrize("base", ["api.cerebras.ai", "ftp://x", "http://[", "http://x:y", "file:///etc/passwd"])
def test_an_address_that_is_none_is_told(base: str) -> None:
    said = waferline("catalog", "sync", environment={"CEREBRAS_API_BASE": base})

    cure = "write it like https://api.cerebras.ai/v1"
    assert said.err == f"waferline: CEREBRAS_API_BASE {base!r} is not an address; {cure}\n"
    assert said.status == 2


def test_a_server_that_is_no_provider_is_told(tmp_path: Path) -> None:
    with provider("openai", tmp_path) as other:
        said = sync(other)

    assert said.err == f"waferline: GET {other.origin}/public/v1/models answered 404; see CEREBRAS_API_BASE\n"
    assert said.status == 2
