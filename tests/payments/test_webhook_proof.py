"""What is taken for Stripe's, and what is not: anybody can reach the address."""

import json
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.payments.deliveries import EVENT, changed, deliver, stored_events
from tests.payments.shop import SECRET, Signed, signed

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]


def good() -> Signed:
    """Return an event that would be taken, signed just now."""
    return signed(json.dumps(EVENT))


def with_header(sent: Signed, template: str) -> Signed:
    """Return the event with another header, made of the parts of the good one."""
    stamp, proof = sent.signature.split(",")
    seconds = int(stamp.removeprefix("t="))
    return replace(sent, signature=template.format(stamp=stamp, proof=proof, later=seconds + 1))


HEADERS = {
    "none": "",
    "only a stamp": "{stamp}",
    "only a proof": "{proof}",
    "no number as stamp": "t=now,{proof}",
    "another stamp": "t={later},{proof}",
    "a stamp before the good one": "t={later},{stamp},{proof}",
    "an old scheme": "{stamp},v0{proof}",
    "a proof that is not ASCII": "{stamp},v1=é",
    "an empty proof": "{stamp},v1=",
    "half a proof": "{stamp},{proof:.20}",
    "nonsense": "é=1,,=,t",
}

BODIES = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "null": "null",
    "a number": "123",
    "a text": '"evt_1"',
    "an empty object": "{}",
    "very deep": "[" * 100_000,
    "no id": changed(id=None),
    "an id that is a path": changed(id="evt_1/../../users/ada"),
    "an id of another kind": changed(id="cus_1"),
    "a very long id": changed(id="evt_" + "x" * 251),
    "no type": changed(type=None),
    "a type that is no word": changed(type="checkout\ud800session"),
    "no livemode": changed(livemode=None),
    "no data": changed(data=None),
    "no object": changed(data={}),
    "an object that is a list": changed(data={"object": []}),
    "an object without a kind": changed(data={"object": {"id": "cs_1"}}),
    "an object whose id is a path": changed(
        data={"object": {"id": "a/b", "object": "checkout.session"}}
    ),
    "a thin event": changed(object="v2.core.event"),
}


class TestProof:
    """What is taken for Stripe's, and what is not."""

    @pytest.mark.parametrize("name", HEADERS)
    @pytest.mark.usefixtures("wire")
    def test_a_signature_that_does_not_hold_is_refused(
        self, client: FlaskClient, name: str
    ) -> None:
        """A repeat will not help, so it is 400, never 500, and nothing is stored."""
        before = stored_events()

        assert deliver(client, with_header(good(), HEADERS[name])) == 400

        assert stored_events() == before

    @pytest.mark.usefixtures("wire")
    def test_a_signature_of_something_else_is_refused(self, client: FlaskClient) -> None:
        """The bytes are signed as they came: one more, or another encoding, is a forgery."""
        sent, before = good(), stored_events()

        for raw in (sent.raw + b" ", sent.raw[:-1], b"\xff\xfe" + sent.raw):
            assert deliver(client, replace(sent, raw=raw)) == 400
        assert deliver(client, signed(json.dumps(EVENT), secret="whsec_forged")) == 400

        assert stored_events() == before

    @pytest.mark.parametrize("name", BODIES)
    @pytest.mark.usefixtures("wire")
    def test_what_is_signed_and_no_event_is_refused(
        self, client: FlaskClient, name: str
    ) -> None:
        """The SDK itself breaks on some of these, or takes them."""
        before = stored_events()

        assert deliver(client, signed(BODIES[name])) == 400

        assert stored_events() == before

    @pytest.mark.parametrize("age_s", [301, 10**6, -305, -(10**9)])
    @pytest.mark.usefixtures("wire")
    def test_a_signature_of_another_time_is_refused(
        self, client: FlaskClient, age_s: int
    ) -> None:
        """Old ones may be replayed by whoever saw them; the SDK takes any from the future."""
        before = stored_events()

        assert deliver(client, signed(json.dumps(EVENT), age_s=age_s)) == 400

        assert stored_events() == before

    @pytest.mark.parametrize("age_s", [0, 295, -295])
    @pytest.mark.usefixtures("wire")
    def test_five_minutes_of_travel_or_skew_are_taken(
        self, client: FlaskClient, age_s: int
    ) -> None:
        """Clocks differ, and networks queue."""
        event = signed(changed(id=f"evt_age{age_s + 500}", type="x.y"), age_s=age_s)

        assert deliver(client, event) == 200

    @pytest.mark.usefixtures("wire")
    def test_both_secrets_hold_while_one_is_rolled(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stripe signs with the old one for up to a day; a third one still does not hold."""
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", f" whsec_new , {SECRET},")

        statuses = [
            deliver(client, signed(changed(id=f"evt_roll{name}", type="x.y"), secret=secret))
            for name, secret in (("a", "whsec_new"), ("b", SECRET), ("c", "whsec_third"))
        ]

        assert statuses == [200, 200, 400]

    @pytest.mark.parametrize("value", ["", ",", " , "])
    @pytest.mark.usefixtures("wire")
    def test_without_a_secret_nothing_is_taken(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """Our own mistake, not a forgery: Stripe shall send it again once it is repaired."""
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", value)
        before = stored_events()

        assert deliver(client, good()) == 500
        assert deliver(client, signed(json.dumps(EVENT), secret="")) == 500

        assert stored_events() == before

    @pytest.mark.usefixtures("wire")
    def test_only_a_post_is_taken(self, client: FlaskClient) -> None:
        """No browser has any business here."""
        assert client.get("/billing/webhook").status_code == 405
        assert client.options("/billing/webhook").status_code == 405
