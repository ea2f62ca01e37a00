"""A call's price is the customer's tier's: allowed models, markups, budgets, and quotes."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.use_cases import create_secret_key
from creditbase.catalog import tier_store
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Forbidden, InvalidRequest, PaymentRequired
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.money import price_of
from creditbase.kernel.windows import Window
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import Budget, ChangeTerms
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.store import find_wallet
from creditbase.metering import calls, rates
from creditbase.metering.calls import Asked
from creditbase.runtime import firestore
from tests.catalog.tiers import a_tier
from tests.ledger.wallets import in_parallel
from tests.relay.backend import Backend
from tests.relay.desk import CREDIT, CREDITS, NOON, Desk, at_once, code_of, json_of
from tests.wire import Wire

pytestmark = pytest.mark.firestore
CENT = 10_000_000
USED = {"input_tokens": 1_000, "output_tokens": 500}


def on_tier(desk: Desk, limit_cents: int = 500, **terms: Any) -> Tier:
    """Make a tier of two models, and put the customer on it; who may spend follows it."""
    models = (TierModel("gpt-5", is_default=True, markup_bps=0), TierModel("gpt-5-mini"))
    project_id = desk.tenant.project_id
    code = f"t{sha256_hex(desk.customer_id)[:8]}"
    tier_id = desk.customer_id[:-1] + ("0" if desk.customer_id[-1] != "0" else "1")
    tier = replace(
        a_tier(models=models, markup_bps=5_000, spend_limit_cents=limit_cents),
        tier_id=tier_id,
        project_id=project_id,
        code=code,
    )
    kept = tier_store.find_code(project_id, code)
    firestore.commit(tier_store.writes_for_new_tier(tier, kept))
    known = {"plan_code": tier.tier_id, "window": "period", "included": "limited"}
    period = Window(NOON, NOON.replace(month=4))
    limit_nanos = limit_cents * CENT
    desk.wallet.run(
        ChangeTerms(Terms(**{**known, "limit_nanos": limit_nanos, **terms}), period)
    )
    return tier


def costs(model: str, used: Mapping[str, int], markup_bps: int, desk: Desk) -> int:
    """Return what the book asks for usage, by a reading of our own."""
    priced = load_catalog(desk.tenant.project_id).prices.find(model, desk.clock.at)
    assert priced is not None
    lines = [(count, priced.nanos_per_million[unit]) for unit, count in used.items()]
    return price_of(lines=lines, markup_bps=markup_bps)


def an_asked(desk: Desk, request_id: str = "r", **fields: Any) -> Asked:
    """Return a call through a gateway."""
    return Asked(
        **{
            "ref": desk.wallet.ref,
            "request_id": request_id,
            "digest": "d",
            "model": "gpt-5",
            "quantities": USED,
            **fields,
        }
    )


@pytest.fixture(autouse=True)
def _cold_prices() -> None:
    """Start as a process that has seen no tier."""
    shared_tiers().forget()
    rates.tiered_projects.cache_clear()


class TestPrices:
    """Tier model, else tier, else project: whoever is on the tier pays by it."""

    @pytest.mark.parametrize(("model", "markup_bps"), [("gpt-5", 0), ("gpt-5-mini", 5_000)])
    def test_the_markup_is_the_tiers(self, desk: Desk, model: str, markup_bps: int) -> None:
        """The receipt names the tier, and computes to the nano."""
        tier = on_tier(desk, limit_nanos=10**9)

        answer = desk.charge_for("k", model, **USED)

        charged = json_of(answer)["charge"]
        assert charged["amount_nanos"] == costs(model, USED, markup_bps, desk)
        pricing = desk.wallet.entries()[-1]["private"]["pricing"]
        assert pricing["plan"] == tier.tier_id
        assert pricing["markup_bps"] == markup_bps

    def test_without_a_tier_the_projects_markup_counts(self, desk: Desk) -> None:
        """As it was before there were tiers."""
        default_bps = load_catalog(desk.tenant.project_id).markup.default_bps

        charged = json_of(desk.charge_for("k", "gpt-5", **USED))["charge"]

        assert charged["amount_nanos"] == costs("gpt-5", USED, default_bps, desk)

    def test_a_model_outside_the_tier_is_forbidden_and_an_unknown_one_not_found(
        self, desk: Desk
    ) -> None:
        """In every way to ask for it, and nothing is written."""
        on_tier(desk)
        seq = desk.wallet.state()["seq"]

        assert code_of(desk.charge_for("a", "gpt-5.1", **USED)) == (403, "FORBIDDEN")
        assert code_of(desk.hold_for("b", "gpt-5.1", **USED)) == (403, "FORBIDDEN")
        assert code_of(desk.charge_for("c", "gpt-6", **USED)) == (404, "NOT_FOUND")
        assert desk.wallet.state()["seq"] == seq
        with pytest.raises(Forbidden):
            calls.hold_call(an_asked(desk, model="gpt-5.1"), now=NOON)
        with pytest.raises(InvalidRequest, match="no price"):
            calls.hold_call(an_asked(desk, model="gpt-6"), now=NOON)

    def test_a_plan_that_is_no_tier_of_the_project_allows_nothing(self, desk: Desk) -> None:
        """Closed, not open, where the books disagree."""
        on_tier(desk, plan_code="6f1d1c3e-5a0b-4d5e-9f53-0c5f2f3b7a11")

        assert code_of(desk.charge_for("k", "gpt-5", **USED)) == (403, "FORBIDDEN")

    def test_a_repeated_charge_replays_after_the_tier_has_lost_the_model(
        self, desk: Desk
    ) -> None:
        """What was done is told as it was."""
        tier = on_tier(desk, limit_nanos=10**9)
        first = desk.charge_for("k", "gpt-5", **USED)
        kept = tier_store.find_tier(tier.project_id, tier.tier_id)
        assert kept is not None
        fewer = replace(tier, models=(TierModel("gpt-5-mini"),))
        firestore.commit(tier_store.writes_for_change(kept, fewer, leaves=None, takes=None))
        shared_tiers().forget()

        again = desk.charge_for("k", "gpt-5", **USED)

        assert again.data == first.data
        assert again.headers["Idempotent-Replayed"] == "true"
        assert code_of(desk.charge_for("new", "gpt-5", **USED)) == (403, "FORBIDDEN")

    def test_a_warm_charge_on_a_tier_is_one_rpc(self, desk: Desk, wire: Wire) -> None:
        """Tiers and prices are the process's; the plan is in the wallet's snapshot."""
        on_tier(desk, limit_nanos=10**9)
        desk.charge_for("warm", "gpt-5", **USED)
        wire.reset()

        assert desk.charge_for("k", "gpt-5", **USED).status_code == 201

        assert [rpc.name for rpc in wire.rpcs] == ["Commit"]
        assert wire.counts == (1, 0, 2)


class TestQuota:
    """402 before the call, and exactly as many calls as the limit has room for."""

    def test_n_calls_at_once_admit_as_many_as_fit(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """P29 over HTTP: of 24 calls of cost c on a limit of 6.4 c, 6 are made."""
        on_tier(desk, limit_cents=4, draws_wallet=False)
        cost = costs("gpt-5", USED, 0, desk)
        assert 4 * CENT // cost == 6
        lanes = ledger.Lanes(), ledger.Lanes()
        numbers = iter(range(10**6))
        monkeypatch.setattr(ledger, "lanes", lambda: lanes[next(numbers) % 2])

        answers = at_once(24, lambda n: desk.hold_for(f"k{n}", "gpt-5", **USED))

        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {201, 402}
        assert statuses.count(201) == 6
        refused = json_of(next(a for a in answers if a.status_code == 402))
        assert refused["limit_source"] == "included"
        assert refused["required_nanos"] == cost > refused["available_nanos"]
        assert refused["next_credits_at"] == "2026-04-10T12:00:00Z"
        assert desk.wallet.state()["window"]["included_held_nanos"] == 6 * cost

    def test_a_budget_admits_as_many_as_fit_into_it(self, desk: Desk) -> None:
        """One key of many, at once from many threads; the wallet has more."""
        budget = Budget("key", 5 * costs("gpt-5", USED, 0, desk) + 1)
        on_tier(desk, limit_nanos=10**9)

        told = in_parallel(
            12, lambda n: calls.hold_call(an_asked(desk, f"r{n}", budget=budget), now=NOON)
        )

        refusals = [one for one in told if isinstance(one, PaymentRequired)]
        assert len(refusals) == 7
        assert {refusal.limit_source for refusal in refusals} == {"budget"}
        counted = desk.wallet.state()["window"]["budgets"]["key"]
        assert counted == {"spent_nanos": 0, "held_nanos": budget.limit_nanos - 1}

    def test_a_key_with_a_budget_charges_within_it(self, desk: Desk) -> None:
        """Each customer's wallet counts it; another key is not concerned."""
        issued = create_secret_key(
            desk.tenant.project_id,
            name="small",
            random_bytes=secrets.token_bytes(32),
            now=NOON,
            budget_nanos=10,
        )
        small = {"X-ModelRelay-Api-Key": issued.secret}
        body = {"customer_id": desk.customer_id, "amount_nanos": 6}

        first = desk.post("/charges", body, key="a", **small)
        held = desk.post("/holds", body, key="b", **small)

        assert first.status_code == 201
        assert code_of(held) == (402, "PAYMENT_REQUIRED")
        told = json_of(held)
        assert (told["limit_source"], told["available_nanos"]) == ("budget", 4)
        assert desk.charge("c", 6).status_code == 201


class TestCalls:
    """What the gateway asks for: hold, lower, extend, capture, void."""

    def test_a_request_id_holds_once(self, desk: Desk) -> None:
        """The SDKs repeat their calls; the second is told of the first."""
        on_tier(desk, limit_nanos=10**9)

        told = [calls.hold_call(an_asked(desk), now=NOON) for _ in range(2)]

        assert [held.is_replay for held in told] == [False, True]
        assert told[0].hold_id == told[1].hold_id
        assert len(desk.wallet.state()["holds"]) == 1

    def test_output_is_lowered_to_what_is_affordable(self, desk: Desk) -> None:
        """And captured at the price of the tier, what is left going back."""
        cost = costs("gpt-5", {"input_tokens": 1_000, "output_tokens": 200}, 0, desk)
        on_tier(desk, limit_nanos=cost, draws_wallet=False)

        held = calls.hold_call(an_asked(desk, output_at_least=1), now=NOON)
        assert (held.output_tokens, held.amount_nanos) == (200, cost)
        used = {"input_tokens": 10, "output_tokens": 20}
        until = NOON.replace(hour=13)
        calls.extend_call(held.ref, held.hold_id, expires_at=until, quantities=used, now=NOON)
        calls.extend_call(held.ref, held.hold_id, expires_at=until, now=NOON)
        ended = calls.capture_call(held.ref, held.hold_id, used, now=NOON)

        assert ended.captured_nanos == costs("gpt-5", used, 0, desk)
        found, _ = calls.find_call(held, now=NOON)
        assert isinstance(found, Entry)
        assert found.status == "captured"

    def test_a_voided_call_takes_nothing(self, desk: Desk) -> None:
        """It was never made."""
        on_tier(desk, limit_nanos=10**9)
        held = calls.hold_call(an_asked(desk), now=NOON)

        assert calls.void_call(held.ref, held.hold_id, now=NOON).status == "voided"
        assert desk.wallet.state()["window"]["included_held_nanos"] == 0

    def test_a_call_without_a_model_gets_the_tiers_default(self, desk: Desk) -> None:
        """None where the customer is on no tier."""
        assert calls.default_model(desk.wallet.ref) == ""
        on_tier(desk)

        assert calls.default_model(desk.wallet.ref) == "gpt-5"


class TestQuotes:
    """What a hold would be, told beforehand."""

    def quote(self, desk: Desk, **body: Any) -> dict[str, Any]:
        """Return a quote and its balance."""
        answer = desk.post("/quotes", {"customer_id": desk.customer_id, **body})
        assert answer.status_code == 200, answer.text
        return json_of(answer)

    def test_it_is_what_the_hold_comes_to(self, desk: Desk) -> None:
        """Price, sources and balance; and nothing was taken."""
        on_tier(desk, limit_nanos=1_000_000)
        desk.wallet.topup("pi", CREDITS * CREDIT)
        told = self.quote(desk, model="gpt-5", usage_max=USED)

        held = json_of(desk.hold_for("k", "gpt-5", **USED))["hold"]

        assert told["quote"] == {
            "customer_id": desk.customer_id,
            "model": "gpt-5",
            "amount_nanos": held["amount_nanos"],
            "is_affordable": True,
            "max_output_tokens": 500,
            "affordable_nanos": held["amount_nanos"],
            "draws": held["draws"],
        }
        assert told["balance"]["available_nanos"] == CREDITS * CREDIT
        assert len(held["draws"]) == 2

    def test_a_prompt_alone_tells_the_most_output_that_is_affordable(self, desk: Desk) -> None:
        """One token more is refused; exactly as many are held."""
        on_tier(desk, limit_cents=1, draws_wallet=False)

        told = self.quote(desk, model="gpt-5", prompt_tokens=1_000)["quote"]

        most = told["max_output_tokens"]
        assert told["is_affordable"] is False
        assert told["affordable_nanos"] <= 10_000_000 < told["amount_nanos"]
        over = desk.hold_for("a", "gpt-5", input_tokens=1_000, output_tokens=most + 1)
        assert code_of(over) == (402, "PAYMENT_REQUIRED")
        assert (
            desk.hold_for("b", "gpt-5", input_tokens=1_000, output_tokens=most).status_code
            == 201
        )

    def test_who_can_afford_nothing_is_told_so(self, desk: Desk) -> None:
        """A quote is no refusal: it says what is missing."""
        on_tier(desk, included="none", draws_wallet=False)

        told = self.quote(desk, model="gpt-5", usage_max={"input_tokens": 1_000})["quote"]

        assert (told["is_affordable"], told["max_output_tokens"], told["draws"]) == (
            False,
            0,
            [],
        )
        assert told["affordable_nanos"] == 0 < told["amount_nanos"]

    def test_it_is_one_read_and_no_write(self, desk: Desk, wire: Wire) -> None:
        """Whoever only asks costs nobody else anything."""
        on_tier(desk)
        self.quote(desk, model="gpt-5", usage_max=USED)
        wire.reset()

        self.quote(desk, model="gpt-5", usage_max=USED)

        assert [rpc.name for rpc in wire.rpcs] == ["BatchGetDocuments"]
        assert wire.counts == (1, 1, 0)

    def test_a_customer_asks_for_itself(self, desk: Desk, backend: Backend) -> None:
        """With its token, within the token's budget, and about nobody else."""
        models = (TierModel("gpt-5", is_default=True),)
        tier_id = str(uuid4())
        named = {
            "tier_id": tier_id,
            "project_id": backend.project_id,
            "code": f"t{tier_id[:8]}",
        }
        tier = backend.has(a_tier(**named, models=models, spend_limit_cents=500))
        customer = backend.knows()
        token = backend.minted(
            customer_id=customer.customer_id, tier_code=tier.code, budget_cents=1
        )["token"]
        headers = {"Authorization": f"Bearer {token}", "X-ModelRelay-Api-Key": ""}

        told = desk.post("/quotes", {"model": "gpt-5", "prompt_tokens": 9}, **headers)
        other = {"model": "gpt-5", "prompt_tokens": 9, "customer_id": desk.customer_id}

        quote = json_of(told)["quote"]
        assert quote["customer_id"] == customer.customer_id
        assert 0 < quote["affordable_nanos"] <= 10_000_000 < quote["amount_nanos"]
        assert code_of(desk.post("/quotes", other, **headers)) == (404, "NOT_FOUND")
        own = {**other, "customer_id": customer.customer_id}
        assert desk.post("/quotes", own, **headers).status_code == 200

    def test_what_a_hold_would_be_refused_for_it_refuses(
        self, desk: Desk, stranger: Desk
    ) -> None:
        """But for money."""
        on_tier(desk)
        usage: dict[str, Any] = {"usage_max": {"images": 1}}

        def asked(**body: Any) -> tuple[int, str]:
            named = {"customer_external_id": desk.external_id, "model": "gpt-5"}
            return code_of(desk.post("/quotes", {**named, **usage, **body}))

        assert asked() == (400, "VALIDATION_ERROR")
        assert asked(prompt_tokens=1) == (400, "VALIDATION_ERROR")
        assert asked(model="gpt-6") == (404, "NOT_FOUND")
        assert asked(model="gpt-5.1") == (403, "FORBIDDEN")
        assert asked(customer_external_id="nobody") == (404, "NOT_FOUND")
        usage = {"prompt_tokens": 1}
        foreign = {"customer_id": stranger.customer_id, "model": "gpt-5", **usage}
        assert code_of(desk.post("/quotes", foreign)) == (404, "NOT_FOUND")
        unnamed = desk.post("/quotes", {"model": "gpt-5", **usage})
        assert code_of(unnamed) == (400, "VALIDATION_ERROR")
        assert find_wallet(stranger.wallet.ref) is not None
