"""JSON Schema for the policy files, made from the models that check them, so that editors know what we know."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema


class _Shapes(GenerateJsonSchema):
    """Without the titles that pydantic makes of field names: they say the key a second time."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic calls it so
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        """`default: null` would tell the reader to write null; leaving the key out is what is meant."""
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if key != "default" or value is not None}

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        """A key that is not of the form of names is an error here as it is there."""
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made


def schema(title: str, model: type[BaseModel]) -> dict[str, Any]:
    made = model.model_json_schema(schema_generator=_Shapes)
    made.pop("title", None)
    return {"$schema": _Shapes.schema_dialect, "title": title, **made}


def written(title: str, model: type[BaseModel]) -> str:
    return json.dumps(schema(title, model), indent=2, ensure_ascii=False) + "\n"
