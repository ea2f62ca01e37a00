"""`POST /auth/customer-token`: who gets a token, for how long, and onto which tier."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from creditbase.accounts import use_cases
from creditbase.accounts.domain import Customer
from creditbase.accounts.store import find_customer
from creditbase.accounts.tokens import SigningKeys
from creditbase.accounts.use_cases import revoke_secret_key
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import Unauthenticated
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.instants import read
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import real_now
from creditbase.runtime.identity import Authenticator
from creditbase.subscriptions.relay_customers import delete_customer
from tests.catalog.tiers import a_paid_tier, a_paygo, a_tier
from tests.relay.backend import Backend
from tests.relay.desk import Tenant, code_of, json_of, wrong_field
from tests.wire import Wire

pytestmark = pytest.mark.firestore
DAY_S = 86_400
CENT = 10_000_000
QUOTES = next(route for route in ROUTES if route.name == "POST /api/v1/quotes")


@pytest.fixture
def free(backend: Backend) -> Tier:
    """Return a free tier that the project sells."""
    return backend.has(a_tier(**fresh(backend)))


@pytest.fixture
def customer(backend: Backend) -> Customer:
    """Return a customer who has no subscription."""
    return backend.knows()


def fresh(backend: Backend) -> dict[str, str]:
    """Return what is a tier's own: id, project, code."""
    tier_id = str(uuid4())
    return {
        "tier_id": tier_id,
        "project_id": backend.project_id,
        "code": f"t-{tier_id[:8]}",
    }


def another_key(backend: Backend) -> Backend:
    """Return the tenant's back end with a second secret key."""
    issued = use_cases.create_secret_key(
        backend.project_id, name="2", random_bytes=uuid4().bytes * 2, now=real_now()
    )
    return replace(backend, tenant=Tenant(backend.project_id, issued.secret))


def key_id_of(backend: Backend) -> str:
    """Return the id of the key that a back end shows."""
    found = use_cases.find_secret_key_holder(sha256_hex(backend.tenant.secret_key), real_now())
    assert found is not None
    return found.key_id


def with_token(backend: Backend, token: str) -> TestResponse:
    """Ask who the customer of a token is."""
    return backend.ask(
        "tiers", "GET", "/tiers", x_modelrelay_api_key="", authorization=f"Bearer {token}"
    )


def wallet_of(customer: Customer) -> Wallet:
    """Return a customer's wallet as it is stored."""
    loaded = find_wallet(WalletRef(customer.project_id, customer.customer_id))
    assert loaded is not None
    return loaded.wallet


def test_the_first_token_puts_its_customer_on_the_tier(
    backend: Backend, customer: Customer, free: Tier
) -> None:
    """No payment, no second call: what the sign-up page of an application needs."""
    said = backend.minted(customer_external_id=customer.external_id, tier_code=free.code)

    assert re.fullmatch(r"mr_ct_[\w-]+\.[\w-]+\.[\w-]+", said.pop("token"))
    expires_at = read(said.pop("expires_at"))
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)
    assert said == {
        "expires_in": 7 * DAY_S,
        "token_type": "Bearer",
        "project_id": backend.project_id,
        "customer_id": customer.customer_id,
        "billing_profile_id": customer.billing_profile_id,
        "customer_external_id": customer.external_id,
        "tier_code": free.code,
    }
    held = find_customer(customer.ref)
    assert held is not None
    assert held.subscription is not None
    assert held.subscription.tier_id == free.tier_id
    assert held.subscription.billing_provider == "stripe"
    assert wallet_of(customer).terms.plan_code == free.tier_id


def test_a_token_by_id_is_for_the_same_customer(
    backend: Backend, customer: Customer, free: Tier
) -> None:
    """The id in any case, as some languages write UUIDs in capitals."""
    said = backend.minted(customer_id=customer.customer_id.upper(), tier_code=free.code)

    assert said["customer_id"] == customer.customer_id


def test_a_subscription_that_is_there_wins(
    backend: Backend, customer: Customer, free: Tier
) -> None:
    """Applications name the tier with every sign-in; it must not undo an upgrade."""
    other = backend.has(a_tier(**fresh(backend)))
    backend.minted(customer_id=customer.customer_id, tier_code=free.code)

    again = backend.minted(customer_id=customer.customer_id, tier_code=other.code)
    bare = backend.minted(customer_id=customer.customer_id)

    assert again["tier_code"] == bare["tier_code"] == free.code


def test_a_tier_that_is_sold_is_given_to_whom_the_back_end_vouches_for(
    backend: Backend, customer: Customer
) -> None:
    """The secret key speaks for the seller: no payment, and its limit at once."""
    pro = backend.has(a_paid_tier(**fresh(backend), spend_limit_cents=700))

    backend.minted(customer_id=customer.customer_id, tier_code=pro.code)

    terms = wallet_of(customer).terms
    assert (terms.plan_code, terms.limit_nanos) == (pro.tier_id, 700 * CENT)


def test_promotional_credits_come_once_with_a_paygo_tier(
    backend: Backend, customer: Customer
) -> None:
    """Signing in again is no way to more of them."""
    paygo = backend.has(a_paygo(**fresh(backend), promo_credits_cents=300))

    for _ in range(2):
        said = backend.minted(customer_id=customer.customer_id, tier_code=paygo.code)

    assert said["tier_code"] == paygo.code
    assert wallet_of(customer).live_nanos(backend.clock.at) == 300 * CENT


class TestHowLongItHolds:
    """Seven days, thirty at most, less where the tier says so."""

    @pytest.mark.parametrize(
        ("asked_s", "tier_max_s", "given_s"),
        [
            (None, None, 7 * DAY_S),
            (1, None, 1),
            (30 * DAY_S, None, 30 * DAY_S),
            (30 * DAY_S + 1, None, 30 * DAY_S),
            (None, 60, 60),
            (61, 60, 60),
            (59, 60, 59),
        ],
    )
    def test_it_is_as_asked_within_its_bounds(
        self,
        backend: Backend,
        customer: Customer,
        asked_s: int | None,
        tier_max_s: int | None,
        given_s: int,
    ) -> None:
        """The server may cut what is asked; what it gave stands in the answer."""
        tier = backend.has(a_tier(**fresh(backend), customer_token_max_ttl_s=tier_max_s))
        more = {} if asked_s is None else {"ttl_seconds": asked_s}

        said = backend.minted(customer_id=customer.customer_id, tier_code=tier.code, **more)

        assert said["expires_in"] == given_s

    @pytest.mark.parametrize("ttl", [0, -1, 1.5, "60", True])
    def test_nothing_else_is_a_span(self, backend: Backend, ttl: object) -> None:
        """Whole seconds, one at least."""
        assert wrong_field(backend.mint(customer_id=str(uuid4()), ttl_seconds=ttl)) == (
            "ttl_seconds"
        )


class TestRefusals:
    """What is asked for wrongly, and by whom."""

    @pytest.mark.parametrize(
        "selectors", [{}, {"customer_id": "", "customer_external_id": "x"}]
    )
    def test_exactly_one_selector_is_needed(
        self, backend: Backend, selectors: dict[str, str], customer: Customer
    ) -> None:
        """Two might mean two customers."""
        body = {name: it or customer.customer_id for name, it in selectors.items()}

        assert wrong_field(backend.mint(**body)) == ""

    def test_a_project_in_the_body_is_refused(self, backend: Backend) -> None:
        """The project follows from the key, and from nothing else."""
        body = {"customer_external_id": "x", "project_id": backend.project_id}

        assert wrong_field(backend.mint(**body)) == "project_id"

    def test_a_customer_without_subscription_needs_a_tier(
        self, backend: Backend, customer: Customer
    ) -> None:
        """And one that there is."""
        missing = backend.mint(customer_id=customer.customer_id)
        unknown = backend.mint(customer_id=customer.customer_id, tier_code="nowhere")

        assert wrong_field(missing) == wrong_field(unknown) == "tier_code"

    def test_a_customer_is_never_made_here(self, backend: Backend, free: Tier) -> None:
        """By name or by id: 404, and nothing is there afterwards."""
        name = f"ext-{uuid4().hex}"

        for who in ({"customer_external_id": name}, {"customer_id": str(uuid4())}):
            assert code_of(backend.mint(**who, tier_code=free.code)) == (404, "NOT_FOUND")
        assert use_cases.find_customer_by_name(backend.project_id, name) is None

    def test_another_projects_customer_is_unknown(
        self, rival: Backend, customer: Customer
    ) -> None:
        """With the very body that an id has which nobody has."""
        theirs = json_of(rival.mint(customer_id=customer.customer_id))
        nobodys = json_of(rival.mint(customer_id=str(uuid4())))

        assert theirs.pop("request_id") != nobodys.pop("request_id")
        assert theirs == nobodys
        assert theirs["code"] == "NOT_FOUND"

    def test_a_customer_token_mints_no_token(
        self, backend: Backend, customer: Customer, free: Tier
    ) -> None:
        """A stolen token must not outlive itself."""
        token = backend.minted(customer_id=customer.customer_id, tier_code=free.code)["token"]

        answer = backend.ask(
            "auth_customer_token",
            "POST",
            "/auth/customer-token",
            {"customer_id": customer.customer_id},
            x_modelrelay_api_key="",
            authorization=f"Bearer {token}",
        )

        assert code_of(answer) == (401, "UNAUTHORIZED")

    def test_without_signing_keys_nothing_is_done(
        self,
        backend: Backend,
        customer: Customer,
        free: Tier,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Fails closed, before anybody is put on anything."""
        for wrong in (
            "",
            "now:short",
            "nameless" * 8,
            ",".join(f"k{n}:{'x' * 32}" for n in "123"),
        ):
            monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", wrong)
            answer = backend.mint(customer_id=customer.customer_id, tier_code=free.code)
            assert code_of(answer) == (503, "SERVICE_UNAVAILABLE"), wrong

        held = find_customer(customer.ref)
        assert held is not None
        assert held.subscription is None


class TestWhatATokenIsGoodFor:
    """A token is its customer, while that customer is there."""

    def test_it_is_its_customer_with_and_without_prefix(
        self, backend: Backend, customer: Customer, free: Tier
    ) -> None:
        """Documentation shows both."""
        body = {"tier_code": free.code, "budget_cents": 5}
        token = backend.minted(customer_id=customer.customer_id, **body)["token"]

        for text in (token, token.removeprefix("mr_ct_")):
            holder = use_cases.find_token_holder(text, real_now())
            assert holder is not None
            assert holder.customer_id == customer.customer_id
            assert holder.project_id == backend.project_id
            assert holder.budget_nanos == 5 * CENT

    def test_it_ends_with_its_customer(
        self, backend: Backend, customer: Customer, free: Tier
    ) -> None:
        """Deleted and made again, the customer is somebody else."""
        token = backend.minted(customer_id=customer.customer_id, tier_code=free.code)["token"]

        delete_customer(backend.project_id, customer.customer_id, now=backend.clock.at)
        again = backend.knows(customer.external_id)

        assert use_cases.find_token_holder(token, real_now()) is None
        assert again.customer_id != customer.customer_id

    def test_it_ends_with_the_secret_key_that_minted_it(
        self, backend: Backend, customer: Customer, free: Tier, wire: Wire
    ) -> None:
        """Who stole a key has nothing left of it, once it is revoked; and no read is added."""
        thief = another_key(backend)
        body = {"customer_id": customer.customer_id, "tier_code": free.code}
        stolen, own = thief.minted(**body)["token"], backend.minted(**body)["token"]
        for token in (stolen, own):
            wire.reset()
            assert use_cases.find_token_holder(token, real_now()) is not None
            assert wire.counts == (1, 2, 0)

        revoke_secret_key(backend.project_id, key_id_of(thief))
        wire.reset()

        assert use_cases.find_token_holder(stolen, real_now()) is None
        assert wire.counts == (1, 2, 0)
        assert use_cases.find_token_holder(own, real_now()) is not None
        assert code_of(with_token(thief, stolen)) == (401, "UNAUTHORIZED")
        assert with_token(thief, own).status_code == 200

    def test_where_calls_are_metered_it_ends_within_ten_seconds(
        self, backend: Backend, customer: Customer, free: Tier, wire: Wire
    ) -> None:
        """Believed for as long as its key is, which costs no read meanwhile."""
        thief = another_key(backend)
        token = thief.minted(customer_id=customer.customer_id, tier_code=free.code)["token"]
        now_s = [0.0]
        proving = Authenticator(
            project_id="", find_token=use_cases.find_token_holder, monotonic=lambda: now_s[0]
        )
        headers = Headers({"Authorization": f"Bearer {token}"})
        proving.identify(headers, QUOTES)
        revoke_secret_key(backend.project_id, key_id_of(thief))
        wire.reset()

        now_s[0] = 9.999
        assert proving.identify(headers, QUOTES).customer_id == customer.customer_id
        assert wire.counts == (0, 0, 0)
        now_s[0] = 10
        with pytest.raises(Unauthenticated):
            proving.identify(headers, QUOTES)

    def test_a_key_is_changed_without_ending_anybodys_token(
        self, backend: Backend, customer: Customer, free: Tier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The new one signs, the old one verifies; when that goes, its tokens end."""
        token = backend.minted(customer_id=customer.customer_id, tier_code=free.code)["token"]
        now_key = "now:" + "n" * 40
        monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", f"newest:{'N' * 40},{now_key}")

        newer = backend.minted(customer_id=customer.customer_id)["token"]

        assert use_cases.find_token_holder(token, real_now()) is not None
        monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", f"newest:{'N' * 40}")
        assert use_cases.find_token_holder(token, real_now()) is None
        assert use_cases.find_token_holder(newer, real_now()) is not None
        assert SigningKeys.configured().read(newer, now=real_now()) is not None
