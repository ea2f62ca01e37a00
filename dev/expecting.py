"""What a step of the story expects, and how it says that it did not come."""

from typing import Any

import requests


class Disappointed(Exception):
    """A step did not give what was promised; the text says what was expected, and what came."""


def expect(is_so: bool, expected: str, got: object) -> None:
    """Stop the story unless the expectation holds.

    Raises: Disappointed.
    """
    if not is_so:
        raise Disappointed(f"expected {expected}\n     got {got}")


def body_of(answer: requests.Response, status: int) -> dict[str, Any]:
    """Return the body of an answer that has the expected status.

    Raises: Disappointed.
    """
    said = f"{answer.status_code} {answer.text[:600]}"
    request = f"{answer.request.method} {answer.request.path_url}"
    expect(answer.status_code == status, f"{status} from {request}", said)
    body: dict[str, Any] = answer.json()
    return body
