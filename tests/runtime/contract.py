"""The published description of the API, as a judge of real answers."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from werkzeug.test import TestResponse

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@cache
def description() -> dict[str, Any]:
    """Return `docs/openapi.yaml`."""
    found: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    return found


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference names, or the node itself."""
    while "$ref" in node:
        found: Any = description()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def matches(value: object, schema: dict[str, Any]) -> None:
    """Hold a value to a schema of the description, formats included."""
    whole = {"components": description()["components"], **schema}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(whole, format_checker=checker).validate(value)


def conforms(route: str, answer: TestResponse) -> None:
    """Hold an answer to what is published for its route: status, headers, body."""
    method, _, path = route.partition(" ")
    responses = description()["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, f"{route} answered {answer.status_code}"
    response = resolved(responses[str(answer.status_code)])
    for name, header in response["headers"].items():
        rule = resolved(header)
        assert name in answer.headers or not rule.get("required"), f"{route}: no {name}"
        if name in answer.headers:
            is_number = rule["schema"].get("type") == "integer"
            given: Any = answer.headers[name]
            matches(int(given) if is_number else given, rule["schema"])
    matches(answer.json, response["content"]["application/json"]["schema"])
