"""A row put into a list of access.yaml as a person would: the comments and the rest of the text stay as they are."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from plugins.commands.context import CannotError
from plugins.config.files import shown
from plugins.config.located import read
from plugins.config.validate import validate
from plugins.policy.access import AccessFile


def insert(path: Path, key: str, row: dict[str, Any]) -> int:
    """The line of the new row. The file is replaced whole, and only by one that says what it said, and the row."""
    path = path.resolve()
    try:
        before = path.read_bytes().decode("utf-8")
        after = with_row(before, key, row)
        document, _ = read(shown(path), after)
        if _settings(after) != _settings(before, {key: row}):
            raise CannotError(f"cannot add the row to {shown(path)} as it is written; paste it in by hand")
        _replace(path, after)
    except (OSError, UnicodeDecodeError) as error:
        raise CannotError(f"cannot write {shown(path)}, {error}") from error
    return document.line((key, len(document.data[key]) - 1))


def _settings(text: str, more: dict[str, Any] | None = None) -> AccessFile | None:
    document, problems = read("", text)
    if problems or not isinstance(document.data, dict):
        return None
    for key, row in (more or {}).items():
        document.data[key] = [*(document.data.get(key) or []), row]
    return validate(document, AccessFile)[0]


def with_row(text: str, key: str, row: dict[str, Any]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    held = _value(text, key)
    if held is None:
        return "".join([*lines, f"{key}:{newline}", *_block(row, 2, newline)])
    if isinstance(held, yaml.SequenceNode) and held.value and held.flow_style:
        end = held.value[-1].end_mark.index
        flow = yaml.safe_dump(row, sort_keys=False, default_flow_style=True, width=10_000).strip()
        return f"{text[:end]}, {flow}{text[end:]}"
    if isinstance(held, yaml.SequenceNode) and held.value:
        last = _last_line(held)
        return "".join([*lines[: last + 1], *_block(row, held.start_mark.column, newline), *lines[last + 1 :]])
    line = held.start_mark.line
    empty = lines[line][: held.start_mark.column].rstrip() + lines[line][held.end_mark.column :]
    return "".join([*lines[:line], empty, *_block(row, 2, newline), *lines[line + 1 :]])


def _block(row: dict[str, Any], indent: int, newline: str) -> list[str]:
    dumped = yaml.safe_dump([row], sort_keys=False, default_flow_style=None, width=10_000)
    return [f"{' ' * indent}{line}{newline}" for line in dumped.splitlines()]


def _value(text: str, key: str) -> yaml.Node | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _last_line(node: yaml.Node) -> int:
    """Where the last thing in it ends; a block's own end mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.line)


def _replace(path: Path, text: str) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text.encode("utf-8"))
        shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
