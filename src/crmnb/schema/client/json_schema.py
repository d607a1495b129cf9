"""The JSON schema of a parameters file, from its models: editors complete the keys by it and underline what is wrong."""

from typing import Any

from crmnb.schema.client.models.client import Client
from crmnb.schema.tables import TABLES

_BY_LOADING = ("id", "folder")  # keys that follow from the file's name


def parameters_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12): the keys of the file with their types, allowed values and texts, and the names of the tables."""
    schema = Client.model_json_schema(by_alias=True)
    for key in _BY_LOADING:
        schema["properties"].pop(key)
    schema["required"] = [key for key in schema["required"] if key not in _BY_LOADING]
    schema["title"] = "Parameters of a client of crmnb"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    declared = schema["properties"]["tables"]
    (mapping,) = declared.get("patternProperties", {"": declared.get("additionalProperties")}).values()
    names = [name for name, table in TABLES.items() if not table.by_import]
    schema["properties"]["tables"] = {
        "type": "object",
        "description": "The canonical tables, each with its source and columns, or a query.",
        "properties": dict.fromkeys(names, mapping),
        "additionalProperties": False,
    }
    return schema
