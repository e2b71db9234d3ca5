from __future__ import annotations

import shutil
from pathlib import Path

from tests.commands.running import DAY, waferline, within
from tests.config.worlds import ROOT, World, expected

NOT_RUN = "examples: not run on policies that are not valid"


def test_ten_different_mistakes_are_ten_lines(tmp_path: Path) -> None:
    said = within(World(tmp_path, flaw="ten-different-mistakes"), "check", "--at", DAY)

    name = "must be a name of letters, digits and . _ : / @ -"
    digest = "must be 64 hexadecimal digits, as `waferline key new` prints them"
    rules = "must be 'require', 'upgrade' or 'allow' (was 'upgrad'); did you mean 'upgrade'?"
    assert [
        f"access.yaml:4 clients[0].name: {name} (was 'our app')",
        f"access.yaml:5 clients[0].key_sha256: {digest} (was '9F86')",
        "lifecycle.yaml:3 retird: is not a known key; did you mean 'retired'?",
        "lifecycle.yaml:5 exceptions[0].reason: must not be empty (was '')",
        "models.yaml:4 provider: must be 'cerebras' (was 'cerebas'); did you mean 'cerebras'?",
        "models.yaml:8 models.elder.retires: must be a date like 2026-11-20 (was '2026-02-30')",
        "routing.yaml:4 merge_window_ms: must be at most 250 (was 900)",
        "routing.yaml:5 deadlines.stall_seconds: must be a number (was 'five')",
        "routing.yaml:7 workloads.talk.purpose: is missing; add it",
        f"streaming.yaml:2 default: {rules}",
        "10 problems in 5 files",
        NOT_RUN,
    ] == said.lines
    assert said.status == 1


def test_mistakes_of_every_kind_in_the_same_files_are_all_told_at_once(tmp_path: Path) -> None:
    """One unknown word in a file must not hide that another file names a model nobody has."""
    said = within(World(tmp_path, flaw="mistakes-of-every-kind"), "check", "--at", DAY)

    assert said.lines == [
        *expected("mistakes-of-every-kind"),
        "10 problems in 4 files",
        NOT_RUN,
    ]
    assert len(said.lines) == 12


def test_files_that_fit_together_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path)

    said = within(world, "check", "--at", DAY)

    counts = "2 models, 4 deployments, 1 workload, 1 client, 3 catalog rows"
    assert said.lines == [f" and litellm_config.yaml fit together: {counts}", "examples: none"]
    assert said.status == 0


def test_the_shipped_files_pass_with_their_schemas_and_examples() -> None:
    said = waferline("check", "--strict", "--at", DAY)

    assert said.lines[0].startswith("policies/ and litellm_config.yaml fit together: 2 models")
    assert said.lines[1].startswith("examples: ")
    assert said.status == 0


def test_a_warning_is_told_and_fails_only_a_strict_check(tmp_path: Path) -> None:
    world = World(tmp_path, flaw="catalog-not-verified-lately")

    mild, strict = within(world, "check", "--at", DAY), within(world, "check", "--strict", "--at", DAY)

    assert mild.lines[1] == "1 problem in 1 file, 1 of them only a warning"
    assert mild.out == strict.out
    assert (mild.status, strict.status) == (0, 1)


def test_a_check_for_another_day_tells_what_will_be_wrong_then(tmp_path: Path) -> None:
    said = within(World(tmp_path), "check", "--at", "2027-02-01")

    assert "lifecycle.yaml:3 exceptions[0].until: warning: the exception ended on 2027-01-31" in said.out


def test_json_holds_every_problem_with_its_place(tmp_path: Path) -> None:
    said = within(World(tmp_path, flaw="misspelt-choice"), "check", "--json", "--at", DAY)

    assert said.json == {
        "ok": False,
        "problems": [
            {
                "file": "lifecycle.yaml",
                "line": 2,
                "key": "retired",
                "what": "must be 'refuse', 'replace', 'warn' or 'allow'",
                "was": "'refuze'",
                "cure": "did you mean 'refuse'?",
                "level": "error",
                "stops": True,
            }
        ],
        "examples": {"run": 0, "failed": []},
    }
    assert said.status == 1


def test_an_example_that_fails_fails_the_check(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_examples(
        world, "examples: [{name: swift is retired, ask: {model: swift, at: 2026-11-20}, expect: {status: 404}}]"
    )

    said = within(world, "check", "--at", DAY)

    assert said.lines[0] == "  fails  swift is retired  (examples/some.yaml:1)"
    assert said.lines[1] == "         status: expected 404, was none (served by swift)"
    assert said.lines[-1] == "examples: 0 of 1 hold"
    assert said.status == 1


def test_a_malformed_example_is_a_problem_with_its_line(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_examples(world, "examples:\n  - name: nothing\n    ask: {model: swift, at: 2026-11-20}\n    expect: {}\n")

    said = within(world, "check", "--at", DAY)

    told = "examples/some.yaml:4 examples[0].expect: expects nothing; give at least one of refused, status, rule, "
    assert said.lines[0].startswith(told)
    assert said.status == 1


def test_a_schema_that_is_out_of_date_is_a_problem(tmp_path: Path) -> None:
    world = World(tmp_path)
    shutil.copytree(ROOT / "policies" / "schemas", world.directory / "schemas")
    (world.directory / "schemas" / "access.schema.json").write_text("{}", "utf-8")

    said = within(world, "check", "--at", DAY)

    what, cure = "is not what the code would write", "run `waferline schema --write`"
    assert said.lines[:2] == [f"schemas/access.schema.json:1: {what}; {cure}", "1 problem in 1 file"]
    assert said.status == 1


def write_examples(world: World, text: str) -> None:
    (world.directory / "examples").mkdir()
    (world.directory / "examples" / "some.yaml").write_text(text, "utf-8")
