"""The commands on the emulator: each does what it says, once, and answers in one shape."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import typer

from command_line.app import app
from command_line.target import NoTarget, find_target
from creditbase.accounts.customer_store import begins_in_shadow
from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes, run
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from dev.layout import ROOT
from tests.command_line.typed import typed

WHY = ("--reason", "promised on the telephone")

pytestmark = pytest.mark.firestore

Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def customer(firestore_host: str, project: str) -> CustomerRef:
    """Return a new customer of the hub, with its free credits."""
    assert firestore_host
    assert project
    ensure_project("hub", now=real_now())
    shared_cache().forget()
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    lanes.cache_clear()
    return first_touch(f"u{uuid4().hex}", now=real_now())


def test_credits_are_given_once_however_often_it_is_typed(
    customer: CustomerRef, capsys: Capsys
) -> None:
    """The same key is the same action, and the same record answers."""
    words = ("grant", customer.customer_id, "100", "--key", "t1", *WHY, "--json")

    first, again = typed(capsys, *words), typed(capsys, *words)
    shown = typed(capsys, "customers", "show", customer.customer_id, "--json").result

    assert (first.status, again.status) == (0, 0)
    assert first.result["audit_id"] == again.result["audit_id"]
    assert shown["wallet"]["available_nanos"] == 600_000_000
    assert typed(capsys, "grant", customer.customer_id, "7", "--key", "t1", *WHY).status == 1


def test_nothing_is_given_without_a_reason(customer: CustomerRef, capsys: Capsys) -> None:
    """Nobody is there to be asked, so it is refused, with what to type."""
    found = typed(capsys, "grant", customer.customer_id, "100", "--json")

    assert found.status == 2
    assert found.answer["error"]["code"] == "REASON_MISSING"
    assert "--reason" in found.answer["error"]["fix"]


def test_what_is_taken_is_on_record_and_the_ledger_holds(
    customer: CustomerRef, capsys: Capsys, tmp_path: Path
) -> None:
    """Adjusted, explained, proved and written out: each by its own command."""
    name, out = customer.customer_id, tmp_path / "ledger.json"

    taken = typed(capsys, "adjust", *WHY, "--key", "a1", "--json", name, "--", "-1000000")
    explained = typed(capsys, "explain", name, "--json")
    proved = typed(capsys, "verify", "--customer", name, "--json")
    written = typed(capsys, "export", name, "--out", str(out), "--json")

    assert taken.status == 0, taken
    assert explained.result["agrees"] is True
    assert proved.result["holds"] is True
    assert proved.result["certificate"]["entries"] == explained.result["entries"] == 2
    assert written.result["files"] == [str(out)]
    assert out.stat().st_size > 0


def test_finds_a_customer_by_its_name(customer: CustomerRef, capsys: Capsys) -> None:
    """As a person who reads has it, and as a script does."""
    found = typed(capsys, "customers", "find", customer.customer_id, "--json")

    assert [it["customer_id"] for it in found.result["customers"]] == [customer.customer_id]
    name = found.result["customers"][0]["name"]
    read = typed(capsys, "customers", "find", customer.customer_id).out
    assert f"{customer.customer_id}  name {name}\n" in read


@pytest.mark.usefixtures("customer")
def test_a_voucher_is_made_once_and_a_key_until_it_is_revoked(capsys: Capsys) -> None:
    """What is shown once is shown once."""
    code = f"C{uuid4().hex[:12].upper()}"
    words = ("voucher", "create", "--credits", "50", "--code", code, *WHY, "--json")
    made = typed(capsys, "keys", "create", "--of", "hub", "--json").result
    listed = typed(capsys, "keys", "list", "--of", "hub", "--json")

    assert [typed(capsys, *words).result["made"] for _ in range(2)] == [True, False]
    assert made["key_id"] in [it["key_id"] for it in listed.result["keys"]]
    assert made["secret"] not in listed.out
    assert typed(capsys, "keys", "revoke", made["key_id"], "--of", "hub").status == 0


@pytest.mark.usefixtures("customer", "shop")
def test_a_catalog_is_compared_pushed_and_then_the_same(capsys: Capsys) -> None:
    """A difference has a status of its own, so that a script can wait for it."""
    before = typed(capsys, "catalog", "diff", "--json")
    pushed = typed(capsys, "catalog", "push", "--json")
    after = typed(capsys, "catalog", "diff", "--json")

    assert (before.status, pushed.status, after.status) == (3, 0, 0)
    assert before.result == pushed.result
    assert after.result == {"changes": []}


@pytest.mark.usefixtures("customer", "shop")
def test_looks_at_stripe_s_events_before_it_touches_them(capsys: Capsys) -> None:
    """Dry first: nothing waits, and Stripe and the ledger agree."""
    replayed = typed(capsys, "replay", "--json")
    compared = typed(capsys, "reconcile", "--json")

    assert replayed.result == {"state": "failed", "applied": False, "events": [], "due": []}
    assert compared.status == 0, compared
    assert compared.result["repaired"] is False


def names_of(it: Any, before: str) -> list[str]:
    """Return every command below one, as it is typed."""
    if not hasattr(it, "commands"):
        return [before]
    return [
        name for key, sub in it.commands.items() for name in names_of(sub, f"{before} {key}")
    ]


def test_every_command_has_its_place_in_the_document() -> None:
    """What is not written there is found by nobody."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")

    told = names_of(typer.main.get_command(app), "creditbase")

    assert len(told) >= 17
    assert [name for name in told if f"`{name}" not in text] == []


def test_a_real_project_is_named_and_never_found(tmp_path: Path) -> None:
    """A variable of a shell that was left open must not move real money."""
    none = tmp_path / "env"
    with pytest.raises(NoTarget):
        find_target("", {"GCLOUD_PROJECT": "acme-prod"}, none)

    target, values = find_target("acme-prod", {}, none)

    assert target.is_real
    assert values == {"GCLOUD_PROJECT": "acme-prod"}


def test_an_emulator_is_not_taken_for_another_project(tmp_path: Path) -> None:
    """Who names a project means it, whatever runs here."""
    local = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "GCLOUD_PROJECT": "demo-a"}

    with pytest.raises(NoTarget, match="demo-a"):
        find_target("acme-prod", local, tmp_path / "env")


def test_a_real_project_is_not_changed_without_a_yes(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is at the terminal, so nothing is sent anywhere."""
    monkeypatch.setenv("GCLOUD_PROJECT", "acme-dev")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)

    found = typed(capsys, "keys", "revoke", "k1", "--project", "acme-prod", "--json")

    assert found.status == 1
    assert found.answer["error"]["code"] == "NOT_MEANT"
    assert found.answer["target"] == {"project": "acme-prod", "emulator": ""}


def test_a_customer_is_put_beside_another_counter_and_compared(
    customer: CustomerRef, capsys: Capsys
) -> None:
    """Whoever is new may begin so, too; a report with a difference has a status of its own."""
    whom, name = customer.customer_id, f"p{uuid4().hex}"
    project_id = ensure_project(name, now=real_now()).project_id

    typed(capsys, "shadow", "on", whom, "--key", "s1", *WHY)
    agrees = typed(capsys, "shadow", "report", whom, "--json")
    run(
        WalletRef(customer.project_id, whom),
        Charge("op:1", "d", FixedAmount(10**12)),
        now=real_now(),
    )
    differs = typed(capsys, "shadow", "report", "--json")
    typed(capsys, "shadow", "off", whom, *WHY)
    default = typed(capsys, "shadow", "on", "--of", name, *WHY, "--json")

    assert (agrees.status, agrees.result["customers"][0]["is_ready"]) == (0, False)
    found = {it["customer_id"]: it for it in differs.result["customers"]}
    assert (differs.status, found[whom]["lines"][0]["refused"]) == (3, 1)
    assert typed(capsys, "shadow", "report", whom, "--days", "1").status == 3
    assert default.result["after"] == {"shadow_default": True}
    assert begins_in_shadow(project_id)
