"""What is compared between two runs, and what is not."""

from typing import Any

from tests.payments.canonical import canonical_of, present_of

CUSTOMER = "0f0e0d0c-0000-0000-0000-000000000001"
PAYMENT = "pi_3abcdefghijklmn"


def entry(entry_id: str, *, seq: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an entry that grants five."""
    postings = {"granted": -5, f"grant:{entry_id}": 5}
    known = {"entry_id": entry_id, "seq": seq, "at": f"{seq} o'clock", "hash": f"hash {seq}"}
    return {**known, "amount_nanos": 5, "postings": postings, **fields}


def step(number: int, nanos: int, payment: str = PAYMENT) -> dict[str, Any]:
    """Return a step of a payment's refunds."""
    return entry(
        f"refund:{payment}:{number}",
        seq=number + 1,
        amount_nanos=nanos,
        postings={"refunded": nanos, f"grant:topup:{payment}": -nanos},
        cause={"grant_id": f"topup:{payment}", "refunded_cents": number},
    )


def text_of(*entries: dict[str, Any], customer: str = CUSTOMER) -> str:
    """Return the canonical text of a customer with these entries."""
    wallet = f"projects/p/wallets/{customer}"
    documents: dict[str, dict[str, Any]] = {wallet: {"state": {"seq": len(entries)}}}
    documents |= {f"{wallet}/entries/{each['entry_id']}": each for each in entries}
    return canonical_of(documents, customer)


def test_another_customer_with_the_same_life_has_the_same_text() -> None:
    """Else a run that was disturbed could not be compared with one that was not."""
    other = "0f0e0d0c-0000-0000-0000-000000000002"
    told = entry(f"topup:{PAYMENT}")
    told_other = entry("topup:pi_3zyxwvutsrqponml", seq=1)

    assert text_of(told) == text_of(told_other, customer=other)


def test_the_order_and_the_instants_of_entries_do_not_count() -> None:
    """Two causes that have nothing to do with each other may come in any order."""
    one, two = entry("free:0", seq=1), entry("voucher:ab", seq=2)

    assert text_of(one, two) == text_of({**two, "seq": 1}, {**one, "seq": 2})


def test_an_amount_or_a_line_more_is_seen() -> None:
    """A canonical text that hides a wrong credit would be worse than none."""
    one, more = entry("free:0"), entry("free:0", amount_nanos=6)

    texts = {text_of(), text_of(one), text_of(more), text_of(one, entry(f"topup:{PAYMENT}"))}

    assert len(texts) == 4


def test_the_steps_of_a_refund_are_added_up() -> None:
    """Looking at Stripe between two refunds makes two steps, looking after both makes one."""
    in_two = text_of(step(1, 2), step(2, 3))

    assert in_two == text_of({**step(1, 5)})
    assert in_two != text_of(step(1, 2), step(2, 2))


def test_the_same_credits_of_two_payments_are_two() -> None:
    """Numbered names keep apart what is apart."""
    twice = text_of(entry(f"topup:{PAYMENT}"), entry("topup:pi_3zyxwvutsrqponml", seq=2))

    assert twice.count("topup:pi#") > text_of(entry(f"topup:{PAYMENT}")).count("topup:pi#")


def test_what_has_come_and_gone_is_no_part_of_the_present() -> None:
    """Credits of a period that was over before it was told of never were there."""
    lapse = entry(
        "expire:cycle:old", kind="lapse", postings={"expired": 5, "grant:cycle:old": -5}
    )
    old, new = entry("cycle:old"), entry("cycle:new", seq=3)

    told_in_time = present(old, lapse, new)

    assert told_in_time == present(new)
    assert told_in_time != present(entry("cycle:new", amount_nanos=6))
    spent = entry("op:1", postings={"consumed": 1, "grant:cycle:old": -1})
    assert present(old, lapse, new, spent) != told_in_time


def test_free_credits_that_came_back_and_went_again_are_no_part_of_the_present() -> None:
    """A plan ended and another began; told late, the customer was never free in between."""
    of_free: Any = {"cause": {"grant_id": "cycle:new"}, "kind": "lapse"}
    back = entry(
        "return:cycle:new:1", postings={"expired": -5, "grant:cycle:new": 5}, **of_free
    )
    gone = {"expired": 5, "grant:cycle:new": -5}
    name = "expire:cycle:new:return:cycle:new:1"
    new = entry("cycle:new")

    assert present(new, back, entry(name, postings=gone, **of_free)) == present(new)
    assert present(new, back) != present(new)
    less = {"expired": 4, "grant:cycle:new": -4}
    assert present(new, back, entry(name, postings=less, **of_free)) != present(new)


def present(*entries: dict[str, Any]) -> str:
    """Return the present of a customer whose wallet has the new cycle's grant."""
    wallet = f"projects/p/wallets/{CUSTOMER}"
    state: dict[str, Any] = {"state": {"grants": {"cycle:new": {"remaining_nanos": 5}}}}
    lines = {f"{wallet}/entries/{each['entry_id']}": each for each in entries}
    return present_of({wallet: state, **lines}, CUSTOMER)
