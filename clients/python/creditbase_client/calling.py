"""Send a request until there is a definite answer: the same request each time."""

import asyncio
import json
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from creditbase_client.credentials import Credential
from creditbase_client.errors import CreditbaseError, Unreachable, refusal
from creditbase_client.operations import Operation
from creditbase_client.retrying import NeverSent, Retries

VERSION = "0.1.0"
TIMEOUT_S = 30.0
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def prepared(
    operation: Operation,
    *,
    path: Mapping[str, str],
    query: Mapping[str, Any],
    body: Mapping[str, Any] | None,
    idempotency_key: str | None,
) -> dict[str, Any]:
    """Return a request as httpx takes it, unsigned. What is None is left out of the query."""
    named = {name: quote(value, safe="") for name, value in path.items()}
    headers = {"User-Agent": f"creditbase-client/{VERSION}"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    request: dict[str, Any] = {
        "method": operation.method,
        "url": operation.path.format(**named),
        "headers": headers,
    }
    asked = {name: _written(value) for name, value in query.items() if value is not None}
    if asked:
        request["params"] = asked
    if body is not None:
        headers["Content-Type"] = "application/json"
        request["content"] = json.dumps(body).encode()
    return request


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Signed(httpx.Auth):
    """Says who calls, as a request leaves: no variable that errors are shown with has it."""

    def __init__(self, credential: Credential | None) -> None:
        self._credential = credential

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the credential's headers on."""
        if self._credential is not None:
            request.headers.update(self._credential.headers())
        yield request


def read(response: httpx.Response) -> httpx.Response:
    """Return a good answer.

    Raises: Refused.
    """
    if response.is_success:
        return response
    try:
        said: object = response.json()
    except ValueError:
        said = response.text
    raise refusal(response.status_code, said, response.headers)


def failure_of(problem: httpx.RequestError) -> CreditbaseError:
    """Return what a broken connection, or a broken answer, means for whoever called."""
    kind = NeverSent if isinstance(problem, NOT_SENT) else Unreachable
    return kind(f"{type(problem).__name__}: {problem}")


def is_replay(response: httpx.Response) -> bool:
    """Whether an answer is that of an earlier request with the same key."""
    return bool(response.headers.get("Idempotent-Replayed") == "true")


def content_of(response: httpx.Response) -> Any:
    """Return what an answer says; None where it has no body.

    Raises: Unreachable: it is no JSON, so somebody between us has answered.
    """
    try:
        return response.json() if response.content else None
    except ValueError as problem:
        raise Unreachable("the answer is no JSON: somebody else has answered") from problem


class Caller(ABC):
    """Sends requests and waits. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        credential: Credential | None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.credential = credential
        self.retries = retries or Retries()
        self.http = httpx.Client(base_url=base_url, timeout=timeout_s, transport=transport)

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    def call(self, operation: Operation, **given: Any) -> Any:
        """Return what an operation answers.

        Raises: Refused, Unreachable.
        """
        return content_of(self._send(operation, **given))

    def call_noting_replay(self, operation: Operation, **given: Any) -> tuple[Any, bool]:
        """Return what an operation answers, and whether its key had been used before.

        Raises: Refused, Unreachable.
        """
        response = self._send(operation, **given)
        return content_of(response), is_replay(response)

    def call_for_text(self, operation: Operation, **given: Any) -> str:
        """Return what an operation answers, as it is.

        Raises: Refused, Unreachable.
        """
        return self._send(operation, **given).text

    def _send(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        tries = 0
        while True:
            tries += 1
            request = prepared(
                operation,
                path=path or {},
                query=query or {},
                body=body,
                idempotency_key=idempotency_key,
            )
            try:
                return read(self.http.request(**request, auth=Signed(self.credential)))
            except (CreditbaseError, httpx.RequestError) as problem:
                failure = _told(problem)
                pause_s = self.retries.pause_s(
                    operation, failure, tries=tries, chance=random.random()
                )
                if pause_s is None:
                    raise failure from problem.__cause__
            threading.Event().wait(pause_s)


class AsyncCaller(ABC):
    """Sends requests and lets others run meanwhile."""

    def __init__(
        self,
        base_url: str,
        credential: Credential | None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.credential = credential
        self.retries = retries or Retries()
        self.http = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, transport=transport)

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def call(self, operation: Operation, **given: Any) -> Any:
        """Return what an operation answers.

        Raises: Refused, Unreachable.
        """
        return content_of(await self._send(operation, **given))

    async def call_noting_replay(self, operation: Operation, **given: Any) -> tuple[Any, bool]:
        """Return what an operation answers, and whether its key had been used before.

        Raises: Refused, Unreachable.
        """
        response = await self._send(operation, **given)
        return content_of(response), is_replay(response)

    async def call_for_text(self, operation: Operation, **given: Any) -> str:
        """Return what an operation answers, as it is.

        Raises: Refused, Unreachable.
        """
        return (await self._send(operation, **given)).text

    async def _send(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> httpx.Response:
        tries = 0
        while True:
            tries += 1
            request = prepared(
                operation,
                path=path or {},
                query=query or {},
                body=body,
                idempotency_key=idempotency_key,
            )
            try:
                return read(await self.http.request(**request, auth=Signed(self.credential)))
            except (CreditbaseError, httpx.RequestError) as problem:
                failure = _told(problem)
                pause_s = self.retries.pause_s(
                    operation, failure, tries=tries, chance=random.random()
                )
                if pause_s is None:
                    raise failure from problem.__cause__
            await asyncio.sleep(pause_s)


def _told(problem: CreditbaseError | httpx.RequestError) -> CreditbaseError:
    return problem if isinstance(problem, CreditbaseError) else failure_of(problem)
