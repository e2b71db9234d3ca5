"""YAML with the line of every key, so that a problem can say where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from plugins.config.problem import Problem

Place = tuple[str | int, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Located:
    file: str
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of the place, or of the nearest thing around it that is written down."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, what: str, **more: Any) -> Problem:
        return Problem(self.file, self.line(place), dotted(place), what, **more)


def dotted(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(file: str, text: str) -> tuple[Located, list[Problem]]:
    """The document and what is wrong with it as YAML. A key written twice is an error: YAML would keep the last."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        problems = list(_repeated_keys(file, root)) if root is not None else []
        lines = dict(_walk(root)) if root is not None else {}
        _keep_as_text(loader, root)
        data = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = " ".join(str(getattr(error, "problem", None) or error).split())
        line = mark.line + 1 if mark else 1
        return Located(file, None), [Problem(file, line, "", f"not valid YAML, {what}", cure="check the indentation")]
    except RecursionError:
        cure = "look for an alias within its own anchor"
        return Located(file, None), [Problem(file, 1, "", "not valid YAML, it is nested without end", cure=cure)]
    if data is None:
        problems = [Problem(file, 1, "", "the file is empty", cure="see its schema in policies/schemas/")]
    return Located(file, data, lines), problems


def _keep_as_text(loader: Any, node: yaml.Node | None) -> None:
    """A scalar that looks like a date or a number and is none, such as 2026-02-30, is for the settings to refuse."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag not in loader.yaml_constructors:
            return
        try:
            loader.yaml_constructors[node.tag](loader, node)
        except (ValueError, LookupError, AttributeError):
            node.tag = "tag:yaml.org,2002:str"
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _keep_as_text(loader, key)
            _keep_as_text(loader, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _keep_as_text(loader, value)


def _walk(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, _name(key))
            yield inner, key.start_mark.line + 1
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*place, index)
            yield inner, value.start_mark.line + 1
            yield from _walk(value, inner)


def _name(node: yaml.Node) -> str:
    return str(node.value)


def _repeated_keys(file: str, node: yaml.Node, place: Place = ()) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = _name(key), key.start_mark.line + 1
            if name in seen:
                cure = f"remove one; the first is on line {seen[name]}"
                yield Problem(file, line, dotted((*place, name)), "written twice", cure=cure)
            seen[name] = line
            yield from _repeated_keys(file, value, (*place, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated_keys(file, value, (*place, index))
