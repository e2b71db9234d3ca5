"""From a located document to settings, with every problem in words a person can act on."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from plugins.config.located import Located, Place
from plugins.config.problem import Problem

Model = TypeVar("Model", bound=BaseModel)

MOST_MISTAKES = 100

# What pydantic calls it, and what we say. Names in braces come from the error's own context, so bounds cannot drift.
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "needs at least {min_length} entry",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of names",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "date_type": "must be a date like 2026-11-20",
    "date_parsing": "must be a date like 2026-11-20",
    "date_from_datetime_parsing": "must be a date like 2026-11-20",
    "date_from_datetime_inexact": "must be a date like 2026-11-20, without a time",
    "string_pattern_mismatch": "is not of the right form",
    "invalid_key": "has a key that is not text",
    "value_error": "{error}",
}
PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$": "must be a name of letters, digits and . _ : / @ -",
    "^[A-Za-z0-9._-]{1,64}$": "must be a name of letters, digits and . _ -",
    "^[0-9a-f]{64}$": "must be 64 hexadecimal digits, as `waferline key new` prints them",
}


def validate(document: Located, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    if document.data is None:
        return None, []
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        known = _keys(model)
        problems: dict[tuple[int, str], Problem] = {}
        for detail in error.errors():  # one per place: each member of a union has its own complaint
            problem = _problem(document, detail, known)
            problems.setdefault((problem.line, problem.key), problem)
        return None, list(problems.values())


def salvage(document: Located, model: type[Model]) -> Model | None:
    """What is left of a document without its mistakes, so that it can still be compared with the other files.

    None when leaving them out would change what there is to compare: a whole row, or something that is required.
    """
    data = deepcopy(document.data)
    for _ in range(MOST_MISTAKES):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            detail = error.errors()[0]
            if detail["type"] == "missing" or not _left_out(data, _place(document, detail)):
                return None
    return None


def _left_out(data: Any, place: Place) -> bool:
    try:
        for part in place[:-1]:
            data = data[part]
        if isinstance(data[place[-1]], dict):
            return False
        del data[place[-1]]
    except (KeyError, IndexError, TypeError):  # nowhere in particular, or a key that is no text
        return False
    return True


def _problem(document: Located, detail: ErrorDetails, known: set[str]) -> Problem:
    place = _place(document, detail)
    kind = detail["type"]
    context = {name: f"{held:g}" if isinstance(held, float) else held for name, held in detail.get("ctx", {}).items()}
    sentence = SENTENCES.get(kind, detail["msg"])
    if kind == "string_pattern_mismatch":
        sentence = PATTERNS.get(str(context.get("pattern")), sentence)
    what = sentence.format(**context) if kind in SENTENCES else sentence
    was = None if kind in ("missing", "extra_forbidden", "value_error") else _short(detail["input"])
    return document.problem(place, what, was=was, cure=_cure(kind, place, detail, known))


def _place(document: Located, detail: ErrorDetails) -> Place:
    """Where it is in the file. Pydantic adds names of union members and '[key]', which nobody wrote."""
    place: Place = ()
    for part in detail["loc"]:
        if (*place, part) in document.lines:
            place = (*place, part)
    if detail["type"] == "missing":
        place = (*place, detail["loc"][-1])
    return place


def _cure(kind: str, place: Place, detail: ErrorDetails, known: set[str]) -> str | None:
    if kind == "extra_forbidden":
        if place and place[-1] in known:
            return "it belongs elsewhere in this file"
        near = get_close_matches(str(place[-1]), known, n=1) if place else []
        return f"did you mean {near[0]!r}?" if near else "remove it"
    if kind in ("enum", "literal_error"):
        choices = [choice.strip(" '") for choice in str(detail["ctx"]["expected"]).replace(" or ", ",").split(",")]
        near = get_close_matches(str(detail["input"]), choices, n=1, cutoff=0.5)
        return f"did you mean {near[0]!r}?" if near else None
    return "add it" if kind == "missing" else None


def _short(value: Any) -> str:
    """As it would be written in YAML, as far as that fits on the line."""
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case date():
            return str(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys(model: type[BaseModel]) -> set[str]:
    """Every key that may stand anywhere in such a file."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}
