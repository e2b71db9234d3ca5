from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import waferline, within
from tests.config.worlds import ROOT, World


def test_the_shipped_examples_hold_and_meet_every_rule() -> None:
    said = waferline("test")

    assert said.lines[-1].endswith(" examples hold")
    assert "fails" not in said.out
    assert said.status == 0


def test_the_shipped_examples_hold_whatever_is_set_here() -> None:
    bare, other = waferline("test"), waferline("test", environment={"FALLBACK_API_BASE": "", "CEREBRAS_API_KEY": "x"})

    assert bare == other


def test_examples_share_their_stem_with_a_policy() -> None:
    stems = {path.stem for path in (ROOT / "policies").glob("*.yaml")}

    assert {path.stem for path in (ROOT / "policies" / "examples").glob("*.yaml")} <= stems


EVERY_DIFFERENCE = """\
clients: [{name: guest, models: [swift]}]
examples:
  - name: swift is served to a guest
    ask: {model: swift, client: guest, at: 2026-11-20}
    expect: {served_by: [swift], targets: [a, b], workload: null, refused: null}
  - name: everything about it is different
    ask: {model: swift, stream: false, at: 2026-11-20}
    expect:
      refused: model_retired
      status: 404
      rule: lifecycle.retired
      successor: steady
      served_by: [steady]
      targets: [b, a]
      stream_mode: as-asked
      workload: talk
      headers: {Sunset: today}
      verdicts: {lifecycle: lifecycle.retired, nobody: x}
  - name: elder is served
    ask: {model: elder, at: 2026-11-20}
    expect: {served_by: [elder], successor: null}
"""


def test_a_failing_example_shows_what_was_expected_and_what_was(tmp_path: Path) -> None:
    said = within(World(tmp_path), "test", write(tmp_path, EVERY_DIFFERENCE))

    why = "(lifecycle.retired: 'elder' was retired by Cerebras on 2026-02-01)"
    missed = (
        "lifecycle.preview lifecycle.dedicated lifecycle.unknown lifecycle.deprecated.within_notice "
        "lifecycle.deprecated.past_notice streaming.workloads.talk streaming.models.steady "
        "lifecycle.exception routing.models"
    ).split()
    assert said.lines == [
        "some.yaml",
        "  holds  swift is served to a guest",
        "  fails  everything about it is different  (some.yaml:6)",
        "         refused: expected model_retired, was none (served by swift)",
        "         status: expected 404, was none (served by swift)",
        "         rule: expected lifecycle.retired, was none (served by swift)",
        "         successor: expected steady, was none (served by swift)",
        "         served_by: expected [steady], was [swift]",
        "         targets: expected [b, a], was [a, b]",
        "         stream_mode: expected as-asked, was upgrade",
        "         workload: expected talk, was none",
        "         headers.Sunset: expected today, was none",
        "         verdicts.lifecycle: expected lifecycle.retired, was [lifecycle.live]",
        "         verdicts.nobody: expected x, was []",
        "  fails  elder is served  (some.yaml:19)",
        f"         successor: expected none, was swift {why}",
        f"         served_by: expected [elder], was [] {why}",
        "",
        "1 of 3 examples holds",
        f"rules never exercised: {', '.join(missed)}",
    ]
    assert said.status == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "examples: [{name: x, ask: {model: swift, at: 2026-11-20, clint: app}, expect: {status: 1}}]",
            "some.yaml:1 examples[0].ask.clint: is not a known key; did you mean 'client'?",
        ),
        (
            "examples:\n- name: x\n  ask: {model: swift}\n  expect: {status: 1}",
            "some.yaml:3 examples[0].ask.at: is missing; add it",
        ),
        (
            "examples:\n- name: x\n  ask: {model: swift, at: 2026-11-20, client: you}\n  expect: {status: 1}",
            "some.yaml:3 examples[0].ask.client: 'you' is not a client; add it to `clients` here, or use app, master",
        ),
        ("examples: []", "some.yaml:1 examples: needs at least 1 entry (was a list)"),
        ("examples: [", "some.yaml:2: not valid YAML, did not find expected node content; check the indentation"),
    ],
)
def test_a_malformed_file_of_examples_is_told_with_the_line(text: str, problem: str, tmp_path: Path) -> None:
    said = within(World(tmp_path), "test", write(tmp_path, text + "\n"))

    assert said.lines[0] == problem
    assert said.lines[1] == "0 of 0 examples hold; 1 problem kept others from running"
    assert said.status == 1


def test_a_missing_file_of_examples_is_told(tmp_path: Path) -> None:
    said = within(World(tmp_path), "test", tmp_path / "none.yaml")

    assert said.lines[0].startswith("none.yaml:1: cannot be read, ")
    assert said.status == 1


def test_policies_without_examples_have_nothing_to_run(tmp_path: Path) -> None:
    said = within(World(tmp_path), "test")

    assert said.err == "waferline: there are no examples in examples; name a file\n"
    assert said.status == 2


def test_json_holds_every_example(tmp_path: Path) -> None:
    said = within(World(tmp_path), "test", "--json", write(tmp_path, EVERY_DIFFERENCE))

    assert said.json["ok"] is False
    assert [example["holds"] for example in said.json["examples"]] == [True, False, False]
    assert said.json["examples"][0] == {
        "name": "swift is served to a guest",
        "file": "some.yaml",
        "line": 3,
        "holds": True,
        "differences": [],
    }


def write(directory: Path, text: str) -> Path:
    path = directory / "some.yaml"
    path.write_text(text, "utf-8")
    return path
