"""Who may ask from a browser, how fast, and how often wrong."""

import dataclasses

import pytest
from flask.testing import FlaskClient

from creditbase.runtime import guard
from creditbase.runtime.doors import relay_door, webhook_door
from creditbase.runtime.limits import RateLimit
from tests.runtime.doubles import Greeter, serving

DOOR = relay_door(Greeter())
KEY = {"X-Api-Key": "u1"}
HOLDS = "/api/v1/holds"


@pytest.fixture(autouse=True)
def fresh_limits(fresh_settings: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Start every test with empty buckets, nobody blocked, and limits off."""
    fresh_settings.setenv("CREDITBASE_RATE_LIMITS", "off")
    fresh_settings.setenv("CREDITBASE_LOCKOUT", "off")
    fresh_settings.setenv("CREDITBASE_ALLOWED_ORIGINS", "https://app.example")
    guard.rate_buckets.cache_clear()
    guard.lockout.cache_clear()
    return fresh_settings


@pytest.fixture
def meter() -> FlaskClient:
    """Return a client of the metering function, which echoes."""
    return serving("meter", DOOR)


class TestCors:
    """Browsers of named origins, and no others."""

    @pytest.mark.parametrize(
        ("origin", "is_allowed"),
        [
            ("https://app.example", True),
            ("https://app.example.evil.example", False),
            ("http://app.example", False),
            ("https://app.example:444", False),
            ("null", False),
            ("", False),
            ("*", False),
        ],
    )
    def test_only_listed_origins_may_read_answers(
        self, meter: FlaskClient, origin: str, is_allowed: bool
    ) -> None:
        """Errors too, or a page could not show why it failed."""
        for headers in (KEY, {}):
            answer = meter.post(HOLDS, headers={**headers, "Origin": origin})

            assert answer.headers.get("Access-Control-Allow-Origin") == (
                origin if is_allowed else None
            )
            assert "Origin" in answer.headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in answer.headers

    def test_a_preflight_of_a_listed_origin_is_answered(self, meter: FlaskClient) -> None:
        """All headers that our clients send, and the methods that the path has."""
        answer = meter.options(HOLDS, headers={"Origin": "https://app.example"})

        allowed = answer.headers["Access-Control-Allow-Headers"]
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
        for name in ("authorization", "content-type", "x-firebase-appcheck", "x-api-key"):
            assert name in allowed
        assert "*" not in allowed

    def test_a_preflight_of_another_origin_allows_nothing(self, meter: FlaskClient) -> None:
        """The browser then does not send the request."""
        answer = meter.options(HOLDS, headers={"Origin": "https://evil.example"})

        assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []

    def test_a_page_may_read_what_it_needs_for_a_retry(self, meter: FlaskClient) -> None:
        """Without exposure a page sees neither `Retry-After` nor the request id."""
        answer = meter.post(HOLDS, headers={**KEY, "Origin": "https://app.example"})

        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"Retry-After", "X-Request-Id", "Idempotent-Replayed"} <= set(
            exposed.split(", ")
        )

    def test_the_webhook_is_not_for_browsers(self) -> None:
        """No preflight, no origin."""
        client = serving("billing_webhook", webhook_door())
        headers = {"Origin": "https://app.example"}

        assert client.options("/", headers=headers).status_code == 405
        assert "Access-Control-Allow-Origin" not in client.post("/", headers=headers).headers


class TestLimits:
    """How fast, and how often wrong."""

    def test_beyond_the_limit_the_caller_is_told_when_to_come_again(
        self, fresh_limits: pytest.MonkeyPatch
    ) -> None:
        """The limit is per user: another one is still served."""
        fresh_limits.setenv("CREDITBASE_RATE_LIMITS", "on")
        client = serving(
            "meter", dataclasses.replace(DOOR, limit_for=lambda *_: RateLimit(2, "free"))
        )

        statuses = [client.post(HOLDS, headers=KEY).status_code for _ in range(3)]
        refused = client.post(HOLDS, headers=KEY)

        assert statuses == [200, 200, 429]
        assert refused.headers["Retry-After"] == "30"
        assert (refused.json["code"], refused.json["plan"]) == ("RATE_LIMIT", "free")  # type: ignore[index]
        assert client.post(HOLDS, headers={"X-Api-Key": "u2"}).status_code == 200

    def test_ten_wrong_credentials_block_an_address_and_no_other(
        self, fresh_limits: pytest.MonkeyPatch
    ) -> None:
        """Guessing keys is stopped, though the guess after the block were right."""
        fresh_limits.setenv("CREDITBASE_LOCKOUT", "on")
        client = serving("meter", DOOR)

        def ask(key: str, address: str) -> int:
            headers = {"X-Api-Key": key, "X-Forwarded-For": f"6.6.6.6, {address}"}
            return client.post(HOLDS, headers=headers).status_code

        assert [ask("bad", "1.2.3.4") for _ in range(10)] == [401] * 10
        assert ask("u1", "1.2.3.4") == 429
        assert ask("u1", "1.2.3.5") == 200

    def test_showing_nothing_is_not_guessing(self, fresh_limits: pytest.MonkeyPatch) -> None:
        """A page that is not signed in yet must not block its whole office."""
        fresh_limits.setenv("CREDITBASE_LOCKOUT", "on")
        client = serving("meter", DOOR)

        assert {client.post(HOLDS).status_code for _ in range(15)} == {401}
