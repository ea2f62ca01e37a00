"""`POST /billing/redeem` over HTTP: what a code gives, once, and what a wrong one tells."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from creditbase.admin.domain.vouchers import code_digest
from creditbase.admin.vouchers import disable_voucher
from creditbase.hub.usage import usage_me
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import ChangeTerms
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import firestore
from creditbase.runtime.arriving import network_of
from tests.hub.redeeming import Counter, Person, kept, uses_of
from tests.relay.desk import CREDIT, NOON
from tests.runtime.wiring import client_of
from tests.wire import FAULTS, Wire

pytestmark = pytest.mark.firestore


class TestRedeeming:
    """A good code."""

    def test_a_newcomer_gets_the_credits_at_once(self, counter: Counter) -> None:
        """The shape of hub-api 5.6; the account is made on the way, its balance is fresh."""
        person = counter.person()

        answer = counter.redeem(person, counter.voucher(credits=500))

        assert answer.status_code == 200
        body: dict[str, Any] = answer.json or {}
        assert body.pop("redemption_id").startswith("red_")
        assert body == {
            "status": "redeemed",
            "credits_granted": 500,
            "topup_balance": 500,
            "monthly_credits_remaining": 500,
        }
        usage = client_of(usage_me).get("/usage/me", headers=counter.signer.headers(person.uid))
        assert usage.json is not None
        assert (usage.json["topup_balance"], usage.headers["X-Cache"]) == (500, "HIT")

    def test_case_and_spaces_around_do_not_matter(self, counter: Counter) -> None:
        """It is typed from a slip of paper."""
        code = counter.voucher()

        assert counter.redeem(counter.person(), f"  {code.swapcase()}\t").status_code == 200

    def test_once_for_each_user_however_often_it_is_typed(self, counter: Counter) -> None:
        """Otherwise a code is a tap."""
        code, person, other = counter.voucher(), counter.person(), counter.person()

        statuses = [counter.redeem(person, typed).status_code for typed in (code, code.upper())]

        assert statuses == [200, 409]
        assert counter.redeem(other, code).status_code == 200
        assert counter.granted(person) == counter.granted(other) == [500 * CREDIT]
        assert uses_of(code) == (0, 2)

    def test_whoever_has_used_it_is_told_so_whatever_became_of_it(
        self, counter: Counter
    ) -> None:
        """To call it invalid would send them to support."""
        code = counter.voucher(max_uses=1, expires_at=NOON + timedelta(days=1))
        person = counter.person()
        counter.redeem(person, code)

        disable_voucher(code, now=NOON)
        counter.pass_on(days=2)
        answer = counter.redeem(person, code)

        assert answer.json is not None
        assert (answer.status_code, answer.json["code"]) == (409, "VOUCHER_ALREADY_REDEEMED")

    def test_each_redemption_has_an_id_that_does_not_give_the_code_away(
        self, counter: Counter
    ) -> None:
        """It is quoted to support; a code in an e-mail would be money in an e-mail."""
        code = counter.voucher()

        ids = [
            (counter.redeem(counter.person(), code).json or {})["redemption_id"]
            for _ in range(2)
        ]

        assert ids[0] != ids[1]
        assert code_digest(code)[:24] not in str(ids)

    def test_credits_may_end_some_days_after_redeeming(self, counter: Counter) -> None:
        """Half-open, as every span."""
        person = counter.person()
        counter.redeem(person, counter.voucher(credits=7, credits_expire_days=30))

        def topups() -> int:
            headers = counter.signer.headers(person.uid)
            found = client_of(usage_me).get("/usage/me", headers=headers).json
            assert found is not None
            left: int = found["topup_balance"]
            return left

        counter.clock.at = NOON + timedelta(days=30, microseconds=-1)
        assert topups() == 7
        counter.clock.at = NOON + timedelta(days=30)
        assert topups() == 0

    def test_the_callable_does_the_same(self, counter: Counter) -> None:
        """`httpsCallable(functions, "billing_redeem")({code})`."""
        person, code = counter.person(), counter.voucher()
        headers = counter.signer.headers(person.uid)
        body = {"data": {"code": code}}

        first = counter.client.post("/", headers=headers, json=body)
        second = counter.client.post("/", headers=headers, json=body)

        assert first.json is not None
        assert first.json["result"]["credits_granted"] == 500
        assert second.json is not None
        assert second.json["error"]["status"] == "ALREADY_EXISTS"
        assert second.json["error"]["details"]["code"] == "VOUCHER_ALREADY_REDEEMED"

    def test_it_costs_two_commits_of_the_voucher_and_the_wallet(
        self, counter: Counter, wire: Wire
    ) -> None:
        """The tries, the user, the voucher, its slots, the use, the wallet, the grant."""
        person, code = counter.person(), counter.voucher(max_uses=3)
        client_of(usage_me).get("/usage/me", headers=counter.signer.headers(person.uid))
        lanes.cache_clear()
        wire.reset()

        counter.redeem(person, code)

        assert [(rpc.name[:6], rpc.reads, rpc.writes) for rpc in wire.rpcs] == [
            ("BatchG", 2, 0),
            ("Commit", 0, 2),
            ("BatchG", 1, 0),
            ("BatchG", 2, 0),
            ("BatchG", 3, 0),
            ("Commit", 0, 2),
            ("BatchG", 2, 0),
            ("Commit", 0, 3),
        ]


class TestWrongCodes:
    """Nobody learns why."""

    def test_every_reason_has_the_same_answer_and_costs_no_use(self, counter: Counter) -> None:
        """No oracle: whoever guesses learns nothing from a near miss (hub-api 5.6)."""
        hour = timedelta(hours=1)
        used_up, disabled = counter.voucher(max_uses=1), counter.voucher()
        counter.redeem(counter.person(), used_up)
        disable_voucher(disabled, now=NOON)
        codes = {
            "unknown": "WELCOME-500",
            "not yet": counter.voucher(starts_at=NOON + timedelta(microseconds=1)),
            "no longer": counter.voucher(starts_at=NOON - hour, expires_at=NOON),
            "used up": used_up,
            "known to be used up": used_up,
            "disabled": disabled,
            "another plan": counter.voucher(plans=("guru", "pro")),
        }

        answers = {why: counter.redeem(counter.person(), code) for why, code in codes.items()}

        bodies = [{**(answer.json or {}), "request_id": ""} for answer in answers.values()]
        assert {answer.status_code for answer in answers.values()} == {404}
        assert all(body == bodies[0] for body in bodies)
        assert bodies[0]["code"] == "INVALID_VOUCHER"
        headers = [{name for name, _ in answer.headers} for answer in answers.values()]
        assert all(names == headers[0] for names in headers)
        assert uses_of(codes["another plan"]) == (0, 0)

    def test_a_window_is_half_open(self, counter: Counter) -> None:
        """From its start on, and no more at its end."""
        code = counter.voucher(starts_at=NOON, expires_at=NOON + timedelta(hours=1))
        statuses = []
        for offset in (-1, 0, 3_599_999_999, 3_600_000_000):
            counter.clock.at = NOON + timedelta(microseconds=offset)
            statuses.append(counter.redeem(counter.person(), code).status_code)

        assert statuses == [404, 200, 200, 404]

    def test_a_plan_is_the_one_of_the_wallet(self, counter: Counter) -> None:
        """Read where it is decided, so that an upgrade counts at once."""
        code, person = counter.voucher(plans=("pro",)), counter.person()
        assert counter.redeem(person, code).status_code == 404
        span = Window(NOON, NOON + timedelta(days=30))
        counter.wallet(person).run(ChangeTerms(Terms("pro", window="period"), span))

        assert counter.redeem(person, code).status_code == 200

    @pytest.mark.parametrize("code", [None, 7, "", "   ", "x" * 65, "a\nb", ["x"]])
    def test_what_is_no_code_is_refused_and_is_no_try(
        self, counter: Counter, wire: Wire, code: object
    ) -> None:
        """A slip of the page's own costs its user nothing."""
        answer = counter.ask(counter.person(), {"code": code})

        assert answer.json is not None
        assert (answer.status_code, answer.json["field"]) == (400, "code")
        assert wire.counts == (0, 0, 0)

    def test_a_key_may_not_redeem(self, counter: Counter) -> None:
        """A browser's act: App Check slows whoever guesses."""
        answer = counter.client.post("/", headers={"X-Api-Key": "inf_x"}, json={"code": "x"})

        assert answer.status_code == 401

    def test_no_code_is_ever_logged_or_stored(
        self, counter: Counter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whoever reads our logs or documents must not be able to redeem."""
        caplog.set_level(logging.DEBUG)
        good, wrong, person = counter.voucher(), "Wrong-Code-1", counter.person()

        for code in (good, wrong):
            counter.redeem(person, code)

        said = " ".join(str(record.__dict__) for record in caplog.records).casefold()
        kept_fields = str([kept(good), counter.wallet(person).entries()]).casefold()
        for code in (good.casefold(), wrong.casefold()):
            assert code not in said
            assert code not in kept_fields


class TestTries:
    """Five an hour, for all processes together."""

    def test_the_sixth_try_of_a_user_waits(self, counter: Counter) -> None:
        """Wherever it comes from; a good code does not help."""
        person = counter.person()
        places = [Person(person.uid, counter.person().address) for _ in range(6)]

        statuses = [counter.redeem(place, "wrong").status_code for place in places[:5]]
        answer = counter.redeem(places[5], counter.voucher())

        assert statuses == [404] * 5
        assert answer.status_code == 429
        assert answer.json is not None
        assert answer.json["code"] == "RATE_LIMITED"
        assert 3_500 < answer.json["retry_after"] <= 3_600
        assert answer.headers["Retry-After"] == str(answer.json["retry_after"])

    def test_the_sixth_try_from_an_address_waits(self, counter: Counter) -> None:
        """Accounts are free, addresses less so."""
        address = counter.person().address
        people = [counter.person(address=address) for _ in range(6)]

        statuses = [counter.redeem(person, "wrong").status_code for person in people]

        assert statuses == [404] * 5 + [429]
        assert not firestore.get_all([f"users/{people[5].uid}"])[0].exists

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("", ""),
            ("unknown", "unknown"),
        ],
    )
    def test_a_whole_home_network_counts_as_one_address(
        self, address: str, network: str
    ) -> None:
        """Whoever has one IPv6 address has quintillions."""
        assert network_of(address) == network

    def test_where_the_store_does_not_answer_nobody_may_try(
        self, counter: Counter, wire: Wire
    ) -> None:
        """Closed, not open: an outage must not be the hour of the guessers."""
        person, code = counter.person(), counter.voucher()
        wire.reset()
        wire.faults[0] = FAULTS["lost_request"]

        answer = counter.redeem(person, code)

        assert answer.status_code == 500
        assert int(answer.headers["Retry-After"]) > 0
        assert wire.counts[0] == 1
        assert uses_of(code) == (0, 0)

    def test_the_setting_switches_it_off(
        self, counter: Counter, fresh_settings: pytest.MonkeyPatch
    ) -> None:
        """For a stand at a fair, where everybody has one address."""
        fresh_settings.setenv("CREDITBASE_REDEEM_LIMIT", "off")
        person = counter.person()

        assert {counter.redeem(person, "wrong").status_code for _ in range(7)} == {404}
