"""How fast a hub user may go: by plan, and a plan is asked for once a minute."""

import dataclasses

import pytest

from creditbase.hub.door import HUB
from creditbase.hub.limits import limit_for
from creditbase.runtime import guard
from creditbase.runtime.identity import Caller, CallerKind
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import RateClass
from creditbase.subscriptions.paces import Plans, find_plan, plans
from tests.hub.conftest import a_user
from tests.runtime.doubles import Greeter, serving
from tests.runtime.signing import Signer

USER = Caller(kind=CallerKind.FIREBASE, project_id="p", uid="u1")


def test_a_plan_is_believed_for_a_minute_and_not_longer() -> None:
    """One read a minute for each active user, at most; an upgrade counts soon."""
    clock, asked = [0.0], ["free", "pro"]
    known = Plans(lambda _: asked.pop(0), monotonic=lambda: clock[0])

    first = known.find(USER)
    clock[0] = 59.9
    second = known.find(USER)
    clock[0] = 60.0
    third = known.find(USER)

    assert (first, second, third) == ("free", "free", "pro")


@pytest.mark.parametrize(
    ("plan", "per_minute"), [("free", 10), ("guru", 30), ("pro", 100), ("unheard-of", 10)]
)
def test_each_plan_has_its_rate(
    monkeypatch: pytest.MonkeyPatch, plan: str, per_minute: int
) -> None:
    """Ten, thirty, a hundred a minute; syncs are ten for everybody."""
    plans.cache_clear()
    monkeypatch.setattr("creditbase.subscriptions.paces.find_plan", lambda _: plan)

    assert limit_for(USER, RateClass.USER) == RateLimit(per_minute, plan)
    assert limit_for(USER, RateClass.SYNC) == RateLimit(10, plan)
    assert limit_for(USER, RateClass.NONE) is None
    plans.cache_clear()


@pytest.mark.firestore
def test_a_user_without_a_balance_yet_is_on_the_free_plan(signer: Signer) -> None:
    """Limits hold from the very first request, and make nothing."""
    known = Caller(kind=CallerKind.FIREBASE, project_id="p", uid=a_user())

    assert find_plan(USER) == find_plan(known) == "free"


def test_over_both_protocols_the_limit_is_one(fresh_settings: pytest.MonkeyPatch) -> None:
    """The eleventh request of a free user in a minute is refused, with seconds and plan."""
    fresh_settings.setenv("CREDITBASE_RATE_LIMITS", "on")
    guard.rate_buckets.cache_clear()
    door = dataclasses.replace(
        HUB, authenticator=Greeter(), limit_for=lambda *_: RateLimit(10, "free")
    )
    client = serving("usage_me", door)
    headers = {"X-Api-Key": "u1"}

    for _ in range(5):
        assert client.get("/usage/me", headers=headers).status_code == 200
        assert client.post("/", headers=headers, json={"data": None}).status_code == 200
    plain = client.get("/usage/me", headers=headers)
    called = client.post("/", headers=headers, json={"data": None})

    assert plain.json is not None
    assert called.json is not None
    assert (plain.status_code, plain.json["retry_after"]) == (429, 6)
    assert plain.json["plan"] == "free"
    assert plain.headers["Retry-After"] == "6"
    assert called.json["error"]["details"]["retry_after"] == 6
