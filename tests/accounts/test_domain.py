"""Accounts, decided: keys and their rings, without a store."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.accounts.domain import (
    Key,
    decide_issue,
    decide_revoke,
    is_use_worth_noting,
    live_newest_first,
    mint_key,
    new_customer,
)
from creditbase.kernel.errors import Conflict, NotFound
from creditbase.kernel.ids import is_well_formed, sha256_hex

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def a_key(
    key_id: str, *, created_at: datetime = NOON, expires_at: datetime | None = None
) -> Key:
    """Return a key as it is stored."""
    return Key(
        key_id=key_id,
        digest=sha256_hex(key_id),
        name="API key",
        prefix="inf_abc",
        last4="wxyz",
        created_at=created_at,
        expires_at=expires_at,
    )


def ring(*keys: Key) -> dict[str, Key]:
    """Return the keys as their holder keeps them."""
    return {key.key_id: key for key in keys}


class TestMint:
    """A new key, from random bytes that the door read."""

    def test_a_retry_with_the_same_bytes_makes_the_same_key(self) -> None:
        """A commit whose reply was lost must not leave two keys behind."""
        made = [
            mint_key(prefix="inf_", name="n", random_bytes=b"a" * 32, now=NOON, lifetime=DAY)
            for _ in range(2)
        ]

        assert made[0] == made[1]

    @given(st.binary(min_size=32, max_size=32))
    def test_what_is_stored_does_not_give_the_secret_away(self, random_bytes: bytes) -> None:
        """Found by its digest, shown by seven and four characters, used by neither."""
        made = mint_key(
            prefix="inf_", name="n", random_bytes=random_bytes, now=NOON, lifetime=DAY
        )

        assert is_well_formed(made.secret, "inf_")
        assert made.key.digest == sha256_hex(made.secret)
        assert made.key.digest[:24] not in made.key.key_id
        assert made.secret not in repr(made.key)
        assert (made.key.prefix, made.key.last4) == (made.secret[:7], made.secret[-4:])

    def test_a_key_without_a_lifetime_holds(self) -> None:
        """A project's key ends when somebody revokes it."""
        made = mint_key(
            prefix="mr_sk_", name="n", random_bytes=b"a" * 32, now=NOON, lifetime=None
        )

        assert made.key.is_live(NOON + 10_000 * DAY)
        assert made.key.prefix.startswith("mr_sk_")


class TestIssue:
    """The limit counts live keys, to the last microsecond."""

    def test_the_last_place_is_given_and_no_more(self) -> None:
        """Exactly at the limit the next one is refused."""
        held = [a_key(f"k{number}") for number in range(3)]

        assert decide_issue(ring(*held[:2]), a_key("new"), now=NOON, live_max=3) == ()
        with pytest.raises(Conflict) as refused:
            decide_issue(ring(*held), a_key("new"), now=NOON, live_max=3)
        assert refused.value.reason == "KEY_LIMIT_REACHED"

    def test_a_key_is_dead_at_the_instant_of_its_expiry(self) -> None:
        """The instant itself is outside."""
        dying = a_key("old", expires_at=NOON)

        before = NOON - timedelta(microseconds=1)
        with pytest.raises(Conflict):
            decide_issue(ring(dying), a_key("new"), now=before, live_max=1)
        assert decide_issue(ring(dying), a_key("new"), now=NOON, live_max=1) == ("old",)


class TestRevoke:
    """Only one's own."""

    def test_the_key_is_returned_with_what_finds_it(self) -> None:
        """Its digest is where it must be removed from."""
        key = a_key("k1")

        assert decide_revoke(ring(key, a_key("k2")), "k1") == key

    def test_another_id_is_not_found(self) -> None:
        """Whether it is somebody's is not told."""
        with pytest.raises(NotFound) as refused:
            decide_revoke(ring(a_key("k1")), "k2")

        assert refused.value.reason == "API_KEY_NOT_FOUND"


@given(st.permutations([a_key(f"k{n}", created_at=NOON + (n // 2) * DAY) for n in range(6)]))
def test_the_order_of_a_list_does_not_depend_on_the_store(keys: list[Key]) -> None:
    """Newest first; keys of one instant by id."""
    found = [key.key_id for key in live_newest_first(ring(*keys), NOON)]

    assert found == ["k4", "k5", "k2", "k3", "k0", "k1"]


def test_a_use_is_noted_every_five_minutes() -> None:
    """Exactly five minutes is enough."""
    five = timedelta(minutes=5)

    assert is_use_worth_noting(None, NOON)
    assert is_use_worth_noting(NOON - five, NOON)
    assert not is_use_worth_noting(NOON - five + timedelta(microseconds=1), NOON)


def test_a_customers_id_follows_from_its_name() -> None:
    """All who make it at once make the same one; another project's is another."""
    one, name = new_customer(project_id="p1", external_id="e", now=NOON)
    later, _ = new_customer(project_id="p1", external_id="e", now=NOON + DAY)
    elsewhere, _ = new_customer(project_id="p2", external_id="e", now=NOON)

    assert one.customer_id == later.customer_id == name.customer_id != elsewhere.customer_id
    assert (one.ref.project_id, one.ref.customer_id) == ("p1", one.customer_id)
