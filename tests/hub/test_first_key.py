"""A newcomer's first request may be for a key: it makes the account, and only one."""

from pathlib import Path
from uuid import uuid4

import pytest

from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.hub.api_keys import api_keys
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import load_balance
from creditbase.runtime.clock import now
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.together import at_once

pytestmark = pytest.mark.firestore
CATALOG = Path(__file__).parents[2] / "catalog.json"


@pytest.fixture
def newcomer(signer: Signer) -> str:
    """Return the uid of a user never seen, in a hub that sells plans."""
    ensure_project("hub", now=now())
    push_catalog(HUB_PROJECT_ID, read_catalog(CATALOG))
    shared_cache().forget()
    return f"u{uuid4().hex}"


def test_a_newcomers_keys_belong_to_one_account_with_the_free_credits(
    signer: Signer, newcomer: str
) -> None:
    """Many tabs, one customer, 500 credits once."""
    headers = signer.headers(newcomer)

    def ask(number: int) -> int:
        body = {"name": f"tab {number}"}
        return client_of(api_keys).post("/", headers=headers, json=body).status_code

    statuses = at_once(6, ask)

    assert statuses == [201] * 6
    user = find_user(newcomer)
    assert user is not None
    ref = WalletRef(user.customer.project_id, user.customer.customer_id)
    balance, _ = load_balance(ref, now=now())
    assert balance.monthly_remaining_nanos == 500 * 1_000_000
