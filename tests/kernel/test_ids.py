"""Ids: made of their cause alone, so that each effect happens once; golden, so for ever."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel import ids
from tests.kernel.profiles import PURE

CUSTOMER = "00000000-0000-4000-8000-0000000000c1"
KEY_DIGEST = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"  # of "key"


def test_the_ids_of_entries_are_written_down() -> None:
    """These ids guard money that was moved long ago: changing one grants everything twice."""
    start_at = datetime(2026, 3, 10, 12, 0, 0, 999_999, tzinfo=UTC)

    assert ids.operation_entry_id("key") == f"op:{KEY_DIGEST}"
    assert ids.end_entry_id("hold_x") == "end:hold_x"
    assert ids.late_entry_id("hold_x") == "late:hold_x"
    assert ids.free_grant_id(0) == "free:0"
    assert ids.cycle_grant_id("sub_1", start_at) == "cycle:sub_1:1773144000"
    assert ids.topup_grant_id("pi_1") == "topup:pi_1"
    assert ids.expiry_entry_id("free:0") == "expire:free:0"
    assert ids.expiry_entry_id("g", returned_by="refund:g:2") == "expire:g:refund:g:2"


def test_the_ids_of_projects_and_customers_are_written_down() -> None:
    """A customer who signs in again must be the same customer after every release."""
    assert ids.project_uuid("hub") == str(uuid.uuid5(ids.NAMESPACE, "project/hub"))
    first = ids.customer_uuid("p", "ann", 1)

    assert first == "e4b98bc3-6958-5b1f-8d3f-41b8bfeb558f"
    # and a deleted customer's name never leads back to the old wallet
    assert ids.customer_uuid("p", "ann", 2) != first
    assert ids.customer_uuid("q", "ann", 1) != first
    assert ids.customer_uuid("p", "bob", 1) != first


@PURE
@given(st.uuids(), st.text(min_size=1, max_size=255))
def test_a_hold_id_tells_whose_wallet_and_which_entry(customer: uuid.UUID, key: str) -> None:
    """A hold is found without an index, in the wallet that it names."""
    entry_id = ids.operation_entry_id(key)

    hold_id = ids.hold_public_id(str(customer), entry_id)

    assert ids.parse_hold_id(hold_id) == ids.OperationRef(str(customer), entry_id)
    assert "/" not in hold_id
    assert hold_id[5:] == ids.charge_public_id(str(customer), entry_id)[4:]


A_HOLD = ids.hold_public_id("ffffffff-ffff-4fff-bfff-fffffffffffb", "op:" + "fb" * 32)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hold_",
        A_HOLD[:-1],
        A_HOLD + "A",
        A_HOLD.replace("hold_", "chg__"),
        A_HOLD[:-1] + "!",
        A_HOLD[:-1] + "é",
        A_HOLD[:-1] + "=",
        A_HOLD[:-2] + "==",
        A_HOLD.replace("-", "+"),
        A_HOLD.replace("_", "/").replace("hold/", "hold_"),
    ],
)
def test_text_that_is_no_hold_id_names_nothing(text: str) -> None:
    """An alias would pass for the hold at one place, miss it at the next, or be a path."""
    assert "-" in A_HOLD
    assert "_" in A_HOLD[5:]
    assert ids.parse_hold_id(A_HOLD) is not None

    assert ids.parse_hold_id(text) is None


def test_an_id_needs_a_whole_digest() -> None:
    """Half a digest would still look like an id."""
    with pytest.raises(AssertionError):
        ids.hold_public_id(CUSTOMER, "op:" + "ab" * 31)


def test_a_credential_is_known_by_its_checksum() -> None:
    """A typing error costs no look-up, and a scanner can tell a real leaked key."""
    secret = ids.credential(ids.API_KEY_PREFIX, bytes(range(32)))

    # In two halves: a scan for secrets finds what could be one.
    assert secret == "inf_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh80IXgBX"
    assert ids.is_well_formed(secret, ids.API_KEY_PREFIX)
    assert not ids.is_well_formed(secret, ids.SECRET_KEY_PREFIX)


@PURE
@given(st.binary(min_size=32, max_size=32), st.integers(0, 52), st.sampled_from(ids.BASE62))
def test_one_wrong_character_is_seen(random_bytes: bytes, place: int, wrong: str) -> None:
    """CRC32 sees every error of a single character."""
    secret = ids.credential(ids.API_KEY_PREFIX, random_bytes)
    other = secret[:place] + wrong + secret[place + 1 :]

    assert ids.is_well_formed(other, ids.API_KEY_PREFIX) == (other == secret)


def test_what_is_no_credential_at_all_is_told_so() -> None:
    """Anybody can send anything as a key."""
    secret = ids.credential(ids.API_KEY_PREFIX, bytes(32))
    for text in ("", ids.API_KEY_PREFIX, secret + "0", secret[:-1], secret[:-1] + "é"):
        assert not ids.is_well_formed(text, ids.API_KEY_PREFIX)
    with pytest.raises(AssertionError):
        ids.credential(ids.API_KEY_PREFIX, bytes(31))


def test_the_start_of_a_period_names_it_in_whole_seconds() -> None:
    """Stripe counts in seconds: the same period told twice must be the same cause."""
    start_at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    in_second = start_at + timedelta(microseconds=999_999)

    assert ids.cycle_grant_id("s", start_at) == ids.cycle_grant_id("s", in_second)
    assert ids.cycle_grant_id("s", start_at) != ids.cycle_grant_id(
        "s", start_at + timedelta(seconds=1)
    )


def test_what_happens_to_a_payment_or_a_plan_is_named_by_its_cause_and_number() -> None:
    """The same step has the same id, the next one another; an upgrade is its invoice's."""
    start_at = datetime(2026, 3, 10, 12, tzinfo=UTC)

    assert ids.refund_entry_id("pi_1", 2) == "refund:pi_1:2"
    assert ids.upgrade_grant_id("in_1") == "upgrade:in_1"
    assert ids.downgrade_entry_id("s", start_at, 1) == "downgrade:s:1773144000:1"


def test_a_rows_id_is_a_uuid_that_tells_its_number() -> None:
    """A page may be asked for by the last row seen; another UUID is no row of ours."""
    row_id = uuid.UUID(ids.row_uuid("p/c", "topup:1", 2**40 + 7))

    assert (row_id.version, row_id.variant) == (8, uuid.RFC_4122)
    assert ids.row_of_uuid(row_id) == 2**40 + 7
    assert ids.row_uuid("p/c", "topup:2", 7) != ids.row_uuid("p/c", "topup:1", 7)
    assert ids.row_of_uuid(uuid.UUID("6f1d1c3e-5a0b-5d5e-9f53-0c5f2f3b7a11")) is None
