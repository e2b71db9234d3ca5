"""Each tool's own report is read as the tool means it, and the table says how far that is from the truth."""

from __future__ import annotations

import pytest

from loadtests.beside import aiperf, guidellm
from loadtests.beside.reason import reason
from loadtests.beside.table import Row, markdown
from loadtests.beside.tool import Order, Said
from loadtests.beside.usage import Reading, between
from loadtests.engine.truth import Sent

ORDER = Order("http://127.0.0.1:1", "gpt-oss-120b", 8, 32, 1000)

# Of real runs, without what is not read.
GUIDELLM = {
    "metadata": {"version": 2, "guidellm_version": "0.8.1"},
    "benchmarks": [
        {
            "type_": "generative_benchmark",
            "metrics": {
                "request_totals": {"successful": 32, "errored": 0, "incomplete": 0, "total": 32},
                "time_to_first_token_ms": {
                    "successful": {"count": 32, "percentiles": {"p50": 173.9795, "p95": 184.5994, "p99": 194.0169}},
                    "errored": {"count": 0, "percentiles": {"p50": 0.0, "p95": 0.0, "p99": 0.0}},
                },
                "inter_token_latency_ms": {
                    "successful": {"count": 31968, "percentiles": {"p50": 0.4339, "p99": 0.442}}
                },
            },
        }
    ],
}
AIPERF = {
    "schema_version": "1.4",
    "aiperf_version": "0.13.0",
    "request_count": {"unit": "requests", "avg": 32.0},
    "time_to_first_token": {"unit": "ms", "avg": 197.805, "p50": 181.713, "p99": 301.153, "count": 32},
    "output_token_throughput_per_user": {"unit": "tokens/sec/user", "avg": 2258.353, "p50": 2269.074, "count": 32},
}


def test_of_guidellm_the_rate_after_the_first_token_is_read() -> None:
    said = guidellm.read(GUIDELLM)

    assert said == Said("GuideLLM 0.8.1", 32, 173.9795, 194.0169, 1e3 / 0.4339)


def test_of_aiperf_the_rate_of_each_user_is_read() -> None:
    assert aiperf.read(AIPERF) == Said("AIPerf 0.13.0", 32, 181.713, 301.153, 2269.074)


@pytest.mark.parametrize("tool", [aiperf, guidellm])
def test_no_prompt_is_sent_twice(tool: object) -> None:
    assert isinstance(tool, type(aiperf))
    lines = tool.files(ORDER)["prompts.jsonl"].splitlines()

    assert (len(lines), len(set(lines))) == (32, 32)


def test_cpu_counts_from_the_first_request_to_the_last_token() -> None:
    """Two seconds of start-up and five of a report are the tool's, not the answers'."""
    readings = [Reading(0, 0), Reading(10, 2), Reading(20, 6), Reading(30, 11)]

    assert between(readings, 10, 20) == pytest.approx(4)
    assert between(readings, 15, 20) == pytest.approx(2)
    assert between(readings, 10, 99) == pytest.approx(9)


def test_the_table_says_how_far_each_is_off_and_why_one_is_missing() -> None:
    sent = Sent(32, 170.0, 175.0, 2300.0)
    rows = [
        Row("AIPerf 0.13.0", aiperf.read(AIPERF), sent, 30.44, 1.42),
        Row("short", Said("short", 30, 170.0, 174.5, 2300.0), sent, 1.0, 0.5),
        Row("guidellm", why="ended with 1: no | here"),
    ]
    first, _, _, _, fine, short, missing = markdown(rows, 32, 2, (0.5, 2.25)).splitlines()

    assert first == "32 streams; 2 cores, load average 0.5 before and 2.2 after"
    assert fine == ("| AIPerf 0.13.0 | 32 | 181.7 | +11.7 ms | 301.2 | +126.2 ms | 2,269 | -1.3% | 30.4 | 142% |")
    assert short.startswith("| short | 30 of 32 | 170.0 | +0.0 ms | 174.5 | -0.5 ms |")
    assert missing.startswith("| guidellm | ended with 1: no / here |")


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (
            "starting\n18:40 ERROR    no tokenizer\n18:41 ERROR    no dataset\nLog File: a.log\n",
            "18:40 ERROR    no tokenizer",
        ),
        ("Traceback:\n  raise NoError(\nhub.CacheError: gone\n\nOSError: no model\n", "hub.CacheError: gone"),
        ("one\nlast\n\n", "last"),
        ("", "it said nothing"),
    ],
)
def test_a_tool_has_failed_for_the_first_error_that_it_printed(log: str, why: str) -> None:
    assert reason(log) == why
