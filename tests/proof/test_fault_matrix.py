"""Every operation, every RPC of it and every request to Stripe, broken in every way, once.

The matrix of promises.md T4: then the same request comes again, and what is left is what is
left without any fault, and no answer was untrue (promise P10). In every run each operation is
tried with a share of the faults, in turn, so that together they cover every kind; the soak
tries every cell.
"""

from collections.abc import Callable, Iterator

import pytest

import main
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime.authorization import ROUTES
from tests.hub.conftest import key_server
from tests.proof.cells import COMMIT_SHARE, READ_SHARE, all_cells, named, some, try_cells
from tests.proof.doors import opened_doors
from tests.proof.matrix import Bench
from tests.proof.operations import JOBS, METERING, OPERATIONS
from tests.proof.staging import Operation
from tests.runtime.signing import Signer
from tests.wire import COMMIT_FAULTS, READ_FAULTS, Wire
from tests.wired import _session_wire

__all__ = ["_session_wire", "key_server"]
pytestmark = pytest.mark.firestore

STRIPE_SHARE = 1
ASKED = [each for each in OPERATIONS if each not in JOBS]
UNCOVERED = {
    "moves nothing: it only asks": ("POST /api/v1/quotes",),
    "holds and captures as metering does: tests/relay/gateway/test_rpcs.py": (
        *("POST /api/v1/responses", "POST /api/v1/chat/completions"),
    ),
    "all events are `event ...` rows": ("POST /billing/webhook",),
    "handles an event again, as a delivery does": ("POST /admin/webhooks/{event_id}/retry",),
    "the same operation as the back end's, by the customer's own token": (
        "POST /api/v1/customers/me/topup",
        "PUT /api/v1/customers/me/auto-topup",
        "POST /api/v1/customers/me/checkout",
        "POST /api/v1/tiers/{tier_id}/checkout",
        "POST /api/v1/account/topup",
    ),
    "the same operations as the back end's, by the owner": (
        "POST /api/v1/projects/{project_id}/customers",
        "DELETE /api/v1/projects/{project_id}/customers/{customer_id}",
    ),
    "automatic top-ups: tests/payments/test_auto_topups.py, each RPC in turn": (
        *("PUT /api/v1/customers/{customer_id}/auto-topup", "job answer_crossings"),
    ),
    "erasing: tests/payments/test_erasing.py dies at every RPC of it": (
        *("DELETE /me", "POST /admin/customers/{customer_id}/erase", "job erase_customers"),
    ),
    "reads ledgers, and parks after two failing proofs: tests/jobs/test_verify_ledger.py": (
        "job verify_ledger",
    ),
    "reads ledgers, and writes what cannot be written twice: tests/verifier": (
        "job anchor_ledger",
    ),
    "says who somebody is, and moves no money": ("POST /api/v1/customers/claim",),
    "what is sold, and to whom it is told: absolute, and nobody's money": (
        "POST /api/v1/projects/{project_id}/tiers",
        "PUT /api/v1/projects/{project_id}/tiers/{tier_id}",
        "DELETE /api/v1/projects/{project_id}/tiers/{tier_id}",
        "POST /api/v1/projects",
        "PUT /api/v1/projects/{project_id}",
        "DELETE /api/v1/projects/{project_id}",
        "DELETE /api/v1/projects/{project_id}/keys/{key_id}",
        "POST /api/v1/projects/{project_id}/webhooks",
        "PUT /api/v1/projects/{project_id}/webhooks/{webhook_id}",
        "DELETE /api/v1/projects/{project_id}/webhooks/{webhook_id}",
        "POST /api/v1/projects/{project_id}/webhooks/{webhook_id}/test",
    ),
    "handles events again, as a delivery does: tests/jobs/test_drain_inbox.py": (
        *("job drain_inbox", "job reconcile_stripe"),
    ),
    "moves no money, and has RPC faults of its own in tests/jobs": (
        *("job deliver_outbox", "job deliver_webhooks", "job roll_up_usage"),
    ),
}
"""What is not in the table, and why."""


@pytest.fixture(scope="module")
def bench(_session_wire: Wire, key_server: Signer) -> Iterator[Bench]:
    """Return where cells are tried."""
    _session_wire.reset()
    with opened_doors(key_server) as doors:
        yield Bench(doors, _session_wire)
    _session_wire.reset()


@pytest.mark.parametrize("operation", ASKED, ids=named)
def test_a_fault_and_the_same_request_again_have_one_effect(
    bench: Bench, operation: Operation
) -> None:
    """Whatever breaks, wherever: done once, and nobody is told otherwise."""
    commits, reads, asked = all_cells(bench, operation)
    number = OPERATIONS.index(operation)
    if operation in METERING:
        cells = [*some(commits, len(COMMIT_FAULTS), 0), *some(reads, len(READ_FAULTS), 0)]
    else:
        cells = [*some(commits, COMMIT_SHARE, number), *some(reads, READ_SHARE, number)]

    try_cells(bench, operation, [*cells, *some(asked, STRIPE_SHARE, number)])


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("operation", ASKED, ids=named)
def test_every_cell(bench: Bench, operation: Operation) -> None:
    """The whole matrix: every RPC and every request to Stripe, with every fault."""
    for cells in all_cells(bench, operation):
        try_cells(bench, operation, cells)


def test_the_table_has_every_operation_there_is() -> None:
    """Whoever adds one puts it into the table, or says here why it is not in it."""
    covered = {operation.covers for operation in OPERATIONS}
    excused = {name for names in UNCOVERED.values() for name in names}
    changing = {route.name for route in ROUTES if route.method != "GET"}
    jobs = {f"job {name}" for name in main.EXPORTS} - {
        f"job {route.function}" for route in ROUTES
    }

    assert (changing | jobs) - covered - excused == set()
    assert excused - changing - jobs == set(), "nothing is excused that is not there"
    assert not excused & covered


def test_every_handler_of_events_is_in_the_table() -> None:
    """Events that are handled by the same code need no row of their own."""
    told = [each.covers.partition("event ")[2] for each in OPERATIONS]
    handlers: set[Callable[..., object]] = {HANDLERS[kind] for kind in told if kind}
    excused = {
        HANDLERS[kind]
        for kind in (
            *("customer.created", "customer.deleted"),  # who somebody is, and no money
            "subscription_schedule.created",  # a plan for later, read with the subscription
            "payment_intent.succeeded",  # automatic top-ups: tests/payments
        )
        if kind in HANDLERS
    }

    assert set(HANDLERS.values()) - handlers - excused == set()
