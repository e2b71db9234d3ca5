"""One process per persona for the whole run; tests turn knobs by directive, so that none disturbs another."""

from collections.abc import Iterator

import pytest

from tests.simulator.processes import Running, running

FAST = {"first_token": 0.01, "pace": 50_000, "tokens": 60}


@pytest.fixture(scope="session")
def cerebras() -> Iterator[Running]:
    with running("cerebras", **FAST) as process:
        yield process


@pytest.fixture(scope="session")
def openai() -> Iterator[Running]:
    with running("openai", **FAST) as process:
        yield process
