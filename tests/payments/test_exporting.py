"""What is known of a person, all of it, of nobody else, and nothing that opens a door."""

import json
from itertools import islice
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.admin import exporting, personal_store
from creditbase.admin.command import main
from creditbase.admin.domain.personal import HOLDINGS, LEFT_OUT, shown
from creditbase.admin.erasing import Consent, erase
from creditbase.admin.exporting import ExportStream, load_person, written
from creditbase.admin.personal_store import READERS, Person
from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.runtime.firestore import Snapshot, query
from tests.payments.leaver import Leaver, a_leaver
from tests.payments.shop import Shop
from tests.rules.collections import documented

Json = dict[str, Any]


def export_of(leaver: Leaver) -> Json:
    """Return a person's export, read back."""
    text = "".join(written(load_person(leaver.ref), now=leaver.now))
    found: Json = json.loads(text)
    return found


def test_every_collection_is_exported_or_said_not_to_be_personal() -> None:
    """Who adds a collection says here what it holds of a person, and what an erasure leaves."""
    assert set(HOLDINGS) == set(documented())
    assert set(READERS) == {name for name, held in HOLDINGS.items() if held.is_exported}
    assert all(held.left for held in HOLDINGS.values())


def test_what_is_left_out_is_left_out_at_every_depth() -> None:
    """A digest in a map in a list is a digest."""
    secret = dict.fromkeys(LEFT_OUT, "x")
    kept = {"a": [{"b": 1, **secret}], "body": '{"c": {"url": "x", "d": 2}}', "payload": "{"}

    assert shown({**kept, **secret}) == {
        "a": [{"b": 1}],
        "body": {"c": {"d": 2}},
        "payload": "{",
    }


@pytest.mark.firestore
def test_all_of_one_person_and_nothing_of_another(
    leaver: Leaver, client: FlaskClient, shop: Shop
) -> None:
    """Every text that names the person is there; no text that names somebody else is."""
    other = a_leaver(client, shop, leaver.now)

    found = export_of(leaver)

    text = json.dumps(found)
    assert found["is_complete"] is True
    assert found["stripe_customer_ids"]
    assert [name for name in leaver.canaries if name not in text] == [leaver.reason]
    assert not [name for name in (*other.canaries, other.ref.customer_id) if name in text]
    held = {row["collection"] for row in found["documents"]}
    assert held >= {
        *("users/{uid}", "api_keys/{digest}", "projects/{p}/customers/{c}", "mail/{id}"),
        *("projects/{p}/wallets/{c}", "projects/{p}/wallets/{c}/entries/{id}", "audit/{id}"),
        *("projects/{p}/balances/{c}", "projects/{p}/subscriptions/{sub}", "payments/{pi}"),
        *("stripe_customers/{cus}", "checkout_sessions/{cs}", "stripe_events/{evt}"),
    }


@pytest.mark.firestore
def test_no_digest_of_a_key_and_no_hash_is_in_it(leaver: Leaver) -> None:
    """Whoever finds an export can do nothing with it, and learns no price that we pay."""
    digests = {one.document_id for one in query("api_keys", limit=1_000)}
    hashes = {
        (one.fields or {})["hash"]
        for one in query(f"{leaver.wallet.wallet}/entries", limit=1_000)
    }

    text = json.dumps(export_of(leaver))

    assert digests
    assert hashes
    assert not [secret for secret in digests | hashes if secret in text]
    assert "cost_nanos" not in text


@pytest.mark.firestore
def test_cut_off_it_is_no_json(leaver: Leaver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an export that looks whole would be a lie."""

    def silent(person: Person) -> list[Snapshot]:
        raise Unavailable

    monkeypatch.setattr(
        exporting, "READERS", {**personal_store.READERS, "payments/{pi}": silent}
    )
    stream = ExportStream(load_person(leaver.ref), now=leaver.now)

    text = b"".join(stream)

    assert stream.code == "SERVICE_UNAVAILABLE"
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


@pytest.mark.firestore
def test_who_hangs_up_costs_no_more_reads(leaver: Leaver) -> None:
    """A browser that is closed ends the reading, too."""
    stream = ExportStream(load_person(leaver.ref), now=leaver.now)
    assert len(list(islice(stream, 2))) == 2

    stream.close()

    assert list(stream) == []


@pytest.mark.firestore
def test_of_who_was_erased_there_is_nothing(leaver: Leaver) -> None:
    """It looks as if nobody had ever been there."""
    erase(leaver.deed(), Consent(forfeits_credits=True), now=leaver.now)

    with pytest.raises(NotFound):
        load_person(leaver.ref)


@pytest.mark.firestore
def test_on_the_command_line(leaver: Leaver, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator exports and erases by the same code, and is told what came of it."""
    assert main(["customers", "export", leaver.uid]) == 0
    assert json.loads(capsys.readouterr().out)["customer_id"] == leaver.ref.customer_id

    reason = ["--reason", "ticket", "--key", "k"]
    assert main(["customers", "erase", leaver.uid, *reason]) == 1
    assert main(["customers", "erase", leaver.uid, *reason, "--force"]) == 0

    assert "status: erased" in capsys.readouterr().out
