"""HTTP: the one decorator around every endpoint, and what it gives and takes.

A request passes: id and trace, CORS, path and method, body (bounded), protocol, lock-out,
identity, rate limit, parse errors, card numbers, the operation. Whatever happens on the way,
the answer is in the door's dialect, has a request id, may not be cached, and makes one line
in the log.

A door that speaks the callable protocol takes a POST whose body is a JSON object with the
single key `data`. The value is the body of the operation. A callable has no verb: where a
path has one route it is that one; where it has several, no argument (null) means GET and an
argument means POST. What cannot be parsed gets the plain HTTP error.
"""

import functools
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from firebase_functions import https_fn, params
from flask import Request, Response
from werkzeug.datastructures import Headers

from creditbase.kernel.errors import (
    BillingError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from creditbase.kernel.records import dataclass
from creditbase.runtime import cors, guard, log
from creditbase.runtime.answering import answering
from creditbase.runtime.arriving import client_address, raw_path, request_id
from creditbase.runtime.authorization import routes_of
from creditbase.runtime.bodies import Json, parse_object, read_body
from creditbase.runtime.cards import refuse_cards
from creditbase.runtime.clock import now
from creditbase.runtime.doors import Door, Refusal
from creditbase.runtime.identity import Caller
from creditbase.runtime.routes import Match, Route, match_path
from creditbase.runtime.settings import (
    PAYMENTS_WARM,
    REGION,
    STRIPE_SECRET_KEY,
    Secret,
)
from creditbase.runtime.streams import Stream, Written

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one instance of a function gets. Concurrency never exceeds the server's threads."""

    memory_mb: int = 512
    concurrency: int = 40
    timeout_s: int = 60
    warm: params.IntParam | None = None
    """How many are kept running unasked; of who waits for Stripe it is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as an operation sees it: proved, bounded and parsed."""

    route: Route
    caller: Caller
    now: datetime
    """When business happens: read once, for the whole request."""
    request_id: str
    body: Json
    """The JSON body; of a GET or DELETE its query, each name once; empty for a raw route."""
    path: Mapping[str, str]
    """The variables of the route's path."""
    headers: Headers
    raw: bytes = field(default=b"", repr=False)
    """The bytes as they came, for a route whose signature covers them."""
    address: str = field(default="", repr=False)
    """Where the request came from, as our own proxies saw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an operation answers. Without a body, and without a stream, the answer is empty."""

    body: Mapping[str, object] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None


Operation = Callable[[Call], Reply]
Endpoint = Callable[[Request], Response]


def endpoint(
    function: str,
    *,
    door: Door,
    secrets: Sequence[Secret] = (),
    resources: Resources | None = None,
) -> Callable[[Operation], Endpoint]:
    """Make an operation a Cloud Function that serves the rows of the authorization table.

    Raises:
        LookupError: the table has no row for this function, or names another door or
            function: an unlisted endpoint must not start.
    """
    routes = routes_of(function)
    if any(route.door is not door.name for route in routes):
        raise LookupError(f"{function} is listed for another door than {door.name}")
    size = resources or Resources()
    asks_stripe = STRIPE_SECRET_KEY in secrets and door.answered_within_s is not None

    def decorate(operation: Operation) -> Endpoint:
        if operation.__name__ != function:
            raise LookupError(f"{operation.__name__} cannot be deployed as {function}")

        @functools.wraps(operation)
        def serve(request: Request) -> Response:
            log.configure()
            return _Exchange(door, routes, request).answer(operation)

        made: Endpoint = https_fn.on_request(
            region=REGION,
            cpu=1,
            memory=size.memory_mb,
            concurrency=size.concurrency,
            timeout_sec=size.timeout_s,
            min_instances=PAYMENTS_WARM if asks_stripe else size.warm,
            secrets=[secret.name for secret in secrets],
            invoker="public",
        )(serve)
        return made

    return decorate


class _Exchange:
    """One request on its way through, with what is known of it so far."""

    def __init__(self, door: Door, routes: tuple[Route, ...], request: Request) -> None:
        self._door = door
        self._routes = routes
        self._request = request
        self._request_id = request_id(request, door.given_request_id_header)
        self._is_callable = False
        self._here: tuple[Route, ...] = ()
        self._route: Route | None = None
        self._caller: Caller | None = None
        self._stream: Stream | None = None

    def answer(self, operation: Operation) -> Response:
        """Run the operation and return its answer, or the refusal, in the door's dialect."""
        started_ns = time.monotonic_ns()
        trace = log.trace_fields(self._request.headers.get("X-Cloud-Trace-Context", ""))
        fields = {"request_id": self._request_id, **trace}
        with log.fields(**fields), answering(within_s=self._door.answered_within_s):
            code = ""
            try:
                response = self._run(operation)
            except BillingError as error:
                refusal = self._door.refuse(error)
                code = refusal.code
                response = self._refused(refusal, error)
            except Exception:
                # The one border where a bug becomes an answer: nothing of it is shown.
                logger.exception("the operation failed")
                code = self._door.bug.code
                response = self._refused(self._door.bug, None)
            self._seal(response)
            if self._stream is None:
                self._log(response.status_code, code, started_ns)
            else:
                response.response = Written(
                    self._stream, fields, lambda said: self._log(200, said, started_ns)
                )
            return response

    # ---- the way in ------------------------------------------------------------------------

    def _run(self, operation: Operation) -> Response:
        match = match_path(self._routes, self._request.path, raw_path=raw_path(self._request))
        if match is None:
            raise NotFound("There is nothing at this path")
        self._here = match.routes
        if self._request.method == "OPTIONS" and self._door.admits_browsers:
            return self._preflight(match)
        raw = self._read(match)
        body, broken = self._parse(raw)
        route = self._choose(match, body)
        self._route = route
        address = client_address(self._request)
        self._caller = guard.identify(self._door, route, self._request.headers, address)
        guard.check_pace(self._door, route, self._caller)
        if broken is not None:
            raise broken
        asked = self._operation_body(body, route)
        if not route.holds_prompt:
            refuse_cards(asked)
        call = Call(
            route=route,
            caller=self._caller,
            now=now(),
            request_id=self._request_id,
            body=asked,
            path=match.path,
            headers=self._request.headers,
            raw=b"" if self._door.reads_json else raw,
            address=address,
        )
        return self._replied(operation(call))

    def _preflight(self, match: Match) -> Response:
        origin = self._request.headers.get("Origin", "")
        headers = cors.preflight_headers(
            origin,
            match.methods(),
            is_admitted=self._door.admits(origin, match.routes, None),
            asked=self._request.headers.get("Access-Control-Request-Headers", ""),
        )
        return Response(status=204, headers=headers)

    def _read(self, match: Match) -> bytes:
        if self._request.method not in METHODS_WITH_BODY:
            return b""
        limit_bytes = max(route.body_bytes_max for route in match.routes)
        return read_body(self._request, limit_bytes=limit_bytes)

    def _parse(self, raw: bytes) -> tuple[Json, InvalidRequest | None]:
        """Return the body, or what is wrong with it: said only to callers who are known."""
        if not self._door.reads_json or self._request.method == "DELETE":
            return {}, None
        try:
            body = parse_object(raw)
        except InvalidRequest as broken:
            return {}, broken
        self._is_callable = (
            self._door.speaks_callable
            and self._request.method == "POST"
            and body.keys() == {"data"}
        )
        return body, None

    def _choose(self, match: Match, body: Json) -> Route:
        method = "GET" if self._request.method == "HEAD" else self._request.method
        if self._is_callable:
            if len(match.routes) == 1:
                return match.routes[0]
            method = "GET" if body["data"] is None else "POST"
        route = match.row(method)
        if route is None:
            raise MethodNotAllowed(allowed=match.methods())
        return route

    def _operation_body(self, body: Json, route: Route) -> Json:
        if self._is_callable:
            inner = body["data"]
            if inner is None:
                return {}
            if not isinstance(inner, dict):
                raise InvalidRequest("The data of a callable must be an object or null")
            return inner
        if route.method not in {"GET", "DELETE"}:
            return body
        pairs = list(self._request.args.items(multi=True))
        if len(pairs) != len(self._request.args):
            raise InvalidRequest("A query parameter occurs twice")
        return dict(pairs)

    # ---- the way out -----------------------------------------------------------------------

    def _replied(self, reply: Reply) -> Response:
        if self._is_callable:
            if reply.stream is not None:
                reply.stream.close()
                raise InvalidRequest("A callable has one JSON answer; ask over plain HTTP")
            return _json({"result": reply.body}, 200, reply.headers)
        if reply.stream is not None:
            assert reply.status == 200
            self._stream = reply.stream
            kind = reply.stream.content_type
            return Response(headers=dict(reply.headers), content_type=kind)
        if reply.body is None:
            return Response(status=reply.status, headers=dict(reply.headers))
        return _json(reply.body, reply.status, reply.headers)

    def _refused(self, refusal: Refusal, error: BillingError | None) -> Response:
        if refusal.status >= 500 and error is not None:
            logger.error("the request was not served", exc_info=error)
        headers: dict[str, str] = {}
        if refusal.retry_after_s is not None:
            headers["Retry-After"] = str(refusal.retry_after_s)
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(error.allowed)
        if refusal.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self._is_callable:
            return _json(_callable_error(refusal, self._request_id), refusal.status, headers)
        write = self._door.bodies.get(self._here[0].path if self._here else "", self._door.body)
        return _json(write(refusal, self._request_id), refusal.status, headers)

    def _seal(self, response: Response) -> None:
        """Add what every answer has, also an error."""
        for name in self._door.request_id_headers:
            response.headers[name] = self._request_id
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        if self._door.admits_browsers and self._request.method != "OPTIONS":
            origin = self._request.headers.get("Origin", "")
            is_admitted = bool(origin) and self._door.admits(origin, self._here, self._caller)
            response.headers.extend(cors.answer_headers(origin, is_admitted=is_admitted))

    def _log(self, status: int, code: str, started_ns: int) -> None:
        level = logging.INFO
        if status >= 400:
            level = logging.WARNING if status < 500 else logging.ERROR
        extra: dict[str, object] = {
            "function": self._routes[0].function,
            "route": self._route.name if self._route else "",
            "method": self._request.method,
            "status": status,
            "code": code,
            "duration_ms": (time.monotonic_ns() - started_ns) // 1_000_000,
            "is_callable": self._is_callable,
        }
        if self._caller is not None:
            extra["caller_kind"] = str(self._caller.kind)
            extra["caller"] = self._caller.trace_name()
            extra["tenant"] = self._caller.project_id
        logger.log(level, "request", extra=extra)


def _callable_error(refusal: Refusal, request_id: str) -> Json:
    return {
        "error": {
            "status": refusal.callable_status,
            "message": refusal.message,
            "details": {
                "code": refusal.code,
                "http_status": refusal.status,
                "request_id": request_id,
                **refusal.facts,
            },
        }
    }


def _json(body: Mapping[str, object], status: int, headers: Mapping[str, str]) -> Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Response(text, status=status, headers=dict(headers), content_type="application/json")
