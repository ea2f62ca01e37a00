"""The store breaks, the process dies: asked again, a user has the credits, once."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from creditbase.admin.vouchers import redeem_voucher
from creditbase.kernel.errors import Conflict, NotFound, Retryable
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.firestore import Update, commit, get_all
from tests.breaking import broken_rpcs
from tests.hub.redeeming import Counter, Person, uses_of
from tests.relay.desk import CREDIT
from tests.wire import FAULTS, Send, Wire

pytestmark = pytest.mark.firestore

RPCS = (
    "BatchGetDocuments",  # the voucher, and whether the customer has a use of it
    "BatchGetDocuments",  # the slots
    "Commit",  # the use
    "BatchGetDocuments",  # the wallet and the grant
    "Commit",  # the grant
)
EVERY_RPC = pytest.mark.parametrize(
    "index", range(len(RPCS)), ids=[f"{n}-{name}" for n, name in enumerate(RPCS)]
)


class Died(BaseException):
    """The process is gone."""


@dataclass
class Customer:
    """Somebody with a wallet, who redeems past the door and its limit."""

    counter: Counter
    person: Person
    ref: WalletRef

    def redeem(self, code: str) -> str:
        """Redeem once, as one request; return what became of it."""
        try:
            redeem_voucher(self.ref, code, request_id=uuid4().hex, now=self.counter.clock.at)
        except Retryable:
            return "again"
        except Conflict:
            return "already"
        except NotFound:
            return "invalid"
        return "redeemed"

    def assert_redeemed_once(self, code: str) -> None:
        """Look at all that is left of it."""
        assert uses_of(code) == (1, 1)
        assert self.counter.granted(self.person) == [500 * CREDIT]
        assert self.redeem(code) == "already"

    def die_at(self, wire: Wire, index: int, code: str, *, is_done: bool) -> None:
        """Redeem in a process that dies at an RPC, before or after the server has done it."""

        def die(send: Send) -> None:
            if is_done:
                send()
            raise Died

        wire.reset()
        wire.faults[index] = die
        with pytest.raises(Died):
            self.redeem(code)
        lanes.cache_clear()


@pytest.fixture
def customer(counter: Counter, wire: Wire) -> Iterator[Customer]:
    """Return somebody in a process that knows nothing of the wallet yet."""
    person = counter.person()
    yield Customer(counter, person, counter.open_account(person))
    wire.reset()
    wire.wait_for_late()


def test_the_matrix_covers_every_rpc(customer: Customer, wire: Wire) -> None:
    """A matrix that misses an RPC proves nothing about it."""
    code = customer.counter.voucher(max_uses=2)
    wire.reset()

    customer.redeem(code)

    assert tuple(rpc.name for rpc in wire.rpcs) == RPCS


@pytest.mark.parametrize(("index", "fault"), broken_rpcs(RPCS))
def test_a_broken_rpc_and_another_request_are_one_redemption(
    customer: Customer, wire: Wire, index: int, fault: str
) -> None:
    """And the request whose grant it was is told so, also where the reply was lost."""
    code = customer.counter.voucher(max_uses=2)
    wire.reset()
    wire.faults[index] = FAULTS[fault]

    outcomes = [customer.redeem(code)]
    while outcomes[-1] == "again":
        assert len(outcomes) < 4
        outcomes.append(customer.redeem(code))

    assert not wire.faults, "the fault must really have happened"
    wire.wait_for_late()
    assert outcomes[-1] == "redeemed"
    customer.assert_redeemed_once(code)


@EVERY_RPC
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_killed_process_and_another_request_are_one_redemption(
    customer: Customer, wire: Wire, index: int, is_done: bool
) -> None:
    """Also between the use and the grant, where a use is taken and nothing was given."""
    code = customer.counter.voucher(max_uses=2)
    customer.die_at(wire, index, code, is_done=is_done)

    outcome = customer.redeem(code)

    was_granted = is_done and index == len(RPCS) - 1
    assert outcome == ("already" if was_granted else "redeemed")
    customer.assert_redeemed_once(code)


def test_whoever_has_a_use_gets_the_grant_though_the_voucher_has_ended(
    customer: Customer, wire: Wire
) -> None:
    """The use was taken in time; that we fell over is not the user's fault."""
    counter = customer.counter
    code = counter.voucher(max_uses=1, expires_at=counter.clock.at.replace(hour=13))
    customer.die_at(wire, 2, code, is_done=True)
    counter.pass_on(days=2)
    late = counter.person()

    assert Customer(counter, late, counter.open_account(late)).redeem(code) == "invalid"
    assert customer.redeem(code) == "redeemed"
    customer.assert_redeemed_once(code)


def test_a_parked_wallet_is_waited_for(counter: Counter) -> None:
    """The use is kept; once the wallet has been checked, asking again gives the credits."""
    person, code = counter.person(), counter.voucher(max_uses=1)
    ref = counter.open_account(person)
    park(ref, "a broken invariant")

    answer = counter.redeem(person, code)

    assert answer.status_code == 500
    assert int(answer.headers["Retry-After"]) > 0
    park(ref, "")
    assert counter.redeem(person, code).status_code == 200
    Customer(counter, person, ref).assert_redeemed_once(code)


@pytest.mark.parametrize("fault", FAULTS)
def test_noting_that_all_are_used_may_fail(customer: Customer, wire: Wire, fault: str) -> None:
    """It only spares others a look."""
    counter = customer.counter
    code, late = counter.voucher(max_uses=1), counter.person()
    customer.redeem(code)
    other = Customer(counter, late, counter.open_account(late))
    wire.reset()
    wire.faults[2] = FAULTS[fault]

    assert other.redeem(code) == "invalid"

    assert not wire.faults
    assert wire.rpcs[2].name == "Commit"


def park(ref: WalletRef, reason: str) -> None:
    """Park the wallet past the ledger, as a broken invariant does, or undo it."""
    snapshot = get_all([ref.wallet])[0]
    assert snapshot.version is not None
    commit([Update(snapshot.path, {("state", "parked"): reason}, snapshot.version)])
    lanes.cache_clear()
