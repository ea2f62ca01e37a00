"""How fast, by whom it is counted, and what happens when nobody can say."""

import dataclasses
import logging
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from creditbase.kernel.errors import Unavailable
from creditbase.payments.webhook import billing_webhook
from creditbase.relay.limits import relay_limit
from creditbase.runtime import guard
from creditbase.runtime.arriving import network_of
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.doors import Door, relay_door
from creditbase.runtime.identity import Caller, CallerKind
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import Credential, RateClass, Route
from creditbase.runtime.settings import settings
from creditbase.subscriptions.paces import Plans
from dev.layout import ROOT
from tests.runtime.doubles import Greeter, serving
from tests.runtime.wiring import client_of
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]

DOOR = relay_door(Greeter())
HOLDS = "/api/v1/holds"
PAGE = ROOT / "docs" / "operating.md"
HUB_USER = Caller(kind=CallerKind.API_KEY, project_id="hub", uid="u1")


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Switch limits and lock-out on, with nothing counted yet."""
    monkeypatch.setenv("CREDITBASE_RATE_LIMITS", "on")
    monkeypatch.setenv("CREDITBASE_LOCKOUT", "on")
    _forget()
    yield monkeypatch
    _forget()


def _forget() -> None:
    settings.cache_clear()
    for each in (guard.rate_buckets, guard.strangers, guard.lockout):
        each.cache_clear()


def two_a_minute(*_: object) -> RateLimit:
    """Return a limit that is soon reached."""
    return RateLimit(2)


def unsaid(*_: object) -> RateLimit:
    """Not know, because the store does not answer."""
    raise Unavailable


def meter(door: Door = DOOR) -> FlaskClient:
    """Return a client of the meter behind a door."""
    return serving("meter", door)


def from_(address: str, key: str = "") -> dict[str, str]:
    """Return the headers of somebody at an address, which our own proxy wrote down."""
    shown = {"X-Api-Key": key} if key else {}
    return {"X-Forwarded-For": address, **shown}


class TestWhoIsCounted:
    """Nothing that a caller writes makes somebody else of it."""

    @pytest.mark.usefixtures("limited")
    def test_what_a_caller_claims_of_its_address_is_not_believed(self) -> None:
        """Only the last hop is our proxy's; the others are whatever the caller likes."""
        client = meter()

        for number in range(10):
            claimed = f"10.0.0.{number}, 203.0.113.7"
            assert client.post(HOLDS, headers=from_(claimed, "bad")).status_code == 401
        blocked = client.post(HOLDS, headers=from_("9.9.9.9, 203.0.113.7", "u1"))

        assert blocked.status_code == 429
        assert int(blocked.headers["Retry-After"]) > 800

    @pytest.mark.usefixtures("limited")
    def test_a_network_of_ipv6_is_one_address(self) -> None:
        """Whoever has one of its addresses has them all."""
        client = meter()

        for number in range(10):
            there = f"2001:db8:1:2::{number:x}"
            assert client.post(HOLDS, headers=from_(there, "bad")).status_code == 401

        assert (
            client.post(HOLDS, headers=from_("2001:db8:1:2:ffff::1", "u1")).status_code == 429
        )
        assert client.post(HOLDS, headers=from_("2001:db8:1:3::1", "u1")).status_code == 200

    def test_no_spelling_of_an_address_is_another(self) -> None:
        """Mapped, with a zone, in capitals: the same; what is none counts as it is."""
        assert network_of("::ffff:1.2.3.4") == network_of("1.2.3.4")
        assert network_of("FE80::1%eth0") == network_of("fe80::2")
        assert network_of("unknown") == "unknown"

    @pytest.mark.usefixtures("limited")
    @pytest.mark.parametrize("path", [HOLDS, f"{HOLDS}/", f"/{HOLDS}", "/holds", "/holds/"])
    def test_no_spelling_of_a_path_is_another_bucket(self, path: str) -> None:
        """The bucket is the caller's, whatever it calls."""
        client = meter(dataclasses.replace(DOOR, limit_for=two_a_minute))
        for _ in range(2):
            client.post(HOLDS, headers={"X-Api-Key": "u1"})

        assert client.post(path, headers={"X-Api-Key": "u1"}).status_code in {404, 429}
        assert client.post(HOLDS, headers={"X-Api-Key": "u1"}).status_code == 429

    def test_all_keys_of_a_user_are_one_caller(self) -> None:
        """Twenty keys are not twenty times as fast; another user's are."""
        other = dataclasses.replace(HUB_USER, key_id="k2", kind=CallerKind.FIREBASE)

        assert HUB_USER.principal() == other.principal()
        assert HUB_USER.principal() != dataclasses.replace(HUB_USER, uid="u2").principal()

    def test_a_user_calls_models_as_fast_as_its_plan_says(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At the gateway, too: there the calls are that cost money."""
        monkeypatch.setattr(
            "creditbase.relay.limits.pace_of", lambda caller: RateLimit(30, caller.uid)
        )

        assert relay_limit(HUB_USER, RateClass.METERING) == RateLimit(30, "u1")


class TestStrangers:
    """Who shows nothing."""

    def test_they_are_told_to_wait_after_a_while(self, limited: pytest.MonkeyPatch) -> None:
        """A page that is not signed in yet asks now and then; a flood is stopped."""
        limited.setenv("CREDITBASE_STRANGER_PER_MINUTE", "3")
        settings.cache_clear()
        client = meter()

        statuses = [client.post(HOLDS, headers=from_("203.0.113.9")) for _ in range(4)]

        assert [it.status_code for it in statuses] == [401, 401, 401, 429]
        assert statuses[-1].headers["Retry-After"] == "20"
        assert statuses[-1].json is not None
        assert statuses[-1].json["code"] == "RATE_LIMIT"
        assert client.post(HOLDS, headers=from_("203.0.113.10")).status_code == 401
        assert client.post(HOLDS, headers=from_("203.0.113.9", "u1")).status_code == 200

    @pytest.mark.usefixtures("limited")
    def test_a_flood_of_addresses_frees_no_caller(self) -> None:
        """What is remembered of callers is not pushed out by who has shown nothing."""
        client = meter(dataclasses.replace(DOOR, limit_for=two_a_minute))
        for _ in range(2):
            client.post(HOLDS, headers={"X-Api-Key": "u1"})

        for number in range(10_001):
            guard.strangers().take(str(number), RateLimit(60))

        assert client.post(HOLDS, headers={"X-Api-Key": "u1"}).status_code == 429


class TestNobodyCanSay:
    """The limiter's own store does not answer."""

    @pytest.mark.usefixtures("limited")
    def test_what_may_move_money_is_refused(self) -> None:
        """No charge without a limit, however long the store is away."""
        client = meter(dataclasses.replace(DOOR, limit_for=unsaid))

        answer = client.post(HOLDS, headers={"X-Api-Key": "u1"})

        assert answer.status_code == 503
        assert "Retry-After" in answer.headers

    @pytest.mark.usefixtures("limited")
    def test_a_read_passes_and_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nobody's page is dark because a limit could not be looked up."""
        client = meter(dataclasses.replace(DOOR, limit_for=unsaid))
        logging.getLogger("creditbase").addHandler(caplog.handler)

        answer = client.get(f"{HOLDS}/h1", headers={"X-Api-Key": "u1"})

        logging.getLogger("creditbase").removeHandler(caplog.handler)
        assert answer.status_code == 200
        assert "a read passes without a limit" in caplog.text

    def test_a_plan_that_is_known_is_believed_for_longer(self) -> None:
        """An old limit is a limit."""
        clock, answers = [0.0], ["pro"]

        def load(caller: Caller) -> str:
            del caller
            if not answers:
                raise Unavailable
            return answers.pop()

        known = Plans(load, monotonic=lambda: clock[0])
        assert known.find(HUB_USER) == "pro"
        clock[0] = 120

        assert known.find(HUB_USER) == "pro"
        with pytest.raises(Unavailable):
            known.find(dataclasses.replace(HUB_USER, uid="u2"))


@pytest.mark.firestore
def test_a_forged_event_costs_no_request_to_the_store(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures are looked at before anything is read, so a flood of them is cheap."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_guard")
    headers = {"Stripe-Signature": "t=1,v1=00"}

    answer = client_of(billing_webhook).post("/billing/webhook", data=b"{}", headers=headers)

    assert answer.status_code == 400
    assert wire.counts == (0, 0, 0)


# ---- the page --------------------------------------------------------------------------------

WORDS = {
    RateClass.USER: "the plan's: 10, 30 or 100 a minute, of a user",
    RateClass.SYNC: "10 a minute, of a user",
    RateClass.ADMIN: "120 a minute, of an admin",
    RateClass.RELAY: "6,000 a minute, of a project or an owner",
    RateClass.METERING: "60,000 a minute, of a project",
    RateClass.PUBLIC: "60 a minute, of an address",
    RateClass.NONE: "none: by its signature, before anything is read",
}
OF_CUSTOMERS = "of a customer's tokens 300, of the customer"
OF_USERS = "of a user of the hub the plan's"


def row_of(route: Route) -> str:
    """Return a route's line of the page."""
    said = [WORDS[route.rate_class]]
    if Credential.CUSTOMER_TOKEN in route.credentials:
        said = [OF_CUSTOMERS] if len(route.credentials) == 1 else [*said, OF_CUSTOMERS]
    if route.rate_class is RateClass.METERING and Credential.FIREBASE in route.credentials:
        said.append(OF_USERS)
    shown = ", ".join(sorted(str(it) for it in route.credentials))
    return f"| `{route.name}` | {shown} | {route.body_bytes_max:,} | {'; '.join(said)} |"


def test_the_page_has_every_route_with_its_limits() -> None:
    """What an operator reads about limits is what holds; a new route is a new line."""
    rows = {line for line in PAGE.read_text().splitlines() if line.startswith("| `")}
    rows = {row for row in rows if row.split("`")[1].split(" ")[0].isupper()}

    assert rows == {row_of(route) for route in ROUTES}
