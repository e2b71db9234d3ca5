"""Whatever is done to a file, it yields problems and never an exception."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.config.located import read
from tests.config.worlds import STEMS, World

ODDITIES = [
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "!!int ",
    "!!set ",
    "<<: ",
    "? ",
    "|",
    "'",
    '"',
    "#",
    "\t",
    "\x00",
]
ODD_SCALARS = ["2026-02-30", "0b_", "1:99", "~", "on", ".inf", "é\u2028", "!foo x", "!!timestamp x", "-" * 70]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.datetimes() | st.text(max_size=8)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mangled_texts(draw: st.DrawFn, text: str) -> str:
    """A few pieces cut out, doubled or replaced by something YAML has plans for."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        put = draw(st.sampled_from([*ODDITIES, *ODD_SCALARS, text[start:end] * 2, ""]))
        text = text[:start] + put + text[end:]
    return text


@st.composite
def mangled_trees(draw: st.DrawFn, tree: Any) -> Any:
    """The same tree, with anything at all somewhere in it."""
    if isinstance(tree, dict) and tree and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(list(tree)))
        return {**tree, draw(st.just(key) | st.integers() | st.text(max_size=3)): draw(mangled_trees(tree[key]))}
    if isinstance(tree, list) and tree and draw(st.integers(0, 4)):
        index = draw(st.integers(0, len(tree) - 1))
        return [*tree[:index], draw(mangled_trees(tree[index])), *tree[index + 1 :]]
    return draw(ANYTHING)


@pytest.mark.parametrize("stem", STEMS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_mangled_text_only_has_problems(stem: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        text = data.draw(mangled_texts(world.path(stem).read_text("utf-8")))
        world.path(stem).write_text(text, "utf-8")

        assert all("\n" not in problem for problem in world.problems())


@pytest.mark.parametrize("stem", STEMS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_document_with_anything_anywhere_only_has_problems(stem: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        world = World(Path(directory))
        tree = data.draw(mangled_trees(yaml.safe_load(world.path(stem).read_text("utf-8"))))
        world.path(stem).write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")

        assert all("\n" not in problem for problem in world.problems())


@given(text=st.text() | st.text(st.sampled_from("{}[]&*!|>-:?#'\" \n\tax0")))
def test_any_text_at_all_can_be_read(text: str) -> None:
    read("any.yaml", text.encode("utf-8", "replace").decode("utf-8"))
