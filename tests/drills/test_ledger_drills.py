"""What goes wrong with credits, keys and people, and the pages that put it right."""

from datetime import timedelta
from uuid import uuid4

import pytest

from creditbase.accounts.store import find_customer, find_project
from creditbase.accounts.tokens import Minting, SigningKeys
from creditbase.accounts.use_cases import create_secret_key, find_secret_key_holder
from creditbase.admin.command import main
from creditbase.admin.roles import make_admin
from creditbase.admin.store import ADMIN, find_role
from creditbase.admin.vouchers import redeem_voucher
from creditbase.kernel.errors import BillingError, Forbidden, NotFound
from creditbase.kernel.ids import sha256_hex
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import clock, firestore
from creditbase.runtime.settings import STRIPE_SECRET_KEY
from creditbase.subscriptions.use_cases import first_touch
from tests.drills.conftest import Deployment
from tests.drills.playbook import Open
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, deliver, topups
from tests.payments.shop import signed_event

pytestmark = pytest.mark.firestore
CREDIT = 1_000_000


def typed(*arguments: str) -> None:
    """Type a command that is none of the page's."""
    assert main(arguments) == 0


def newest_entry(deployment: Deployment) -> str:
    """Return the id of the ledger's newest entry."""
    return str(deployment.wallet.newest(1)[0]["entry_id"])


def token_of(deployment: Deployment) -> str:
    """Return a token of the customer, signed by the key of now."""
    ref, now = deployment.ref, clock.real_now()
    project, customer = find_project(ref.project_id), find_customer(ref)
    assert project is not None
    assert customer is not None
    asked = Minting(token_id="t", key_id="k", ttl=timedelta(days=1), now=now)
    return SigningKeys.configured().mint(project, customer, asked).text


def test_a_leaked_key_opens_nothing_any_more(deployment: Deployment, playbook: Open) -> None:
    """Of every kind of key: revoked, rolled, or made useless while the user is asleep."""
    project_id, now = deployment.ref.project_id, clock.real_now()
    leaked = create_secret_key(project_id, name="ci", random_bytes=b"l" * 32, now=now)
    book = playbook("leaked-key", deployment.firebase)

    listed, made, _ = book.play(
        "A project's secret key", PROJECT="hub", KEY_ID=leaked.key.key_id
    )
    assert leaked.key.key_id in listed
    assert find_secret_key_holder(sha256_hex(leaked.secret), now) is None
    assert find_secret_key_holder(sha256_hex(made.strip()), now) is not None

    wallet = deployment.wallet
    wallet.charge("theirs", 7)
    entry = newest_entry(deployment)
    customer = deployment.ref.customer_id
    book.play("A user's API key", CUSTOMER=customer, NANOS=7, ENTRY=entry)
    assert wallet.available() == FREE_NANOS
    assert wallet.charge("mine", 1).entries

    deployment.patch.setenv("CUSTOMER_TOKEN_KEYS", "k1:" + "l" * 40)
    token = token_of(deployment)
    assert SigningKeys.configured().read(token, now=now) is not None
    book.play("The key of customers' tokens", NAME="k2", SECRET="s" * 40)
    assert SigningKeys.configured().read(token, now=now) is None
    assert SigningKeys.configured().read(token_of(deployment), now=now) is not None

    book.play("Stripe's key", STRIPE_KEY="sk_test_rolled")
    assert STRIPE_SECRET_KEY.value() == "sk_test_rolled"


def test_a_grant_that_was_made_twice_is_taken_back_once(
    deployment: Deployment, playbook: Open
) -> None:
    """What was spent of it is owed; typed twice, it is taken once."""
    customer = deployment.ref.customer_id
    for _ in range(2):
        typed("customers", "grant", customer, "100", "--reason", "contest")
    twice = newest_entry(deployment)
    deployment.wallet.charge("spent", FREE_NANOS + 150 * CREDIT)
    book = playbook("duplicate-grant")

    _, audit = book.play("Look", CUSTOMER=customer)
    assert audit.count(" grant ") == 2

    values = {"CUSTOMER": customer, "NANOS": -100 * CREDIT, "ENTRY": twice, "TICKET": "t-1"}
    book.play("Take it back", **values)
    assert deployment.wallet.available() == 0
    assert deployment.wallet.state()["receivable_nanos"] == 50 * CREDIT

    again = ["customers", "adjust", customer, str(-100 * CREDIT), "--corrects", twice]
    typed(*again, "--owe-rest", "--reason", "granted twice", "--key", "t-1")
    assert deployment.wallet.state()["receivable_nanos"] == 50 * CREDIT
    book.play("Over", CUSTOMER=customer)


def test_a_wave_of_refunds_is_stopped(deployment: Deployment, playbook: Open) -> None:
    """The voucher gives nothing more, the account spends nothing more, the money is back."""
    deployment.buy()
    paid = deployment.shop.event("checkout.session.completed")
    assert deliver(deployment.client, signed_event(paid)) == 200
    code, customer = f"GOTOUT{uuid4().hex[:8]}".upper(), deployment.ref.customer_id
    typed("vouchers", "create", "--credits", "5", "--code", code, "--reason", "press")
    wallet = WalletRef(deployment.ref.project_id, customer)
    (payment,) = deployment.shop.get("/payment_intents")["data"]
    book = playbook("refund-wave")

    found, _ = book.play("Who it is", EMAIL=customer, CUSTOMER=customer)
    assert customer in found
    values = {"CODE": code, "CUSTOMER": customer, "PAYMENT": payment["id"], "TICKET": "t-2"}
    book.play("Stop it", **values)

    with pytest.raises(NotFound):
        redeem_voucher(wallet, code, request_id="r", now=clock.now())
    lanes.cache_clear()
    with pytest.raises(Forbidden):
        deployment.wallet.charge("more", 1)
    (refund,) = deployment.shop.get("/refunds")["data"]
    assert refund["payment_intent"] == payment["id"]
    refunded = deployment.shop.event("charge.refunded")
    assert deliver(deployment.client, signed_event(refunded)) == 200
    assert deployment.wallet.available() == FREE_NANOS
    book.play("Over", CODE=code, CUSTOMER=customer)


def test_a_stolen_admins_deeds_are_found_and_undone(
    deployment: Deployment, playbook: Open
) -> None:
    """The role goes first; then every deed has its record, and its opposite."""
    uid, customer = f"u{uuid4().hex}", deployment.ref.customer_id
    first_touch(uid, now=clock.now())
    make_admin(uid, reason="support", now=clock.real_now())
    typed("customers", "grant", customer, "9000", "--reason", "thief")
    stolen = newest_entry(deployment)
    code = f"THIEF{uuid4().hex[:8]}".upper()
    typed("vouchers", "create", "--credits", "5000", "--code", code, "--reason", "thief")
    book = playbook("admin-compromise")

    book.play("Take the role", UID=uid)
    found = find_role(uid)
    assert found is not None
    assert found[0] != ADMIN
    (audit,) = book.play("What was done")
    assert "thief" in audit
    values = {"CUSTOMER": customer, "NANOS": -9000 * CREDIT, "ENTRY": stolen, "TICKET": "t-3"}
    book.play("Undo", **values, CODE=code)

    assert deployment.wallet.available() == FREE_NANOS
    book.play("Over", CUSTOMER=customer)
    assert topups(deployment.wallet) == []


def test_a_broken_wallet_is_put_right_and_let_go(
    deployment: Deployment, playbook: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing moves until it holds again; what was paid for meanwhile arrives then, once."""
    # given a wallet that somebody gave credits by hand, and that was parked for it
    wallet, hub = deployment.wallet, deployment.ref.project_id
    wallet.charge("before", 5)
    grant = ("state", "grants", "free:0", "remaining_nanos")
    was = wallet.state()["grants"]["free:0"]["remaining_nanos"]
    edit(wallet, grant, was + 10 * CREDIT)
    typed("jobs", "run", "verify-ledger")
    with pytest.raises(BillingError):
        wallet.charge("stolen", 1)

    # and a purchase meanwhile, whose credits wait
    deployment.buy()
    paid = signed_event(deployment.shop.event("checkout.session.completed"))
    assert deliver(deployment.client, paid) == 500

    # when the page is followed
    book = playbook("broken-wallet")
    customer = deployment.ref.customer_id
    assert main(["verify", "--project", hub, "--customer", customer]) == 1
    assert "remaining_nanos" in capsys.readouterr().out
    (audit,) = book.play("Look", CUSTOMER=customer)
    assert "park" in audit
    assert main(["customers", "unpark", customer, "--project", hub, "--reason", "now"]) == 1
    edit(wallet, grant, was)
    values = {"PROJECT": hub, "CUSTOMER": customer, "TICKET": "T-1"}
    deployment.let_pass(600)
    proved, let_go, _ = book.play("Let it go", **values)
    assert "parked: 1" in proved
    assert "parked:" in let_go

    # then it moves again, with all that was paid for, and all holds
    book.play("Over", PROJECT=hub)
    assert len(topups(wallet)) == 1
    assert wallet.charge("after", 1).entries


def test_a_person_is_told_everything_and_forgotten(
    deployment: Deployment, playbook: Open, signed_out: list[str]
) -> None:
    """Once as it is, and once giving up what was bought: neither is known any more."""
    buyer = deployment.ref
    plain = first_touch(f"u{uuid4().hex}", now=clock.now())
    deployment.buy()
    paid = deployment.shop.event("checkout.session.completed")
    assert deliver(deployment.client, signed_event(paid)) == 200
    book = playbook("gdpr")
    asked = {"PROJECT": buyer.project_id, "TICKET": "T-1"}

    (told,) = book.play("Export", CUSTOMER=buyer.customer_id, **asked)
    assert paid["id"] in told
    assert main(["customers", "erase", buyer.customer_id, "--reason", "T-1"]) == 1
    book.play("Erase", CUSTOMER=plain.customer_id, **asked)
    book.play("Erase, and give up what is left", CUSTOMER=buyer.customer_id, **asked)

    _, audit = book.play("Over", CUSTOMER=buyer.customer_id)
    assert "erase_outcome" in audit
    assert len(signed_out) == 2


def edit(wallet: LiveWallet, field: tuple[str, ...], value: object) -> None:
    """Write one field of a wallet by hand."""
    version = firestore.get_all([wallet.ref.wallet])[0].version
    assert version is not None
    firestore.commit([firestore.Update(wallet.ref.wallet, {field: value}, version)])
    lanes.cache_clear()
