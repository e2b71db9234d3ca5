"""JSON Schemas: which ones strict mode refuses, and the smallest value that satisfies one."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

MAX_CHARACTERS = 5000
MAX_DEPTH = 10
MAX_PROPERTIES = 500
MAX_ENUM_VALUES = 500
UNSUPPORTED = ("pattern", "format", "minItems", "maxItems")


def violation(schema: dict[str, Any]) -> str | None:
    """Why strict mode refuses this schema, in the provider's words where they are known."""
    if schema.get("type") != "object":
        return "the root of the schema must be an object"
    if len(json.dumps(schema, separators=(",", ":"))) > MAX_CHARACTERS:
        return f"the schema is longer than {MAX_CHARACTERS} characters"
    nodes = list(_nodes(schema, 1))
    return _bad_reference(schema, nodes) or _first_bad_node(nodes) or _too_big(nodes)


def _bad_reference(schema: dict[str, Any], nodes: list[tuple[dict[str, Any], int]]) -> str | None:
    if any(not reference.startswith("#/$defs/") for reference in _references(nodes)):
        return "recursive or external $ref is not supported"
    leads_to = {
        f"#/$defs/{name}": set(_references(_nodes(definition, 1)))
        for name, definition in (schema.get("$defs") or {}).items()
    }
    return "recursive $ref is not supported" if any(_returns(name, leads_to) for name in leads_to) else None


def _references(nodes: Iterable[tuple[dict[str, Any], int]]) -> list[str]:
    return [str(node["$ref"]) for node, _ in nodes if "$ref" in node]


def _returns(start: str, leads_to: dict[str, set[str]]) -> bool:
    """Whether following references from a definition comes back to it."""
    seen: set[str] = set()
    ahead = set(leads_to[start])
    while ahead:
        name = ahead.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            ahead |= leads_to.get(name, set())
    return False


def _first_bad_node(nodes: list[tuple[dict[str, Any], int]]) -> str | None:
    found = {key for node, _ in nodes for key in UNSUPPORTED if key in node}
    if found:
        return f"Unsupported JSON schema fields: {{{', '.join(repr(key) for key in sorted(found))}}}"
    for node, depth in nodes:
        if depth > MAX_DEPTH:
            return f"the schema is nested deeper than {MAX_DEPTH} levels"
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and set to false."
    return None


def _too_big(nodes: list[tuple[dict[str, Any], int]]) -> str | None:
    if sum(len(node.get("properties", {})) for node, _ in nodes) > MAX_PROPERTIES:
        return f"the schema has more than {MAX_PROPERTIES} properties"
    if sum(len(node.get("enum", ())) for node, _ in nodes) > MAX_ENUM_VALUES:
        return f"the schema has more than {MAX_ENUM_VALUES} enum values"
    return None


def _nodes(schema: object, depth: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Every schema inside a schema with its depth; it stops one past the limit, whatever it is given."""
    if not isinstance(schema, dict):
        return
    yield schema, depth
    if depth > MAX_DEPTH:
        return
    for key in ("properties", "$defs", "definitions"):
        for child in (schema.get(key) or {}).values():
            yield from _nodes(child, depth + (key == "properties"))
    for key in ("anyOf", "allOf", "oneOf"):
        for child in schema.get(key) or ():
            yield from _nodes(child, depth)
    yield from _nodes(schema.get("items"), depth + 1)


def smallest(schema: object, root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """A value the schema accepts, so that structured answers and tool arguments can be validated by a client."""
    if not isinstance(schema, dict) or depth > 2 * MAX_DEPTH:
        return None
    root = schema if root is None else root
    fixed = _fixed(schema)
    if fixed is not None:
        return fixed
    other = _elsewhere(schema, root)
    return _by_type(schema, root, depth) if other is None else smallest(other, root, depth + 1)


def _by_type(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {name: smallest(child, root, depth + 1) for name, child in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [smallest(schema.get("items", {"type": "string"}), root, depth + 1)] * max(1, schema.get("minItems", 1))
    return {"integer": 7, "number": 7.5, "boolean": True, "null": None}.get(str(kind), "wafer")


def _elsewhere(schema: dict[str, Any], root: dict[str, Any]) -> object:
    """The schema this one points to, if it does."""
    if "$ref" in schema:
        return _resolve(schema["$ref"], root)
    return next((schema[key][0] for key in ("anyOf", "oneOf", "allOf") if schema.get(key)), None)


def _fixed(schema: dict[str, Any]) -> Any:
    if "const" in schema:
        return schema["const"]
    return schema["enum"][0] if schema.get("enum") else None


def _resolve(reference: object, root: dict[str, Any]) -> object:
    at: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        at = at.get(part) if isinstance(at, dict) else None
    return at
