"""Entries: written in one spelling, chained by their hashes, summing to zero."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from creditbase.ledger.domain.commands import FixedAmount, Freeze, Tidy
from creditbase.ledger.domain.entries import Entry, Figures, canonical_json, digest_of
from creditbase.ledger.domain.wallet import (
    MODELS_MAX,
    NO_TALLIES,
    NOTHING_METERED,
    Draw,
    Metered,
    Tally,
    tallied,
)
from creditbase.ledger.encoding import read_entry, write_entry
from tests.ledger.builders import DAY, FREE, HOUR, NOON, a_story, tier

A_CHARGE = Entry(
    entry_id="op:ab",
    kind="charge",
    seq=2,
    at=datetime(2026, 3, 10, 12, 0, 0, 5, tzinfo=UTC),
    wallet_id="p/c",
    prev="00ff",
    postings={"consumed": 7, "grant:topup:pi_1": -7},
    figures=Figures(3, 2, 0, None, 5),
    window_start_at=datetime(2026, 3, 1, tzinfo=UTC),
    row=2,
    request_digest="cafe",
    status="captured",
    amount_nanos=7,
    captured_nanos=7,
    draws=(Draw("topup:pi_1", "topup", 7),),
    metered=Metered("modèle-1", "acme", 5, {"output_tokens": 1, "input_tokens": 2}),
    metadata={"user": "ann@example.com"},
)

WRITTEN_OUT = (
    '{"amount_nanos":7,"at":"2026-03-10T12:00:00.000005Z","captured_nanos":7,'
    '"draws":[{"amount_nanos":7,"kind":"topup","source":"topup:pi_1"}],"entry_id":"op:ab",'
    '"figures":{"available_nanos":3,"balance_nanos":5,"held_nanos":2,"receivable_nanos":0},'
    '"kind":"charge","metered":{"cost_nanos":5,"model":"modèle-1","provider":"acme",'
    '"quantities":{"input_tokens":2,"output_tokens":1}},'
    '"postings":{"consumed":7,"grant:topup:pi_1":-7},"prev":"00ff","request_digest":"cafe",'
    '"row":2,"seq":2,"shortfall_nanos":0,"status":"captured","wallet_id":"p/c",'
    '"window_start_at":"2026-03-01T00:00:00.000000Z"}'
)
ITS_DIGEST = "d7a28baabc65c8e945b8b76f9555e869abd5476a37d27d0620c1b98f10587eee"


def test_the_canonical_json_is_written_down() -> None:
    """Whoever checks the ledger in ten years, in any language, must get these bytes."""
    assert canonical_json(A_CHARGE.facts()) == WRITTEN_OUT
    assert hashlib.sha256(WRITTEN_OUT.encode()).hexdigest() == ITS_DIGEST
    assert digest_of(A_CHARGE.facts()) == ITS_DIGEST
    assert A_CHARGE.sealed().hash == ITS_DIGEST


def test_the_callers_words_are_not_under_the_hash() -> None:
    """Personal data can be erased from an entry, and the chain still verifies."""
    assert replace(A_CHARGE, metadata={}).sealed().hash == ITS_DIGEST
    assert "ann@example.com" in write_entry(A_CHARGE)["metadata"]
    assert "metadata" not in write_entry(replace(A_CHARGE, metadata={}))


@pytest.mark.parametrize(
    "change",
    [
        {"entry_id": "op:ac"},
        {"kind": "hold"},
        {"seq": 3},
        {"at": datetime(2026, 3, 10, 12, 0, 0, 6, tzinfo=UTC)},
        {"wallet_id": "p/d"},
        {"prev": "00fe"},
        {"postings": {"consumed": 8, "grant:topup:pi_1": -8}},
        {"figures": Figures(3, 2, 0, 0, 5)},
        {"figures": Figures(3, 2, 0, None, 6)},
        {"row": 3},
        {"window_start_at": NOON},
        {"request_digest": "caff"},
        {"key_digest": "k"},
        {"hold_id": "h"},
        {"status": "held"},
        {"amount_nanos": 8},
        {"captured_nanos": 8},
        {"shortfall_nanos": 1},
        {"draws": ()},
        {"started_at": NOON},
        {"expires_at": NOON},
        {"metered": NOTHING_METERED},
        {"cause": {"n": 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_other_field_is_under_the_hash(change: dict[str, object]) -> None:
    """An edit of a stored entry, however small, breaks the chain (P04)."""
    values = {name: getattr(A_CHARGE, name) for name in Entry.__dataclass_fields__}

    assert Entry(**{**values, **change}).sealed().hash != ITS_DIGEST


SALT = "0f" * 32
ITS_SEAL_IS_OF = (
    '{"cost_nanos":5,"provider":"acme","request_digest":"cafe",'
    '"salt":"d934e44fd5e9f9a365badec4c0d2650ac5bc07f114b9fc4829da4ac94b40c7ef"}'
)


def test_what_a_call_cost_us_is_under_the_seal_and_not_under_the_hash() -> None:
    """A customer computes the chain from what is shown, and nobody can try out our costs."""
    entry = A_CHARGE.sealed(SALT)
    document = write_entry(entry)

    assert document["private"] == {
        "cost_nanos": 5,
        "provider": "acme",
        "request_digest": "cafe",
    }
    assert document["metered"] == {
        "model": "modèle-1",
        "quantities": {"output_tokens": 1, "input_tokens": 2},
    }
    assert "request_digest" not in document
    assert "private" not in entry.covered()
    assert hashlib.sha256(ITS_SEAL_IS_OF.encode()).hexdigest() == entry.seal
    assert entry.hash == digest_of(
        {k: v for k, v in document.items() if k not in {"hash", "metadata", "private"}}
    )


@pytest.mark.parametrize(
    "change",
    [
        {"request_digest": "caff"},
        {"key_digest": "k"},
        {"metered": replace(A_CHARGE.metered, cost_nanos=6)},
        {"metered": replace(A_CHARGE.metered, provider="acne")},
        {"metered": replace(A_CHARGE.metered, pricing={"plan": "pro"})},
        {"entry_id": "op:ac"},
    ],
    ids=["request", "key", "cost", "provider", "pricing", "id"],
)
def test_every_private_field_is_under_the_seal(change: dict[str, object]) -> None:
    """What the customer is not shown cannot be changed afterwards either."""
    values = {name: getattr(A_CHARGE, name) for name in Entry.__dataclass_fields__}
    sealed = A_CHARGE.sealed(SALT)
    changed = Entry(**{**values, **change}).sealed(SALT)

    assert changed.seal != sealed.seal
    assert changed.hash != sealed.hash
    assert sealed.seal_by(SALT) == sealed.seal != sealed.seal_by("0e" * 32)


def test_entries_of_before_the_seals_keep_their_hashes() -> None:
    """A chain that was begun in clear goes on sealed, and both parts verify."""
    assert write_entry(A_CHARGE.sealed())["metered"]["cost_nanos"] == 5
    assert read_entry(write_entry(A_CHARGE.sealed())).sealed().hash == ITS_DIGEST
    sealed = A_CHARGE.sealed(SALT)
    assert read_entry(write_entry(sealed)) == sealed
    assert read_entry(write_entry(sealed)).sealed().hash == sealed.hash


def test_what_has_no_one_spelling_is_refused() -> None:
    """A float or an object would be written differently by the next reader."""
    with pytest.raises(TypeError, match="no canonical form for set"):
        canonical_json({"cause": {1, 2}})


def a_long_life() -> dict[str, Entry]:
    """Return the entries of a wallet to which everything has happened once."""
    story = a_story(FREE, a=1000)
    story.charge(600, Metered("m", "acme", 5, {"input_tokens": 2}, {"v": ["1"]}))
    story.capture(story.hold(100, model="m"), FixedAmount(120))
    story.void(story.hold(10))
    late = story.hold(10, ttl_s=60)
    reported = story.hold(10, model="m")
    story.extend(reported, NOON + HOUR, FixedAmount(4))
    story.wait(2 * HOUR).capture(late, 5, key="late")
    story.take_back("a", 1000)
    story.give_back("a", 30, "topup")
    story.do(Freeze("dispute"))
    story.wait(40 * DAY).do(Tidy())
    story.terms(tier(included="unlimited"), story.wallet.window.span)
    return story.entries


def test_the_chain_verifies_without_our_code() -> None:
    """Count, link and digest each line from its stored form, by the book and nothing else."""
    entries = a_long_life()
    assert {entry.kind for entry in entries.values()} == {
        *("charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund")
    }

    previous = ""
    for seq, entry in enumerate(entries.values(), start=1):
        document = write_entry(entry)
        told = document.pop("hash")
        document.pop("private", None)
        text = json.dumps(
            document,
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            default=lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        assert told == hashlib.sha256(text.encode()).hexdigest()
        assert (document["seq"], document["prev"]) == (seq, previous)
        assert sum(document["postings"].values()) == 0
        assert 0 not in document["postings"].values()
        previous = told


def test_an_entry_that_was_read_hashes_to_the_same() -> None:
    """A replay is answered from the stored entry: every figure of it must come back."""
    for entry in [*a_long_life().values(), A_CHARGE.sealed()]:
        read = read_entry(write_entry(entry))

        assert read == entry
        assert read.sealed().hash == entry.hash


# ---- counters ------------------------------------------------------------------------------


def test_counters_add_up_by_pool() -> None:
    """Cached and audio tokens are input, reasoning is output; nothing counts twice."""
    pools = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "audio_input_tokens")
    inside = dict(zip(pools, (1, 2, 4, 8), strict=True))
    outside = {"output_tokens": 16, "reasoning_tokens": 32, "audio_output_tokens": 64}
    metered = Metered("m", "acme", 9, {**inside, **outside, "images": 3, "requests": 5})

    tally = Tally(1, 10, 1, 1, 1, 1).joined(Tally.of(metered, 90))

    assert tally == Tally(6, 100, 10, 16, 113, 4)
    assert Tally.of(NOTHING_METERED, 7) == Tally(requests=1, amount_nanos=7)


def test_models_beyond_two_hundred_are_counted_together() -> None:
    """The hot document stays small whatever names are used, and the total stays exact."""
    tallies = NO_TALLIES
    for number in range(MODELS_MAX):
        tallies = tallied(tallies, f"m{number}", Tally(1, 1))
    assert (len(tallies), "other" in tallies) == (200, False)

    for name in ("new", "newer", "m7", ""):
        tallies = tallied(tallies, name, Tally(1, 1))

    assert tallies["other"] == Tally(requests=3, amount_nanos=3)
    assert tallies["m7"].amount_nanos == 2
    assert sum(tally.amount_nanos for tally in tallies.values()) == 204
    assert tallied(NO_TALLIES, "", Tally(1, 1)) == {"unspecified": Tally(1, 1)}


@pytest.mark.parametrize(
    ("now", "before", "rest"),
    [
        ({"input_tokens": 9}, {"input_tokens": 4}, {"input_tokens": 5, "requests": 0}),
        ({"input_tokens": 4}, {"input_tokens": 9}, {"input_tokens": 0, "requests": 0}),
        ({"images": 2}, {"input_tokens": 9}, {"images": 2, "requests": 0}),
        ({"requests": 5}, {"requests": 2}, {"requests": 3}),
        ({}, {}, {"requests": 0}),
    ],
)
def test_what_was_counted_is_not_counted_again(
    now: dict[str, int], before: dict[str, int], rest: dict[str, int]
) -> None:
    """A capture after a time-out reports the whole; only the difference is new."""
    uncounted = Metered("m", "acme", 10, now).minus(Metered("m", "acme", 7, before))

    assert uncounted.quantities == rest
    assert uncounted.cost_nanos == 3
    assert Metered("m", "", 7).minus(Metered("m", "", 10)).cost_nanos == 0
