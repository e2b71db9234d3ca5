"""What `make run` decides, as tables: environment in, plan or refusal out."""

from collections.abc import Mapping

import pytest

from plugins.config.environment import DEMO_KEY, is_loopback
from scripts import run
from scripts.plan import GATEWAY_SETTINGS, Plan, Refusal, decide

OWN_KEY = "sk-0123456789abcdef0123456789abcdef"
REAL = {"CEREBRAS_API_KEY": "csk-1", "LITELLM_MASTER_KEY": OWN_KEY}
OPENAI = {"FALLBACK_API_BASE": "https://api.openai.com/v1", "FALLBACK_API_KEY": "sk-2"}
HERE = {"CEREBRAS_API_BASE": "http://127.0.0.1:9000/v1"}


def planned(environment: Mapping[str, str]) -> Plan:
    plan = decide(environment)
    assert isinstance(plan, Plan), str(plan)
    return plan


def refused(environment: Mapping[str, str]) -> str:
    refusal = decide(environment)
    assert isinstance(refusal, Refusal)
    return str(refusal)


@pytest.mark.parametrize(
    ("simulated", "environment"),
    [
        (["CEREBRAS_API_BASE", "FALLBACK_API_BASE"], {}),
        (["CEREBRAS_API_BASE", "FALLBACK_API_BASE"], {"CEREBRAS_API_KEY": "", "FALLBACK_API_BASE": ""}),
        (["CEREBRAS_API_BASE"], {"FALLBACK_API_BASE": "http://localhost:8000/v1"}),
        (["CEREBRAS_API_BASE"], {**OPENAI, "LITELLM_MASTER_KEY": OWN_KEY}),
        ([], HERE),
        ([], REAL),
        ([], {**REAL, **OPENAI}),
    ],
)
def test_only_what_is_not_configured_is_simulated(simulated: list[str], environment: dict[str, str]) -> None:
    assert [each.base_variable for each in planned(environment).simulators] == simulated


def test_a_real_cerebras_never_gets_a_made_up_fallback() -> None:
    plan = planned(REAL)

    assert plan.simulators == ()
    assert "FALLBACK_API_BASE" not in plan.environment
    assert plan.notes == (
        "warning: no fallback behind Cerebras; `export FALLBACK_API_BASE=... FALLBACK_API_KEY=...` adds one.",
    )


def test_one_line_says_what_is_simulated_and_one_that_the_key_is_known() -> None:
    simulated, known = planned({}).notes

    assert simulated.startswith("Cerebras and the fallback are simulated")
    assert "demo key" in known


@pytest.mark.parametrize(
    ("variable", "value", "environment"),
    [
        ("CEREBRAS_API_KEY", "simulated", {}),
        ("FALLBACK_API_KEY", "simulated", {}),
        ("FALLBACK_API_KEY", "simulated", {"FALLBACK_API_KEY": "sk-of-somebody"}),
        ("CEREBRAS_API_KEY", "none", HERE),
        ("FALLBACK_API_KEY", "none", {**HERE, "FALLBACK_API_BASE": "http://127.0.0.1:8000/v1"}),
        ("CEREBRAS_API_KEY", "csk-1", REAL),
        ("LITELLM_MASTER_KEY", DEMO_KEY, {}),
        ("LITELLM_MASTER_KEY", OWN_KEY, REAL),
        ("LITELLM_LOG", "DEBUG", {"LITELLM_LOG": "DEBUG"}),
        ("REDIS_URL", "redis://here", {"REDIS_URL": "redis://here"}),
        ("NO_PROXY", "127.0.0.1", {}),
        ("NO_PROXY", "inside,127.0.0.1", {"no_proxy": "inside"}),
    ],
)
def test_the_gateway_is_given(variable: str, value: str, environment: dict[str, str]) -> None:
    assert planned(environment).environment[variable] == value


def test_every_setting_of_the_gateway_is_on_by_default() -> None:
    assert GATEWAY_SETTINGS.items() <= dict(planned({}).environment).items()


def test_a_variable_that_is_set_to_nothing_is_not_passed_on() -> None:
    assert "CEREBRAS_API_BASE" not in planned({**REAL, "CEREBRAS_API_BASE": ""}).environment


def test_a_database_of_something_else_is_kept_from_litellm() -> None:
    plan = planned({**REAL, **OPENAI, "DATABASE_URL": "postgres://other"})

    assert "DATABASE_URL" not in plan.environment
    assert plan.notes == ("DATABASE_URL is not passed on: Waferline runs without a database.",)


@pytest.mark.parametrize(
    ("sentence", "environment"),
    [
        ("api.cerebras.ai is a real provider", {"CEREBRAS_API_KEY": "csk-1"}),
        ("api.cerebras.ai is a real provider", {**REAL, "LITELLM_MASTER_KEY": DEMO_KEY}),
        ("32 characters or more", {**REAL, "LITELLM_MASTER_KEY": "sk-1234"}),
        ("export LITELLM_MASTER_KEY=sk-$(openssl rand -hex 24)", {**REAL, "LITELLM_MASTER_KEY": " " * 40}),
        ("gw.example is a real", {"CEREBRAS_API_BASE": "https://gw.example/v1", "CEREBRAS_API_KEY": "csk-1"}),
        ("api.openai.com is a real", OPENAI),
        ("HOST 0.0.0.0 is open to others", {"HOST": "0.0.0.0"}),
        ("PORT is 'http', not a number", {"PORT": "http"}),
        ("PORT is '0', not a number", {"PORT": "0"}),
        ("PORT is '65536', not a number", {"PORT": "65536"}),
        ("CEREBRAS_API_BASE is not an address", {"CEREBRAS_API_BASE": "api.cerebras.ai", "CEREBRAS_API_KEY": "c"}),
        ("FALLBACK_API_BASE is not an address", {"FALLBACK_API_BASE": "http://[::1"}),
        ("FALLBACK_API_BASE is not an address", {"FALLBACK_API_BASE": "http://here:port/v1"}),
    ],
)
def test_it_refuses_with_a_sentence(sentence: str, environment: dict[str, str]) -> None:
    assert sentence in refused(environment)


@pytest.mark.parametrize(
    ("expected", "host"),
    [
        (True, "localhost"),
        (True, "a.localhost"),
        (True, "127.0.0.1"),
        (True, "127.8.9.10"),
        (True, "::1"),
        (False, "0.0.0.0"),
        (False, "localhost.example"),
        (False, "127.0.0.1.example"),
        (False, "10.0.0.1"),
        (False, ""),
    ],
)
def test_loopback_is_this_machine_and_nothing_that_looks_like_it(expected: bool, host: str) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:4000", "127.0.0.1"),
        ("http://127.0.0.1:4000", "0.0.0.0"),
        ("http://[::1]:4000", "::"),
        ("http://10.0.0.1:4000", "10.0.0.1"),
    ],
)
def test_the_url_is_one_that_a_client_here_can_use(url: str, host: str) -> None:
    assert planned({"HOST": host, "LITELLM_MASTER_KEY": OWN_KEY}).url == url


def test_the_greeting_shows_the_demo_key_and_hides_an_own_one() -> None:
    assert f"Bearer {DEMO_KEY}" in run.greeting(planned({}))
    assert OWN_KEY not in run.greeting(planned(REAL))
    assert "Bearer $LITELLM_MASTER_KEY" in run.greeting(planned(REAL))
