"""Vouchers, decided: codes as people type them, and slots that are all found."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.admin.domain.vouchers import (
    CODE_BYTES,
    USES_MAX,
    WINDOW,
    Span,
    Voucher,
    VoucherTerms,
    choose_slot,
    code_digest,
    narrow,
    new_code,
    place_of,
    read_code,
    window_at,
)
from creditbase.kernel.errors import InvalidRequest

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

typed = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=64)
sizes = st.integers(1, 2_000)


@st.composite
def partly_taken(draw: st.DrawFn) -> tuple[int, frozenset[int]]:
    """Return a number of slots, and which of them are taken: often nearly all."""
    size = draw(sizes)
    some = draw(st.frozensets(st.integers(0, size - 1), max_size=12))
    return size, some if draw(st.booleans()) else frozenset(range(size)) - some


class TestCodes:
    """What is typed, and what is compared."""

    @given(typed, st.sampled_from(["", " ", "\t\n", "\u00a0"]))
    def test_spaces_around_and_case_do_not_matter(self, code: str, around: str) -> None:
        """One code, however it was typed."""
        assert code_digest(f"{around}{code}{around}") == code_digest(code)
        if code.upper().casefold() == code.casefold() and len(code.upper()) <= 64:
            assert code_digest(code.upper()) == code_digest(code)

    @given(typed, typed)
    def test_other_codes_have_other_digests(self, one: str, other: str) -> None:
        """Only spaces and case are forgiven."""
        is_same = one.casefold() == other.casefold()

        assert (code_digest(one) == code_digest(other)) == is_same

    @pytest.mark.parametrize("code", ["", "  ", "x" * 65, "a\x00b", "a\nb", "\ud800"])
    def test_what_nobody_types_is_no_code(self, code: str) -> None:
        """Refused before anything is looked up."""
        with pytest.raises(InvalidRequest):
            read_code(code)

    def test_spaces_around_do_not_make_a_code_too_long(self) -> None:
        """Sixty-four characters, and a pasted line end."""
        assert read_code(" " * 9 + "X" * 64 + "\r\n") == "x" * 64

    @given(st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES))
    def test_a_code_of_ours_can_be_read_out(self, random_bytes: bytes) -> None:
        """Nineteen characters, none of which looks like another."""
        code = new_code(random_bytes)

        assert len(code) == 19
        assert not set(code) & set("0189")
        assert read_code(code) == code.casefold()


class TestOpenness:
    """When a code gives something."""

    @given(st.integers(-2, 2), st.integers(-2, 2))
    def test_its_window_is_half_open(self, begin: int, end: int) -> None:
        """From the start on; at the end no more; a missing bound is none."""
        micro = timedelta(microseconds=1)
        terms = VoucherTerms(
            credits=1, starts_at=NOON + begin * micro, expires_at=NOON + end * micro
        )

        assert a_voucher(terms).is_open(NOON) == (begin <= 0 < end)
        assert a_voucher(VoucherTerms(credits=1)).is_open(NOON)

    def test_disabled_and_used_up_are_closed(self) -> None:
        """For good."""
        terms = VoucherTerms(credits=1)

        assert not Voucher(digest="d", terms=terms, created_at=NOON, disabled_at=NOON).is_open(
            NOON
        )
        assert not Voucher(digest="d", terms=terms, created_at=NOON, is_used_up=True).is_open(
            NOON
        )


class TestSlots:
    """Every free slot is found, from everywhere, in few steps."""

    @given(st.uuids(), sizes)
    def test_a_look_begins_at_ones_own_place_and_sees_each_slot_once(
        self, customer_id: object, max_uses: int
    ) -> None:
        """The same place each time, so that a repeat asks for the same documents."""
        place = place_of(str(customer_id), "d", max_uses=max_uses)
        seen = window_at(place, max_uses=max_uses)

        assert place == place_of(str(customer_id), "d", max_uses=max_uses)
        assert seen[0] == place
        assert len(set(seen)) == len(seen) == min(WINDOW, max_uses)
        assert set(seen) <= set(range(max_uses))

    @given(partly_taken(), st.integers(0, 2_000))
    def test_counting_leads_to_a_free_slot_if_there_is_one(
        self, slots: tuple[int, frozenset[int]], place: int
    ) -> None:
        """Whichever are taken, wherever one begins; each count halves what is left."""
        size, taken = slots
        counts = 0

        def count(span: Span) -> int:
            nonlocal counts
            counts += 1
            return len(taken & set(span.slots()))

        found = narrow(Span(0, size), place % size, count)

        assert found.size <= WINDOW
        assert counts <= max(0, (size // WINDOW).bit_length() + 1)
        free = [slot for slot in found.slots() if slot not in taken]
        assert bool(free) == (len(taken) < size)
        if free:
            assert choose_slot(free, place) in free

    def test_the_largest_voucher_takes_eleven_counts(self) -> None:
        """One left of a hundred thousand."""
        spans: list[Span] = []

        def count(span: Span) -> int:
            spans.append(span)
            return span.size - (77_777 in span.slots())

        found = narrow(Span(0, USES_MAX), 5, count)

        assert 77_777 in found.slots()
        assert len(spans) == 11

    @given(st.integers(0, 10**6), st.integers(2, 10**6), st.integers(0, 10**6))
    def test_halves_are_the_whole_and_the_nearer_comes_first(
        self, begin: int, size: int, place: int
    ) -> None:
        """No slot is in both, none in neither."""
        span = Span(begin, begin + size)
        near, far = span.halves(place)

        assert sorted([near.begin, near.end, far.begin, far.end])[::3] == [
            span.begin,
            span.end,
        ]
        assert near.size + far.size == span.size
        if place in span.slots():
            assert place in near.slots()

    def test_places_are_spread(self) -> None:
        """A thousand users of a thousand slots: no tenth of them is crowded."""
        places = [place_of(f"customer-{n}", "d", max_uses=1_000) for n in range(1_000)]

        crowds = [sum(place // 100 == tenth for place in places) for tenth in range(10)]
        assert min(crowds) > 50
        assert max(crowds) < 150


def a_voucher(terms: VoucherTerms) -> Voucher:
    """Return a voucher that nobody has used."""
    return Voucher(digest="d", terms=terms, created_at=NOON)
