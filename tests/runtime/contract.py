"""The published description of the API, as a judge of real answers.

`conforms` holds one answer to its route. `watch` holds every answer of a function to the
description, and what it finds fails the test that asked: see the fixture in `tests/conftest`.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import flask
import jsonschema_rs
import yaml

from creditbase.runtime.authorization import routes_of
from creditbase.runtime.routes import DoorName, Match, match_path

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.yaml"
SHOWN_CHARACTERS = 600
OPENAI_SHAPED = "gateway"
"""The function whose answers are OpenAI's, with nulls in them."""
FRACTION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.")

_violations: list[str] = []
_validators: dict[str, Any] = {}
"""By what the schema says."""


@cache
def description() -> dict[str, Any]:
    """Return `docs/openapi.yaml`."""
    found: dict[str, Any] = yaml.load(DESCRIPTION.read_text(), yaml.CSafeLoader)
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
    written = repr(schema)  # to be looked up by; as YAML it would take longer than the judging
    if written not in _validators:
        schemas = description()["components"]["schemas"]
        whole = {**schema, "components": {"schemas": schemas}}
        _validators[written] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    _validators[written].validate(value)


def conforms(route: str, answer: Any) -> None:
    """Hold an answer to what is published for its route: status, headers, body."""
    method, _, path = route.partition(" ")
    responses = description()["paths"][path][method.lower()]["responses"]
    assert str(answer.status_code) in responses, f"{route} answered {answer.status_code}"
    response = resolved(responses[str(answer.status_code)])
    for name, header in response.get("headers", {}).items():
        rule = resolved(header)
        assert name in answer.headers or not rule.get("required"), f"{route}: no {name}"
        if name in answer.headers:
            is_number = rule["schema"].get("type") == "integer"
            given: Any = answer.headers[name]
            matches(int(given) if is_number else given, rule["schema"])
    content = response.get("content", {})
    if not content:
        assert not answer.get_data(), f"{route}: {answer.status_code} has a body"
        return
    assert answer.mimetype in content, f"{route}: {answer.mimetype}"
    if answer.mimetype == "application/json":
        matches(answer.json, content["application/json"]["schema"])


def watch(app: flask.Flask, function: str) -> None:
    """Hold every answer of a function from now on to what is published for it."""
    routes = routes_of(function)

    def judge(answer: flask.Response) -> flask.Response:
        match = match_path(routes, flask.request.path)
        if match is None or answer.is_streamed or flask.request.method == "OPTIONS":
            return answer
        wrong = _first_wrong(match, answer)
        if not wrong and routes[0].door is DoorName.RELAY and function != OPENAI_SHAPED:
            wrong = _first_loose(answer.get_json(silent=True))
        if wrong:
            body = answer.get_data(as_text=True)[:SHOWN_CHARACTERS]
            _violations.append(f"{flask.request.path} {answer.status_code} {body}\n{wrong}")
        return answer

    app.after_request(judge)


def _first_wrong(match: Match, answer: flask.Response) -> str:
    """Return what is wrong with an answer; empty where one route of the path has it so.

    A callable has no verb, so any route of its path may be the one that answered.
    """
    is_callable = _is_callable(answer)
    row = match.row("GET" if flask.request.method == "HEAD" else flask.request.method)
    routes = match.routes if is_callable else (row,) if row is not None else ()
    wrong = ""
    for route in routes:
        try:
            (_conforms_as_callable if is_callable else conforms)(route.name, answer)
        except (AssertionError, ValueError) as found:
            wrong = wrong or str(found)
        else:
            return ""
    return wrong


def take_violations() -> list[str]:
    """Return what was found since the last time."""
    found = list(_violations)
    _violations.clear()
    return found


def _first_loose(value: object, where: str = "") -> str:
    """Return where a value is null or a time has a fraction: some SDKs read neither."""
    if value is None and where:
        return f"{where} is null"
    if isinstance(value, str) and FRACTION.match(value):
        return f"{where} is {value}"
    inner: Any = ()
    if isinstance(value, dict):
        inner = [(name, each) for name, each in value.items() if name != "metadata"]
    elif isinstance(value, list):
        inner = enumerate(value)
    found = (_first_loose(each, f"{where}.{name}") for name, each in inner)
    return next(filter(None, found), "")


def _is_callable(answer: flask.Response) -> bool:
    """Return whether an answer has the callable protocol's envelope."""
    body = answer.get_json(silent=True)
    if not isinstance(body, dict) or len(body) != 1:
        return False
    return "result" in body or isinstance(body.get("error"), dict)


def _conforms_as_callable(route: str, answer: flask.Response) -> None:
    body: Any = answer.json
    if "error" in body:
        matches(body, {"$ref": "#/components/schemas/CallableError"})
        return
    method, _, path = route.partition(" ")
    responses = description()["paths"][path][method.lower()]["responses"]
    success = resolved(next(found for status, found in responses.items() if status < "300"))
    matches(body["result"], success["content"]["application/json"]["schema"])
