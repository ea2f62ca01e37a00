"""docs/data-model.md names every field that is written, so that it can be relied on."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from creditbase.accounts.webhooks import Webhook
from creditbase.admin.domain.audit import Audit
from creditbase.admin.domain.vouchers import Voucher, VoucherTerms
from creditbase.catalog.domain.tiers import TierModel
from creditbase.catalog.tier_store import STORED
from creditbase.jobs.store import Sweep
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.domain.entries import Entry, Figures
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.notes import Level
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import Draw, Hold, Metered, Tally, Terms
from creditbase.payments.domain import Payment, Return, SessionRecord
from creditbase.payments.refilling import AutoTopup, Refill, RefillSettings
from creditbase.subscriptions.domain.mirror import Record

PAGE = (Path(__file__).parents[1] / "docs" / "data-model.md").read_text()
NAMED = frozenset(re.findall(r"`([a-z_0-9]+)`", PAGE))
NOT_WRITTEN = {"window"}
"""Fields of values that are written under the names of their parts."""


@pytest.mark.parametrize(
    "kind",
    [
        *(Balance, Draw, Entry, Figures, Grant, Hold, Level, Metered, Tally, Terms),
        Compared,
        *(Payment, Record, Return, SessionRecord),
        *(AutoTopup, Refill, RefillSettings),
        *(Voucher, VoucherTerms),
        Audit,
        Sweep,
        Webhook,
    ],
)
def test_the_data_model_names_every_field_that_is_written(kind: type) -> None:
    """Somebody verifies our ledger with this page alone."""
    written = {field.name for field in fields(kind)} - NOT_WRITTEN

    assert written <= NAMED


def test_the_data_model_names_every_field_of_a_tier() -> None:
    """What a tier promises its customers can be read without the code."""
    assert {*STORED, *(field.name for field in fields(TierModel))} <= NAMED
