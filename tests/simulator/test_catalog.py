import datetime as dt

import pytest

from simulator.catalog import listing, live_on, metadata, open_router


@pytest.mark.parametrize(
    ("day", "live"),
    [
        (
            "2025-11-09",
            {
                "llama3.1-8b",
                "llama-3.3-70b",
                "qwen-3-32b",
                "qwen-3-235b-a22b-instruct-2507",
                "qwen-3-235b-a22b-thinking-2507",
                "gpt-oss-120b",
                "zai-glm-4.6",
            },
        ),
        ("2026-02-17", {"llama3.1-8b", "gpt-oss-120b", "qwen-3-235b-a22b-instruct-2507", "zai-glm-4.7"}),
        ("2026-05-28", {"gpt-oss-120b", "zai-glm-4.7"}),
        ("2026-07-22", {"gpt-oss-120b", "gemma-4-31b", "zai-glm-4.7"}),
        ("2026-08-22", {"gpt-oss-120b", "gemma-4-31b"}),
        ("2026-09-03", {"gpt-oss-120b", "gemma-4-31b", "qwen-3.8-27b"}),
        ("2026-11-12", {"gpt-oss-120b", "qwen-3.8-27b"}),
    ],
)
def test_models_live_as_they_were_seen_to(day: str, live: set[str]) -> None:
    assert set(live_on(dt.date.fromisoformat(day))) == live


def test_a_listing_has_the_default_fields_and_nothing_more() -> None:
    assert list(listing("gpt-oss-120b")) == ["id", "object", "created", "owned_by"]


def test_public_metadata_shows_the_free_trials_limits_for_qwen() -> None:
    assert metadata("qwen-3.8-27b")["limits"] == {"max_completion_tokens": 32_768, "max_context_length": 65_536}
    assert metadata("gpt-oss-120b")["limits"] == {"max_completion_tokens": 40_960, "max_context_length": 131_072}


def test_prices_are_strings_per_token_and_no_retirement_date_is_told() -> None:
    assert metadata("gpt-oss-120b")["pricing"] == {"prompt": "0.00000035", "completion": "0.00000075"}
    assert not [key for key in metadata("gpt-oss-120b") if "date" in key or "retire" in key]


def test_the_other_listing_names_the_provider_before_the_model() -> None:
    assert open_router("gpt-oss-120b")["id"] == "cerebras/gpt-oss-120b"
