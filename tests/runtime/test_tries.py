"""Tries counted for all processes together: exact, once each, and closed when in doubt."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import Contention, RateLimited, Unavailable
from creditbase.kernel.ids import sha256_hex
from creditbase.runtime.firestore import get_all
from creditbase.runtime.tries import TryLimit, count_try, recent_tries, seconds_to_wait
from tests.ledger.wallets import in_parallel
from tests.wire import FAULTS, Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMIT = TryLimit(tries=5, window=HOUR)

moments = st.integers(-7_200_000_000, 1_000_000).map(
    lambda micros: NOON + timedelta(microseconds=micros)
)
known = st.dictionaries(st.text(min_size=1, max_size=4), moments, max_size=12)


class TestTheRule:
    """A window that ends now; pure."""

    @given(known)
    def test_after_the_wait_a_try_fits_and_a_second_before_it_does_not(
        self, tries: dict[str, datetime]
    ) -> None:
        """Whoever waits as long as told is let in, and nobody is told to wait in vain."""
        recent = recent_tries(tries, LIMIT, now=NOON)
        wait_s = seconds_to_wait(recent, LIMIT, now=NOON)

        later = NOON + timedelta(seconds=wait_s)
        assert seconds_to_wait(recent_tries(recent, LIMIT, now=later), LIMIT, now=later) == 0
        assert (wait_s > 0) == (len(recent) >= LIMIT.tries)
        if wait_s > 1:
            early = NOON + timedelta(seconds=wait_s - 1)
            still = recent_tries(recent, LIMIT, now=early)
            assert seconds_to_wait(still, LIMIT, now=early) == 1

    @given(known)
    def test_only_tries_of_the_window_count(self, tries: dict[str, datetime]) -> None:
        """Half-open; tries of a clock ahead of ours count."""
        recent = recent_tries(tries, LIMIT, now=NOON)

        assert recent == {name: at for name, at in tries.items() if NOON - at < HOUR}


@pytest.mark.firestore
class TestTheStore:
    """Documents, not processes."""

    @pytest.fixture
    def bucket(self, wire: Wire) -> Iterator[str]:
        """Return a bucket that no other test uses."""
        yield uuid4().hex
        wire.reset()
        wire.wait_for_late()

    def test_five_fit_in_an_hour_and_the_oldest_makes_room(self, bucket: str) -> None:
        """To the microsecond; who is refused is not counted."""
        for minute in range(5):
            count_try([bucket], f"t{minute}", LIMIT, now=NOON + timedelta(minutes=minute))
        with pytest.raises(RateLimited) as refused:
            count_try([bucket], "t5", LIMIT, now=NOON + timedelta(minutes=10))
        with pytest.raises(RateLimited) as nearly:
            count_try([bucket], "t6", LIMIT, now=NOON + HOUR - timedelta(microseconds=1))

        count_try([bucket], "t7", LIMIT, now=NOON + HOUR)

        assert (refused.value.retry_after_s, nearly.value.retry_after_s) == (3_000, 1)
        assert set(kept(bucket)["tries"]) == {"t1", "t2", "t3", "t4", "t7"}

    def test_a_bucket_is_kept_no_longer_than_it_counts_and_without_its_name(
        self, bucket: str
    ) -> None:
        """An address is personal: digested, and gone by its time to live."""
        count_try([f"address/{bucket}"], "t", LIMIT, now=NOON)

        fields = kept(f"address/{bucket}")
        assert fields == {"tries": {"t": NOON}, "expires_at": NOON + HOUR}

    def test_all_buckets_count_or_none(self, bucket: str) -> None:
        """A full address must not use up the user's tries."""
        for number in range(5):
            count_try([f"address/{bucket}"], f"t{number}", LIMIT, now=NOON)

        with pytest.raises(RateLimited):
            count_try([f"user/{bucket}", f"address/{bucket}"], "t", LIMIT, now=NOON)

        assert not get_all([path_of(f"user/{bucket}")])[0].exists

    def test_racers_are_counted_exactly(self, bucket: str) -> None:
        """Twelve at once, five fit."""

        def one(number: int) -> str:
            while True:
                try:
                    count_try([bucket], f"t{number}", LIMIT, now=NOON)
                except Contention:
                    continue
                return "counted"

        outcomes = in_parallel(12, one)

        assert outcomes.count("counted") == len(kept(bucket)["tries"]) == 5

    def test_the_last_try_with_a_lost_reply_is_not_refused_for_itself(
        self, bucket: str, wire: Wire
    ) -> None:
        """It fills the bucket, and finds it full when it looks what became of it."""
        for number in range(4):
            count_try([bucket], f"t{number}", LIMIT, now=NOON)
        wire.reset()
        wire.faults[1] = FAULTS["lost_reply"]

        count_try([bucket], "t4", LIMIT, now=NOON)

        assert set(kept(bucket)["tries"]) == {f"t{number}" for number in range(5)}

    @pytest.mark.parametrize("index", [0, 1])
    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_try_is_counted_once_or_not_made(
        self, bucket: str, wire: Wire, index: int, fault: str
    ) -> None:
        """A lost reply costs nobody a second try, and nobody tries uncounted."""
        wire.faults[index] = FAULTS[fault]
        try:
            count_try([bucket], "t", LIMIT, now=NOON)
            was_counted = True
        except (Unavailable, Contention):
            was_counted = False

        assert not wire.faults
        wire.wait_for_late()
        assert not was_counted or set(kept(bucket)["tries"]) == {"t"}


def path_of(bucket: str) -> str:
    """Return the document of a bucket."""
    return f"rate/{sha256_hex(bucket)}"


def kept(bucket: str) -> dict[str, Any]:
    """Return the raw document of a bucket."""
    fields = get_all([path_of(bucket)])[0].fields
    assert fields is not None
    return fields
