"""First touch: a user's first request makes everything it needs, exactly once."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from creditbase.accounts.customer_store import writes_for_new_customer
from creditbase.accounts.domain import CustomerRef, new_customer
from creditbase.accounts.store import (
    customer_path,
    find_customer,
    find_role,
    find_user,
    name_path,
    user_path,
    writes_to_unlink,
)
from creditbase.accounts.use_cases import (
    create_api_key,
    ensure_customer,
    find_api_key_holder,
    list_api_keys,
)
from creditbase.admin.roles import make_admin
from creditbase.kernel.errors import BillingError, NotFound, Retryable
from creditbase.kernel.ids import customer_uuid
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import load_balance
from creditbase.runtime.firestore import commit, get_all, query
from creditbase.subscriptions import use_cases
from creditbase.subscriptions.relay_customers import (
    CustomerOrder,
    create_customer,
    delete_customer,
)
from creditbase.subscriptions.use_cases import first_touch
from tests import costs
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import CREDIT, NOON
from tests.together import at_once
from tests.wire import FAULTS, Fault, Wire

pytestmark = pytest.mark.firestore
RPCS = 3
"""Who is it; is it still nobody; then one commit."""


def newcomer() -> str:
    """Return a uid never seen."""
    return f"u{uuid4().hex}"


def check_made_once(uid: str, ref: CustomerRef) -> LiveWallet:
    """Check that the user has one of everything, and return its wallet."""
    wallet = LiveWallet(WalletRef(ref.project_id, ref.customer_id), NOON)
    paths = [user_path(uid), name_path(ref.project_id, uid), wallet.ref.wallet]
    user, name, _ = (snapshot.fields or {} for snapshot in get_all(paths))
    assert (user["project_id"], user["customer_id"]) == (ref.project_id, ref.customer_id)
    assert (user["role"], user["api_keys"]) == ("user", {})
    assert (name["external_id"], name["customer_id"]) == (uid, ref.customer_id)
    named = query(
        f"projects/{ref.project_id}/customers", where=[("external_id", "==", uid)], limit=9
    )
    assert [found.path for found in named] == [customer_path(ref.project_id, ref.customer_id)]
    (entry,) = wallet.entries()
    assert (entry["entry_id"], entry["amount_nanos"]) == ("free:0", 500 * CREDIT)
    assert wallet.state()["owner_uid"] == uid
    wallet.audit()
    return wallet


def test_it_makes_user_customer_name_wallet_and_credits(hub: str) -> None:
    """Five hundred credits until the same time next month, and a balance to look at."""
    uid = newcomer()

    ref = first_touch(uid, now=NOON, email="ada@example.test")

    wallet = check_made_once(uid, ref)
    customer = find_customer(ref)
    assert customer is not None
    assert (customer.uid, customer.email) == (uid, "ada@example.test")
    balance, is_hit = load_balance(wallet.ref, now=NOON)
    assert is_hit
    assert balance.monthly_remaining_nanos == 500 * CREDIT
    assert (balance.terms.plan_code, balance.owner_uid) == ("free", uid)
    assert balance.window.end_at == NOON.replace(month=4)


def test_a_name_that_was_used_and_is_free_again_is_no_obstacle(hub: str) -> None:
    """A back end made and deleted a customer of that name; the user is somebody new."""
    uid = newcomer()
    before = ensure_customer(hub, uid, now=NOON)
    delete_customer(hub, before.customer_id, now=NOON)

    ref = first_touch(uid, now=NOON)

    check_made_once(uid, ref)
    assert ref.customer_id == customer_uuid(hub, uid, 2) != before.customer_id


def test_a_user_who_has_been_here_costs_one_read(hub: str, wire: Wire) -> None:
    """Every later request, also one with another address or at another time."""
    uid = newcomer()
    ref = first_touch(uid, now=NOON)
    wire.reset()

    assert first_touch(uid, now=NOON + timedelta(days=400), email="new@example.test") == ref
    assert wire.counts == costs.USER_READ


def test_fifty_first_requests_at_once_make_one_of_everything(hub: str) -> None:
    """A web app that opens with fifty requests has one customer and 500 credits."""
    uid = newcomer()

    refs = at_once(50, lambda number: first_touch(uid, now=NOON + timedelta(seconds=number)))

    assert len(set(refs)) == 1
    wallet = LiveWallet(WalletRef(refs[0].project_id, refs[0].customer_id), NOON)
    assert len(wallet.entries()) == 1
    check_made_once(uid, refs[0])


def test_two_users_have_two_customers(hub: str) -> None:
    """Also when they come at the same moment."""
    uids = [newcomer(), newcomer()]

    refs = at_once(8, lambda number: first_touch(uids[number % 2], now=NOON))

    assert refs == refs[:2] * 4
    assert refs[0] != refs[1]
    check_made_once(uids[0], refs[0])
    check_made_once(uids[1], refs[1])


def test_the_matrix_covers_every_rpc(hub: str, wire: Wire) -> None:
    """A matrix that misses an RPC proves nothing about it."""
    first_touch(newcomer(), now=NOON)

    assert len(wire.rpcs) == RPCS
    assert wire.commits == 1


@pytest.mark.parametrize("index", range(RPCS))
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_rpc_and_the_same_request_again_make_one_of_everything(
    hub: str, wire: Wire, index: int, fault: Fault
) -> None:
    """Whatever the network does, nobody begins with nothing or with a thousand."""
    uid = newcomer()
    wire.faults[index] = fault

    try:
        first_touch(uid, now=NOON)
    except BillingError as refusal:
        assert isinstance(refusal, Retryable)  # noqa: PT017 - also no refusal is right
    ref = first_touch(uid, now=NOON)

    assert not wire.faults, "the fault must really have happened"
    wire.wait_for_late()
    check_made_once(uid, ref)


def test_a_customer_who_was_made_before_is_taken_over(hub: str) -> None:
    """Somebody made it by name, without a wallet: it gets one, and stays one customer."""
    uid = newcomer()
    known = ensure_customer(hub, uid, now=NOON, email="known@example.test")

    ref = first_touch(uid, now=NOON, email="other@example.test")

    assert ref == known.ref
    check_made_once(uid, ref)
    customer = find_customer(ref)
    assert customer is not None
    assert customer.email == "known@example.test"


def test_a_name_of_a_later_generation_means_its_own_customer(hub: str) -> None:
    """A deleted customer's id never returns: the user gets the one that the name means now."""
    uid = newcomer()
    first, name = new_customer(project_id=hub, external_id=uid, now=NOON)
    second_id = customer_uuid(hub, uid, 2)
    second = replace(first, customer_id=second_id)
    again = replace(name, customer_id=second_id, generation=2)
    commit(writes_for_new_customer(second, again))

    ref = first_touch(uid, now=NOON)

    assert ref.customer_id == second_id != first.customer_id
    check_made_once(uid, ref)


def test_a_wallet_that_was_there_before_keeps_what_it_has(hub: str) -> None:
    """No second allotment."""
    uid = newcomer()
    known = ensure_customer(hub, uid, now=NOON)
    wallet = LiveWallet.opened(hub, known.customer_id, nanos=7, now=NOON)
    wallet.charge("spent", 3)

    ref = first_touch(uid, now=NOON)

    assert ref == known.ref
    assert wallet.available() == 4
    wallet.audit()


@pytest.mark.parametrize("months", [0, 2])
def test_a_customer_that_a_back_end_made_gets_the_free_plan(hub: str, months: int) -> None:
    """It had a wallet that could spend nothing: now it is the user's, credits of all kinds."""
    uid = newcomer()
    order = CustomerOrder(project_id=hub, external_id=uid, email="a@b.example", request_id="r")
    known = create_customer(order, now=NOON)
    wallet = LiveWallet(WalletRef(hub, known.customer_id), NOON)
    wallet.topup("given", 7)
    came_at = NOON.replace(month=NOON.month + months)

    ref = first_touch(uid, now=came_at)
    assert first_touch(uid, now=came_at) == ref == known.ref

    customer = find_customer(ref)
    assert customer is not None
    assert (customer.uid, customer.email) == (uid, "a@b.example")
    balance, _ = load_balance(wallet.ref, now=came_at)
    assert (balance.terms.plan_code, balance.owner_uid) == ("free", uid)
    assert balance.monthly_remaining_nanos == 500 * CREDIT
    assert balance.available_nanos == 500 * CREDIT + 7
    kinds = [entry["entry_id"] for entry in wallet.entries()]
    assert kinds.count(f"free:{months}") == 1
    wallet.audit()


def test_a_user_whose_customer_was_deleted_is_somebody_new(hub: str) -> None:
    """Not a stranger to a dead wallet for ever; its role stays, its old keys do not."""
    uid = newcomer()
    before = first_touch(uid, now=NOON)
    key = create_api_key(uid, name="k", random_bytes=bytes(32), now=NOON)
    make_admin(uid, reason="a test", now=NOON)

    delete_customer(hub, before.customer_id, now=NOON)
    assert find_user(uid) is None
    assert find_role(uid) == "admin"
    assert find_api_key_holder(key.key.digest, NOON) is None
    ref = first_touch(uid, now=NOON)

    assert ref.customer_id == customer_uuid(hub, uid, 2) != before.customer_id
    wallet = LiveWallet(WalletRef(hub, ref.customer_id), NOON)
    assert wallet.available() == 500 * CREDIT
    assert (find_role(uid), list_api_keys(uid, now=NOON)) == ("admin", ())
    assert first_touch(uid, now=NOON) == ref


def test_deleting_a_customer_leaves_a_user_of_another_alone(hub: str) -> None:
    """The user went over to a newer customer of its name before the old one was cleared."""
    uid = newcomer()
    ref = first_touch(uid, now=NOON)

    assert writes_to_unlink(replace(ref, customer_id=str(uuid4())), uid) == []
    assert writes_to_unlink(ref, newcomer()) == []


def test_without_a_catalog_nothing_is_made(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no free plan to begin with: refused, and whole when there is one."""
    uid = newcomer()
    monkeypatch.setattr(use_cases, "HUB_PROJECT_ID", str(uuid4()))

    with pytest.raises(NotFound):
        first_touch(uid, now=NOON)

    assert not get_all([user_path(uid)])[0].exists
    monkeypatch.setattr(use_cases, "HUB_PROJECT_ID", hub)
    check_made_once(uid, first_touch(uid, now=NOON))
