"""Requests that schemathesis makes from `docs/openapi.yaml`: no 5xx, no unpublished answer.

What every answer must look like is held by `tests.runtime.contract.watch`; here it is asked
for whatever the description allows, and for what it forbids; each time also with ids and names
that exist, so that a request gets past the first look-up.
"""

import json
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential, Route
from tests import figures
from tests.contract.house import House
from tests.runtime.contract import description, take_violations

pytestmark = [pytest.mark.firestore, pytest.mark.hypothesis]

REQUESTS = "T6 requests generated from the description"
NOBODY = {"X-Credential": "none"}
"""Shown by who has nothing to show."""
TOO_LARGE = 0
"""Of a request that nobody reads to its end: what its answer is depends on the dialect."""
UNPROVEN = frozenset({Credential.SIGNATURE, Credential.NOBODY})
ALLOWED, FORBIDDEN = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
GENERATED = settings(
    max_examples=settings().max_examples * 6 // 100,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@cache
def _operations() -> dict[str, Any]:
    schema: Any = schemathesis.openapi.from_dict(description())
    found = (result.ok() for result in schema.get_all_operations())
    return {operation.label: operation for operation in found}


def _with_known(value: Any, known: dict[str, str]) -> Any:
    """Return a body in which the fields that name something name what exists."""
    if isinstance(value, dict):
        return {
            name: known[name] if name in known else _with_known(inner, known)
            for name, inner in value.items()
        }
    return value


def _raw(body: Any) -> bytes | None:
    if isinstance(body, bytes):
        return body
    if isinstance(body, dict | list | str | int | float | bool) or body is None:
        return json.dumps(body).encode()
    return None  # schemathesis's word for a request without a body


@pytest.mark.parametrize("mode", [ALLOWED, FORBIDDEN], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_whatever_is_asked_the_answer_is_a_published_one(
    house: House, route: Route, mode: GenerationMode
) -> None:
    """A client that reads the description meets nothing that it does not say.

    Each request is sent as it was made, with ids that exist, by nobody, and with a method that
    no path has: what is drawn costs more than what is sent.
    """
    operation = _operations()[route.name]
    choices = {name: st.sampled_from(values) for name, values in house.known(route).items()}
    shown = house.headers_for(route)

    @GENERATED
    @given(
        case=operation.as_strategy(generation_mode=mode),
        known=st.fixed_dictionaries(choices),
    )
    def ask(case: Case[Any], known: dict[str, str]) -> None:
        drawn = dict(case.path_parameters or {})
        there = drawn | {name: known[name] for name in drawn if name in known}
        named = _with_known(case.body, known)

        def send(path: dict[str, Any], body: Any, **more: Any) -> int:
            sent, raw = f"{route.method} {path} {case.query} {body!r} {more}", _raw(body)
            headers = {name: str(value) for name, value in (case.headers or {}).items()}
            answer = house.ask(
                route.name, query=case.query, headers=headers, body=raw, **more, **path
            )
            assert answer.status_code < 500, f"{answer.status_code} to {sent}: {answer.text}"
            assert not (found := take_violations()), f"{sent}: {found}"
            figures.count(REQUESTS)
            return TOO_LARGE if len(raw or b"") > route.body_bytes_max else answer.status_code

        send(drawn, case.body, credential=shown)
        send(there, named, credential=shown)
        status = send(there, named, credential=NOBODY)
        assert route.credentials & UNPROVEN or status in {TOO_LARGE, 401}, status
        assert send(there, named, credential=shown, method="PATCH") in {TOO_LARGE, 405}

    ask()
