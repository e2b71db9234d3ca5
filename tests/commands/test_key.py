from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from plugins.commands.context import CannotError
from plugins.commands.insert import insert, with_row
from plugins.commands.key import yaml_row
from plugins.policy.access import AccessFile, Client, digest, identify
from tests.commands.running import waferline, within
from tests.config.worlds import ROOT, World

DAY = date(2026, 11, 20)
ROW = {"name": "new", "key_sha256": "0" * 63 + "f", "models": ["*"]}


def access(world: World) -> AccessFile:
    return AccessFile.model_validate(yaml.safe_load(world.path("access").read_text("utf-8")))


def test_a_key_is_printed_once_with_the_row_to_paste(tmp_path: Path) -> None:
    world = World(tmp_path)
    before = world.path("access").read_text("utf-8")

    said = within(world, "key", "new", "bot", "--models", "talk,swift", "--expires", "2099-12-31")

    key = said.lines[0]
    assert re.fullmatch(r"sk-wl-[0-9a-f]{48}", key)
    assert said.lines[1:] == [
        "the key is shown this once; only its digest is kept",
        "",
        "under `clients:` in access.yaml, or use --add:",
        "  - name: bot",
        f"    key_sha256: {digest(key)}",
        "    models: [talk, swift]",
        "    expires: 2099-12-31",
    ]
    assert before == world.path("access").read_text("utf-8")


def test_an_added_key_opens_the_door_and_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("access", "clients:", "# who may come in\nclients: # by name")
    before = world.path("access").read_text("utf-8")

    said = within(world, "key", "new", "bot", "--models", "talk", "--add")

    after = world.path("access").read_text("utf-8")
    assert identify(access(world), None, said.lines[0], DAY) == Client("bot", frozenset({"talk"}))
    assert after.startswith(before)
    assert "added at access.yaml:6" in said.lines
    assert after.splitlines()[5] == "  - name: bot"
    assert world.problems() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        world.path(stem).name
        for stem in ("models", "lifecycle", "streaming", "routing", "access", "circuits", "litellm")
    )


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)

    assert len({within(world, "key", "new", "bot").lines[0] for _ in range(5)}) == 5


def test_json_holds_the_key_and_the_row(tmp_path: Path) -> None:
    held = within(World(tmp_path), "key", "new", "bot", "--json", "--add").json

    assert held["row"] == {"name": "bot", "key_sha256": digest(held["key"]), "models": ["*"]}
    assert held["added"] == {"file": "access.yaml", "line": 5}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["app", "--add"], "there is a client 'app' already; choose another name"),
        (["master"], "there is a client 'master' already; choose another name"),
        (["a b"], "name 'a b' is not of the right form; use letters, digits and . _ : / @ -"),
        (["bot", "--models", "tlak"], "'tlak' is not a model or workload; did you mean 'talk'?"),
        (["bot", "--models", ","], "--models [] is not of the right form; name at least one model"),
        (
            ["bot", "--expires", "2026-01-01"],
            "the key would have expired on 2026-01-01; give a day that is still to come",
        ),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    before = world.path("access").read_text("utf-8")

    said = within(world, "key", "new", *arguments)

    assert said.err == f"waferline: {sentence}\n"
    assert said.status == 2
    assert before == world.path("access").read_text("utf-8")


def test_clients_are_listed_with_what_they_may_and_until_when(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change(
        "access", "clients:", f"clients:\n  - {{name: old, key_sha256: {'f' * 64}, models: ['*'], expires: 2026-01-01}}"
    )

    said = within(world, "key", "list", "--at", "2026-11-20")

    assert said.lines == [
        "client  may ask for  expires",
        "old     *            2026-01-01 (expired)",
        "app     talk, swift  never",
    ]


def test_no_clients_are_told_with_how_to_make_one() -> None:
    said = waferline("--policies", ROOT / "policies", "key", "list")

    assert said.lines == ["no clients but the master key; `waferline key new NAME --add` makes one"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clients: []\nlimits: {}\n", "clients:\n{row}limits: {{}}\n"),
        ("clients: []  # none yet\n", "clients:  # none yet\n{row}"),
        ("clients:\nlimits: {}\n", "clients:\n{row}limits: {{}}\n"),
        ("clients: null\n", "clients:\n{row}"),
        ("limits: {}\n", "limits: {{}}\nclients:\n{row}"),
        ("limits: {}", "limits: {{}}\nclients:\n{row}"),
        ("", "clients:\n{row}"),
        ("clients: []", "clients:\n{row}"),
    ],
)
def test_a_row_finds_its_place_among_no_others(before: str, after: str) -> None:
    assert with_row(before, "clients", ROW) == after.format(row=indented(2))


OLD = "- name: a\n  key_sha256: x\n  models: [b]  # more to come\n"


@pytest.mark.parametrize("indent", [0, 2, 4])
@pytest.mark.parametrize("below", ["", "\n# limits of all\nlimits: {}\n", "\n\n  # not read\n"])
def test_a_row_comes_after_the_last_and_before_what_follows(indent: int, below: str) -> None:
    old = "".join(f"{' ' * indent}{line}\n" for line in OLD.splitlines())

    assert with_row(f"clients:\n{old}{below}", "clients", ROW) == f"clients:\n{old}{indented(indent)}{below}"


@pytest.mark.parametrize("ending", ["]", ",]", "\n]  # all"])
def test_a_row_joins_others_that_are_written_in_one_line(ending: str) -> None:
    text = with_row(f"clients: [{{name: a}}{ending}\nlimits: {{}}\n", "clients", ROW)

    assert yaml.safe_load(text) == {"clients": [{"name": "a"}, ROW], "limits": {}}


def test_line_ends_stay_those_of_the_file() -> None:
    text = with_row("clients: []\r\nlimits: {}\r\n", "clients", ROW)

    assert text.count("\n") == text.count("\r\n") == 5


def test_a_file_that_cannot_be_edited_safely_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "access.yaml"
    path.write_text("{clients: [], limits: {}}\n", "utf-8")

    with pytest.raises(CannotError, match="as it is written; paste it in by hand"):
        insert(path, "clients", ROW)

    assert path.read_text("utf-8") == "{clients: [], limits: {}}\n"


def test_a_replaced_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "access.yaml"
    real.write_text("clients: []\n", "utf-8")
    real.chmod(0o640)
    link.symlink_to(real)

    insert(link, "clients", ROW)

    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert "name: new" in real.read_text("utf-8")


@pytest.mark.parametrize("name", ["on", "no", "1e3", "123", "2026-11-20", "null", "a:b", "a@b"])
def test_a_name_that_yaml_would_take_for_something_else_is_quoted(name: str) -> None:
    assert yaml.safe_load(yaml_row({**ROW, "name": name, "models": [name]})) == [
        {**ROW, "name": name, "models": [name]}
    ]


def indented(indent: int) -> str:
    return "".join(f"{' ' * indent}{line}\n" for line in yaml_row(ROW).splitlines())
