"""Many redeem at once: no use is given twice, none is lost, nobody waits for a counter."""

from collections import Counter as Tally
from collections.abc import Sequence

import pytest

from creditbase.admin import voucher_store
from creditbase.admin.domain.vouchers import WINDOW, Span, code_digest, place_of
from creditbase.admin.voucher_store import count_taken
from creditbase.runtime.firestore import Create, commit
from tests.hub.redeeming import Counter, Person, kept, uses_of
from tests.ledger.wallets import in_parallel
from tests.relay.desk import CREDIT
from tests.wire import Wire

pytestmark = pytest.mark.firestore


def redeem_at_once(counter: Counter, people: Sequence[Person], code: str) -> list[int]:
    """Let all of them redeem at the same moment, and return the statuses."""
    for person in people:
        counter.open_account(person)

    def one(number: int) -> int:
        return counter.until_definite(people[number], code)[-1]

    return [status for status in in_parallel(len(people), one) if isinstance(status, int)]


def fill(code: str, *, but: int, of: int) -> None:
    """Take every slot of a voucher but one, as thousands of users would have."""
    path = f"vouchers/{code_digest(code)}/uses"
    writes = [
        Create(f"{path}/{slot}", {"slot": slot, "customer_id": f"c{slot}"})
        for slot in range(of)
        if slot != but
    ]
    for at in range(0, len(writes), 400):
        commit(writes[at : at + 400])


def test_of_fifty_who_want_the_last_use_one_wins(counter: Counter) -> None:
    """One success; everybody else is told the same as for any other code."""
    code = counter.voucher(credits=500, max_uses=1)
    people = [counter.person() for _ in range(50)]

    statuses = redeem_at_once(counter, people, code)

    assert Tally(statuses) == {200: 1, 404: 49}
    assert uses_of(code) == (1, 1)
    granted = [nanos for person in people for nanos in counter.granted(person)]
    assert granted == [500 * CREDIT]
    assert kept(code)["is_used_up"] is True


def test_as_many_as_there_are_uses_win_and_no_one_more(counter: Counter) -> None:
    """Every use is found by somebody while others take theirs."""
    code = counter.voucher(max_uses=12)
    people = [counter.person() for _ in range(16)]

    statuses = redeem_at_once(counter, people, code)

    assert Tally(statuses) == {200: 12, 404: 4}
    assert uses_of(code) == (12, 12)
    assert sum(len(counter.granted(person)) for person in people) == 12


def test_one_user_at_many_windows_gets_it_once(
    counter: Counter, fresh_settings: pytest.MonkeyPatch
) -> None:
    """One request is told that it worked, the others that it was done."""
    fresh_settings.setenv("CREDITBASE_REDEEM_LIMIT", "off")
    code, person = counter.voucher(max_uses=20), counter.person()

    statuses = redeem_at_once(counter, [person] * 12, code)

    assert Tally(statuses) == {200: 1, 409: 11}
    assert uses_of(code) == (1, 1)
    assert counter.granted(person) == [500 * CREDIT]


def test_a_user_who_never_came_before_is_made_once(
    counter: Counter, fresh_settings: pytest.MonkeyPatch
) -> None:
    """First touch and redemption in one, eight times at once."""
    fresh_settings.setenv("CREDITBASE_REDEEM_LIMIT", "off")
    code, person = counter.voucher(), counter.person()

    def one(_: int) -> int:
        return counter.until_definite(person, code)[-1]

    assert Tally(in_parallel(8, one)) == {200: 1, 409: 7}
    assert counter.granted(person) == [500 * CREDIT]


def test_tries_at_once_are_counted_one_by_one(counter: Counter) -> None:
    """Ten guesses in the same moment are ten guesses, whichever process they reach."""
    person = counter.person()
    counter.open_account(person)

    def one(_: int) -> int:
        return counter.until_definite(person, "wrong")[-1]

    assert Tally(in_parallel(10, one)) == {404: 5, 429: 5}


@pytest.mark.parametrize("last", [0, 311, 999])
def test_the_last_of_a_thousand_is_found_in_few_rpcs(
    counter: Counter, wire: Wire, last: int
) -> None:
    """Not by walking through all of them; who comes next learns in one RPC that it is over."""
    code = counter.voucher(max_uses=1_000)
    fill(code, but=last, of=1_000)
    finder, late, later = (counter.person() for _ in range(3))
    counter.open_account(finder)
    wire.reset()

    assert counter.redeem(finder, code).status_code == 200

    searching = [rpc for rpc in wire.rpcs if rpc.name == "RunAggregationQuery"]
    assert len(searching) <= 6
    assert sum(rpc.reads for rpc in wire.rpcs) <= 2 * WINDOW + 8
    assert count_taken(code_digest(code), Span(0, 1_000)) == 1_000

    # and then: the first finds it full by one count and notes it, the second need not count
    counts = []
    for person in (late, later):
        counter.open_account(person)
        wire.reset()
        assert counter.redeem(person, code).status_code == 404
        names = [rpc.name for rpc in wire.rpcs][3:]  # after the tries and the user
        counts.append(names)
    assert counts == [
        ["BatchGetDocuments", "BatchGetDocuments", "RunAggregationQuery", "Commit"],
        ["BatchGetDocuments"],
    ]


def test_many_in_a_large_voucher_write_different_documents(
    counter: Counter, wire: Wire
) -> None:
    """Places of their own: hardly anybody meets anybody, so nobody has to try again."""
    code = counter.voucher(max_uses=100_000)
    people = [counter.person() for _ in range(12)]
    for person in people:
        counter.open_account(person)
    wire.reset()

    def one(number: int) -> int:
        return counter.redeem(people[number], code).status_code

    assert Tally(in_parallel(12, one)) == {200: 12}
    assert wire.commits == 3 * 12


def test_a_slot_that_is_taken_while_it_is_looked_for_is_looked_for_again(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every look of the search may be stale; only the commit decides."""
    code, person = counter.voucher(max_uses=1_000), counter.person()
    customer_id = counter.open_account(person).customer_id
    place = place_of(customer_id, code_digest(code), max_uses=1_000)
    fill(code, but=(place + 500) % 1_000, of=1_000)  # where no first look reaches
    looks: list[int] = []
    really = voucher_store.find_free_slots

    def stale(digest: str, slots: Sequence[int]) -> list[int]:
        looks.append(len(slots))
        free = really(digest, slots)
        # At the first look everything seems free, at the second everything taken.
        return {1: list(slots), 3: []}.get(len(looks), free)

    monkeypatch.setattr(voucher_store, "find_free_slots", stale)

    assert counter.redeem(person, code).status_code == 200
    assert len(looks) == 5
    assert counter.granted(person) == [500 * CREDIT]
