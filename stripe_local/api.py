"""One API request from its bytes to its answer: key, parameters, idempotency, execution."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from stripe_local.events import Cause
from stripe_local.faults import Fault
from stripe_local.idempotency import Remembered, fingerprint_of
from stripe_local.ids import new_request_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.routes import expanders_of, find_endpoint
from stripe_local.wire.errors import ApiError, RateLimited, ServerFailed, Unauthenticated
from stripe_local.wire.expansion import expanded, shortened
from stripe_local.wire.forms import Tree, parse_form
from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.wire.parameters import Parameters, Reader
from stripe_local.wire.resource import Resource
from stripe_local.world import World


@dataclass(frozen=True)
class ApiRequest:
    """A request as it came in. The names of headers are in lower case."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def form(self) -> str:
        """Return the parameters: of a POST the body, of anything else the query."""
        return self.body.decode(errors="replace") if self.method == "POST" else self.query


@dataclass(frozen=True)
class Answer:
    """What goes back; or what would have, had a fault not been ordered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: Literal["reset", "hang"] | None = None
    lost_for_s: float = 0.0


@dataclass(frozen=True)
class _Task:
    """A request that was understood: what remains is to execute it."""

    endpoint: Endpoint
    object_id: str
    tree: Tree
    params: Parameters
    cause: Cause


def answer(world: World, request: ApiRequest) -> Answer:
    """Return the answer to a request, and note it in the transcript."""
    given = _answer(world, request)
    world.transcript.note_answer(f"{request.method} {request.path}", given.status, given.body)
    return given


def _answer(world: World, request: ApiRequest) -> Answer:
    request_id = new_request_id()
    fault = world.faults.take(request.method, request.path)
    headers = {"Request-Id": request_id, "Stripe-Version": _version(request) or API_VERSION}
    key = _key(request)
    if key is not None:
        headers |= {"Idempotency-Key": key, "Original-Request": request_id}
    if fault is not None and fault.outcome == "rate_limit":
        return Answer(429, _rate_limit(request_id), {**headers, **_limits(fault)})
    if fault is not None and fault.outcome == "lock_timeout":
        again = {"Stripe-Should-Retry": "true"}
        return Answer(429, _lock_timeout(request_id), {**headers, **again})
    if fault is not None and fault.moment == "before" and fault.outcome != "slow":
        return _struck(fault, Answer(500, _server_failure(request_id), headers))
    try:
        task = _understand(request, Cause(request_id, key))
        given = _execute_once(world, task, request, fault)
    except ApiError as refusal:
        given = Answer(refusal.status, _bytes(refusal.envelope(request_id)))
    given = replace(given, headers={**headers, **given.headers})
    return given if fault is None else _struck(fault, given)


def _understand(request: ApiRequest, cause: Cause) -> _Task:
    """Check everything that can be checked without touching an object."""
    _authenticate(request.headers.get("authorization", ""))
    endpoint, object_id = find_endpoint(request.method, request.path)
    tree = parse_form(request.form)
    reader = Reader(
        endpoint.parameters,
        endpoint.imitated,
        is_strict=_version(request) == API_VERSION,
        removed=endpoint.removed,
    )
    return _Task(endpoint, object_id, tree, reader.read(tree), cause)


def _execute_once(
    world: World, task: _Task, request: ApiRequest, fault: Fault | None
) -> Answer:
    """Execute a request, or return what the first request with its key was answered."""
    key = task.cause.idempotency_key
    request_id = task.cause.request_id or ""
    if key is None:
        return _failing_after(fault, _execute(world, task, fault), request_id)
    earlier = world.keys.claim(key, fingerprint_of(request.method, request.path, task.tree))
    if earlier is not None:
        replayed = {"Idempotent-Replayed": "true", "Original-Request": earlier.request_id}
        return Answer(earlier.status, earlier.body, replayed)
    try:
        given = _failing_after(fault, _execute(world, task, fault), request_id)
        world.keys.remember(key, Remembered(given.status, given.body, request_id))
    finally:
        world.keys.release(key)
    return given


def _execute(world: World, task: _Task, fault: Fault | None) -> Answer:
    """Execute a request under the account's lock.

    Raises:
        ApiError: a refusal that no idempotency key remembers.
    """
    if fault is not None and fault.outcome == "slow":
        world.faults.dawdle(fault)
    account = world.account
    call = Call(account, task.object_id, task.params, task.cause)
    with account.lock:
        account.let_pass()
        try:
            found = task.endpoint.run(call)
        except ApiError as refusal:
            if not refusal.is_remembered:
                raise
            return Answer(refusal.status, _bytes(refusal.envelope(task.cause.request_id or "")))
        shown = expanded(found, task.params.get("expand", []), expanders_of(account))
        return Answer(200, _bytes(shortened(shown)))


def _failing_after(fault: Fault | None, given: Answer, request_id: str) -> Answer:
    """Turn the answer into a server error where one was ordered; the deed is done."""
    if fault is None or fault.outcome != "error":
        return given
    return Answer(500, _server_failure(request_id), {"Stripe-Should-Retry": "false"})


def _struck(fault: Fault, given: Answer) -> Answer:
    """Mark an answer that will not arrive."""
    if fault.outcome in {"reset", "hang"}:
        return replace(given, lost=fault.outcome, lost_for_s=fault.seconds)
    return given


def _authenticate(authorization: str) -> None:
    scheme, _, credentials = authorization.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        key = _user_of(key)
    if not key:
        raise Unauthenticated(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY')."
        )
    if not key.startswith("sk_test_"):
        what = "a live key" if key.startswith("sk_live_") else "an invalid key"
        raise Unauthenticated(
            f"Invalid API Key provided: {what}. The local Stripe takes any key that starts "
            "with 'sk_test_', and no other."
        )


def _user_of(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _version(request: ApiRequest) -> str:
    return request.headers.get("stripe-version", "")


def _key(request: ApiRequest) -> str | None:
    """Return the idempotency key. Only a POST has one: GET and DELETE need none."""
    return request.headers.get("idempotency-key") or None if request.method == "POST" else None


def _rate_limit(request_id: str) -> bytes:
    refusal = RateLimited(
        "Request rate limit exceeded. Learn more about rate limits here "
        "https://stripe.com/docs/rate-limits.",
        code="rate_limit",
    )
    return _bytes(refusal.envelope(request_id))


def _lock_timeout(request_id: str) -> bytes:
    refusal = RateLimited(
        "This object cannot be accessed right now because another API request or Stripe "
        "process is currently accessing it. If you see this error intermittently, retry the "
        "request. If you see this error frequently and are making multiple concurrent requests "
        "to a single object, make your requests serially or at a lower rate.",
        code="lock_timeout",
    )
    return _bytes(refusal.envelope(request_id))


def _limits(fault: Fault) -> dict[str, str]:
    """Return what a 429 says of its reason, and of when to try again."""
    headers = {"Stripe-Rate-Limited-Reason": "global-rate"}
    if fault.retry_after_s is not None:
        headers["Retry-After"] = str(fault.retry_after_s)
    return headers


def _server_failure(request_id: str) -> bytes:
    return _bytes(
        ServerFailed(
            "An unknown error occurred. (The local Stripe was told to fail.)"
        ).envelope(request_id)
    )


def _bytes(resource: Resource) -> bytes:
    return json.dumps(resource, ensure_ascii=False).encode()
