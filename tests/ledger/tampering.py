"""Ways to tamper with the entries of a ledger, by somebody who knows the format.

The hashes from the changed line on are made anew, up to the wallet's head.
"""

import copy
from collections.abc import Callable
from datetime import timedelta

from creditbase.ledger.domain.entries import digest_of, entry_salt
from creditbase.ledger.domain.proof.entries import NOT_COVERED
from tests.ledger.proofs import Fields, Ledger

Tampering = Callable[[Ledger], None]
TAMPERINGS: dict[str, Tampering] = {}


def tampering(act: Tampering) -> Tampering:
    """Name a way to tamper with a ledger."""
    TAMPERINGS[act.__name__.strip("_")] = act
    return act


def chain(ledger: Ledger) -> None:
    """Number and hash all entries anew, and let the wallet agree."""
    prev = ""
    ordered = sorted(ledger.documents["entries"].values(), key=lambda it: it["seq"])
    for seq, fields in enumerate(ordered, start=1):
        fields["seq"], fields["prev"] = seq, prev
        salt = entry_salt(ledger.wallet["state"]["salt"], fields["entry_id"])
        fields["seal"] = digest_of({**fields.get("private", {}), "salt": salt})
        covered = {k: v for k, v in fields.items() if k not in NOT_COVERED}
        prev = fields["hash"] = digest_of(covered)
    ledger.wallet["state"]["seq"], ledger.wallet["state"]["head"] = len(ordered), prev


def entry(ledger: Ledger, kind: str, number: int = 0) -> Fields:
    """Return the n-th entry of a kind."""
    found = [it for it in ledger.documents["entries"].values() if it["kind"] == kind]
    return sorted(found, key=lambda it: it["seq"])[number]


def state(ledger: Ledger) -> Fields:
    """Return the wallet's state."""
    found: Fields = ledger.wallet["state"]
    return found


@tampering
def _an_entry_is_deleted(it: Ledger) -> None:
    del it.documents["entries"][entry(it, "charge", 1)["entry_id"]]


@tampering
def _an_entry_is_deleted_and_the_rest_numbered_anew(it: Ledger) -> None:
    del it.documents["entries"][entry(it, "charge", 1)["entry_id"]]
    chain(it)


@tampering
def _the_newest_entry_is_deleted(it: Ledger) -> None:
    del it.documents["entries"][entry(it, "refund", -1)["entry_id"]]
    chain(it)


@tampering
def _two_entries_are_swapped(it: Ledger) -> None:
    one, other = entry(it, "charge", 0), entry(it, "charge", 1)
    one["seq"], other["seq"] = other["seq"], one["seq"]
    chain(it)


@tampering
def _an_entry_is_copied_under_another_name(it: Ledger) -> None:
    copied = copy.deepcopy(entry(it, "charge"))
    it.documents["entries"]["op:copy"] = copied


@tampering
def _a_charge_is_repeated_under_another_key(it: Ledger) -> None:
    again = {**copy.deepcopy(entry(it, "charge")), "entry_id": "op:again", "seq": 10**6}
    again["at"] = state(it)["at"]
    it.documents["entries"]["op:again"] = again
    chain(it)


@tampering
def _an_entry_without_a_number_lies_among_the_others(it: Ledger) -> None:
    it.documents["entries"]["op:odd"] = {"kind": "charge"}


@tampering
def _an_entry_is_of_another_wallet(it: Ledger) -> None:
    entry(it, "charge")["wallet_id"] = "project/other"
    chain(it)


@tampering
def _a_charge_is_made_smaller(it: Ledger) -> None:
    one = entry(it, "charge")
    one["amount_nanos"] -= 1
    one["captured_nanos"] -= 1
    one["postings"]["consumed"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    one["draws"][0]["amount_nanos"] -= 1
    chain(it)


@tampering
def _a_charge_takes_less_than_it_says(it: Ledger) -> None:
    one = entry(it, "charge")
    one["postings"]["consumed"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    chain(it)


@tampering
def _a_charge_falls_short_of_nothing(it: Ledger) -> None:
    entry(it, "charge")["shortfall_nanos"] = 1
    chain(it)


@tampering
def _a_draw_is_moved_to_another_grant(it: Ledger) -> None:
    one = entry(it, "charge")
    one["draws"][0]["source"] = "topup:pi_1"
    chain(it)


@tampering
def _a_draw_of_nothing_is_added(it: Ledger) -> None:
    entry(it, "charge")["draws"].append({"source": "x", "kind": "x", "amount_nanos": 0})
    chain(it)


@tampering
def _draws_are_no_list(it: Ledger) -> None:
    entry(it, "charge")["draws"] = {}
    chain(it)


@tampering
def _a_grant_is_made_larger(it: Ledger) -> None:
    one = entry(it, "grant", 1)
    one["amount_nanos"] += 10
    one["postings"]["granted"] -= 10
    one["postings"]["grant:topup:pi_1"] += 10
    chain(it)


@tampering
def _a_grant_is_made_larger_and_the_wallet_with_it(it: Ledger) -> None:
    _a_grant_is_made_larger(it)
    grant = state(it)["grants"]["topup:pi_1"]
    grant["remaining_nanos"] += 10
    grant["granted_nanos"] += 10


@tampering
def _a_grant_gives_more_than_was_granted(it: Ledger) -> None:
    entry(it, "grant", 1)["postings"]["granted"] -= 1
    chain(it)


@tampering
def _a_grant_is_given_from_a_debt(it: Ledger) -> None:
    one = entry(it, "grant", 1)
    one["postings"] = {"granted": -400, "grant:topup:pi_1": 401, "receivable": -1}
    chain(it)


@tampering
def _a_grant_says_another_amount(it: Ledger) -> None:
    entry(it, "grant", 1)["amount_nanos"] = 399
    chain(it)


@tampering
def _a_cause_gives_twice(it: Ledger) -> None:
    again = copy.deepcopy(entry(it, "grant", 1))
    again["seq"] += 1
    it.documents["entries"]["again"] = again
    chain(it)


@tampering
def _a_grant_is_given_as_a_part_of_a_bought_one(it: Ledger) -> None:
    one = entry(it, "grant", -1)
    one["cause"] = {"grant_id": "topup:pi_1", "grant_kind": "topup"}
    one["postings"] = {"granted": -one["amount_nanos"], "grant:topup:pi_1": one["amount_nanos"]}
    chain(it)


@tampering
def _a_grant_is_given_as_what_it_is_not(it: Ledger) -> None:
    entry(it, "grant", 1)["cause"]["grant_kind"] = "gift"
    chain(it)


@tampering
def _a_hold_is_made_smaller(it: Ledger) -> None:
    one = entry(it, "hold", -1)
    one["amount_nanos"] -= 1
    one["postings"]["held"] -= 1
    chain(it)


@tampering
def _a_hold_lasts_longer_than_a_day(it: Ledger) -> None:
    entry(it, "hold")["expires_at"] += timedelta(days=2)
    chain(it)


@tampering
def _a_hold_is_placed_twice(it: Ledger) -> None:
    entry(it, "hold", -1)["hold_id"] = entry(it, "hold", -2)["hold_id"]
    chain(it)


@tampering
def _a_hold_ends_that_was_not_open(it: Ledger) -> None:
    one = entry(it, "void")
    it.documents["entries"].pop(one["entry_id"])
    one["hold_id"] = "hold_x"
    one["entry_id"] = "end:hold_x"
    it.documents["entries"]["end:hold_x"] = one
    chain(it)


@tampering
def _a_hold_ends_twice(it: Ledger) -> None:
    one = copy.deepcopy(entry(it, "void"))
    one["seq"] += 1
    it.documents["entries"]["end:twice"] = one
    chain(it)


@tampering
def _a_capture_is_made_to_expire(it: Ledger) -> None:
    one = entry(it, "capture")
    one["kind"], one["status"] = "expire", "expired"
    chain(it)


@tampering
def _a_capture_ends_at_a_time_that_no_hold_has(it: Ledger) -> None:
    entry(it, "capture")["expires_at"] -= timedelta(seconds=1)
    chain(it)


@tampering
def _a_capture_pays_for_another_key(it: Ledger) -> None:
    entry(it, "capture")["cause"] = {"budget": "key_2"}
    chain(it)


@tampering
def _a_void_takes_something(it: Ledger) -> None:
    entry(it, "void")["captured_nanos"] = 1
    chain(it)


@tampering
def _a_capture_draws_more_than_it_takes(it: Ledger) -> None:
    entry(it, "capture")["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def _a_capture_draws_beyond_what_was_asked(it: Ledger) -> None:
    one = entry(it, "capture")
    draw = one["draws"][0]
    one["draws"] = [{**draw, "amount_nanos": 24}, {**draw, "source": "x", "amount_nanos": 1}]
    chain(it)


@tampering
def _a_capture_gives_back_to_another_grant(it: Ledger) -> None:
    one = entry(it, "capture")
    one["postings"]["grant:topup:pi_1"] = one["postings"].pop("grant:free:0")
    chain(it)


@tampering
def _a_capture_consumes_less(it: Ledger) -> None:
    one = entry(it, "capture")
    one["postings"]["consumed"] -= 1
    one["postings"]["grant:free:0"] += 1
    chain(it)


@tampering
def _a_capture_lets_something_lapse_below_zero(it: Ledger) -> None:
    one = entry(it, "capture")
    one["postings"]["expired"] = -1
    one["postings"]["grant:free:0"] += 1
    chain(it)


@tampering
def _a_late_capture_comes_after_no_expiry(it: Ledger) -> None:
    one = entry(it, "expire")
    one["kind"], one["status"] = "capture", "captured"
    one["at"] = one["started_at"]
    chain(it)


@tampering
def _a_late_capture_says_the_expiry_took_less(it: Ledger) -> None:
    entry(it, "late")["cause"]["before"]["captured_nanos"] = 1
    chain(it)


@tampering
def _a_late_capture_draws_more(it: Ledger) -> None:
    entry(it, "late")["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def _a_late_capture_comes_before_its_expiry(it: Ledger) -> None:
    entry(it, "expire")["seq"] = 10**6
    was = entry(it, "late")
    was["seq"] -= 0
    chain(it)


@tampering
def _a_lapse_is_of_less_than_is_left(it: Ledger) -> None:
    one = entry(it, "lapse")
    one["amount_nanos"] -= 1
    one["postings"]["expired"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    chain(it)


@tampering
def _a_lapse_is_of_another_kind_of_grant(it: Ledger) -> None:
    entry(it, "lapse")["cause"]["grant_kind"] = "promo"
    chain(it)


@tampering
def _a_lapse_is_named_like_no_end(it: Ledger) -> None:
    one = entry(it, "lapse")
    it.documents["entries"].pop(one["entry_id"])
    one["entry_id"] = "lapse:x"
    it.documents["entries"]["lapse:x"] = one
    chain(it)


@tampering
def _a_refund_gives(it: Ledger) -> None:
    one = entry(it, "refund")
    one["postings"] = {key: -nanos for key, nanos in one["postings"].items()}
    chain(it)


@tampering
def _a_refund_draws_on_another(it: Ledger) -> None:
    entry(it, "refund", 1)["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def _postings_do_not_sum_to_zero(it: Ledger) -> None:
    entry(it, "charge")["postings"]["consumed"] += 1
    chain(it)


@tampering
def _an_account_that_nobody_knows_moves(it: Ledger) -> None:
    entry(it, "charge")["postings"] |= {"gift": 1, "expired": -1}
    chain(it)


@tampering
def _a_grant_that_was_never_given_is_drawn_on(it: Ledger) -> None:
    one = entry(it, "refund")
    one["postings"] = {"grant:never": -one["amount_nanos"], "refunded": one["amount_nanos"]}
    chain(it)


@tampering
def _an_entry_tells_another_balance(it: Ledger) -> None:
    entry(it, "charge")["figures"]["balance_nanos"] += 1
    chain(it)


@tampering
def _an_entry_tells_more_to_be_available(it: Ledger) -> None:
    entry(it, "charge")["figures"]["available_nanos"] += 1
    chain(it)
