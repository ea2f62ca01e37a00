"""Plans as claims, and events for Eventarc: once for their cause, from what is true now."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.kernel.trying import ATTEMPTS_MAX
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.announcing import announcements
from creditbase.ledger.domain.commands import ChangeTerms, Charge, FixedAmount, GrantCredits
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms, Wallet
from creditbase.runtime import firestore
from creditbase.runtime.claims import ClaimsFull, merged
from creditbase.runtime.settings import settings
from creditbase.subscriptions.claims import give_everybody
from tests.identity import Identity, identity
from tests.jobs.outboxes import _empty_outbox
from tests.ledger.wallets import LiveWallet
from tests.receiver import Receiver, _receiver, receiver
from tests.relay.desk import NOON

__all__ = ["_empty_outbox", "_receiver", "identity", "receiver"]
DAY = timedelta(days=1)
MONTH = Window(NOON, NOON + 30 * DAY)
CREDIT = 1_000_000
CHANNEL = "projects/demo/locations/us-central1/channels/firebase"
FILE = read_catalog(Path(__file__).parents[2] / "catalog.json")

Set = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Return what sets variables of the deployment."""

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    return put


def a_customer() -> LiveWallet:
    """Return the wallet of the user `ada`, on the free plan, in a project that sells plans."""
    project_id = str(uuid4())
    firestore.commit([firestore.Create(f"projects/{project_id}", {"name": "hub"})])
    guru = next(plan for plan in FILE.plans if plan.code == "guru")
    plans = [
        guru.model_copy(update={"features": ["export", "api"]}) if plan is guru else plan
        for plan in FILE.plans
    ]
    push_catalog(project_id, FILE.model_copy(update={"plans": plans}))
    shared_cache().forget()
    return LiveWallet.opened(project_id, str(uuid4()), nanos=10 * CREDIT, now=NOON)


def a_wallet() -> Wallet:
    """Return the wallet of `ada` as it is before anything happened."""
    return open_wallet("w", owner_uid="ada", terms=Terms("free"), now=NOON).wallet


def go_on(wallet: LiveWallet, plan_code: str, revision: int) -> None:
    """Put a wallet on another plan, as the mirror of Stripe does."""
    if plan_code == "free":
        wallet.run(ChangeTerms(Terms("free", revision=revision)))
    else:
        wallet.run(ChangeTerms(Terms(plan_code, window="period", revision=revision), MONTH))


def events() -> list[dict[str, Any]]:
    """Return what happened, as it is told."""
    found = firestore.query("events", limit=100)
    return [json.loads(snapshot.fields["body"]) for snapshot in found if snapshot.fields]


def alerts_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the names of the alerts that were raised."""
    return [record.__dict__["alert"] for record in caplog.records if hasattr(record, "alert")]


# ---- what is announced, pure -----------------------------------------------------------------


def test_who_is_back_where_it_was_has_changed_nothing() -> None:
    """To a plan and back within one commit."""
    wallet = a_wallet()

    assert list(announcements(wallet, wallet, [], NOON)) == []


def test_a_change_of_plan_is_named_by_the_version_that_it_was_decided_on() -> None:
    """Of a version one commit succeeds, so no two changes have one name, at one instant too."""
    free = a_wallet()
    guru = replace(free, terms=replace(free.terms, plan_code="guru"))

    (there,) = announcements(free, guru, [], NOON)
    (back,) = announcements(guru, free, [], NOON + timedelta(microseconds=1))
    (again,) = announcements(free, guru, [], NOON + timedelta(microseconds=2))

    assert len({there.cause, back.cause, again.cause}) == 3
    assert (there.facts["plan"], there.facts["previous_plan"]) == ("guru", free.terms.plan_code)


def test_credits_are_told_and_what_spends_them_is_not() -> None:
    """With their end, where they have one."""
    opened = open_wallet(
        "w", owner_uid="ada", terms=Terms("free", allocation_nanos=9), now=NOON
    )
    spent = decide(opened.wallet, {}, Charge("op:1", "d", FixedAmount(5)), now=NOON)
    bought = decide(spent.wallet, {}, GrantCredits("topup:1", "topup", 7), now=NOON)
    entries = [*opened.entries, *spent.entries, *bought.entries]

    monthly, topup = announcements(opened.wallet, bought.wallet, entries, NOON)

    assert monthly.facts["expires_at"] == "2026-04-10T12:00:00Z"
    assert (monthly.facts["grant_kind"], topup.facts["grant_kind"]) == ("free", "topup")
    assert "expires_at" not in topup.facts


# ---- claims ----------------------------------------------------------------------------------


def test_claims_of_others_stay_and_one_of_ours_without_a_value_goes() -> None:
    """Firebase replaces the whole object; what a back end of the operator's put there stays."""
    kept = {"tenant": "t1", "plan": "free", "stripeRole": "guru"}

    found = merged(kept, {"plan": "pro", "features": ["api"], "stripeRole": None})

    assert found == {"tenant": "t1", "plan": "pro", "features": ["api"]}
    with pytest.raises(ClaimsFull):
        merged({"tenant": "t" * 990}, {"plan": "pro"})


@pytest.mark.firestore
def test_where_nobody_listens_nothing_is_written() -> None:
    """A change of plan costs what it cost."""
    wallet = a_customer()

    go_on(wallet, "guru", 1)
    wallet.topup("pay", 5)

    assert events() == []


@pytest.mark.firestore
def test_a_users_claims_follow_the_plan(identity: Identity, given: Set) -> None:
    """Up, and down again; what others claim of the user stays."""
    given(CREDITBASE_PLAN_CLAIMS="plan and stripeRole")
    identity.claims["ada"] = '{"tenant":"t1"}'
    wallet = a_customer()

    go_on(wallet, "guru", 1)
    assert deliver_webhooks(NOON).done == 1
    assert identity.of("ada") == {
        "tenant": "t1",
        "plan": "guru",
        "features": ["api", "export"],
        "stripeRole": "guru",
    }

    go_on(wallet, "free", 2)
    deliver_webhooks(NOON + DAY)
    assert identity.of("ada") == {"tenant": "t1", "plan": "free", "features": []}


@pytest.mark.firestore
def test_late_and_repeated_events_end_in_what_is_true_now(
    identity: Identity, given: Set
) -> None:
    """Two changes before anybody looked: the first event sets the newest plan."""
    given(CREDITBASE_PLAN_CLAIMS="plan")
    identity.claims["ada"] = "{}"
    wallet = a_customer()
    go_on(wallet, "guru", 1)
    go_on(wallet, "pro", 2)

    report = deliver_webhooks(NOON)

    assert report.done == 2
    assert identity.of("ada") == {"plan": "pro", "features": []}
    assert identity.updates == 1


@pytest.mark.firestore
def test_an_outage_of_firebase_is_waited_for(identity: Identity, given: Set) -> None:
    """With the back-off of every delivery."""
    given(CREDITBASE_PLAN_CLAIMS="plan")
    identity.claims["ada"] = "{}"
    identity.outage = 403
    go_on(a_customer(), "guru", 1)

    assert deliver_webhooks(NOON).failed == 1
    identity.outage = 0
    assert deliver_webhooks(NOON + DAY).done == 1

    assert identity.of("ada") == {"plan": "guru", "features": ["api", "export"]}


@pytest.mark.firestore
def test_a_user_who_is_gone_has_no_claims(identity: Identity, given: Set) -> None:
    """Somebody deleted the sign-in: there is nothing to do, and nothing is wrong."""
    given(CREDITBASE_PLAN_CLAIMS="plan")
    go_on(a_customer(), "guru", 1)

    assert deliver_webhooks(NOON).done == 1
    assert identity.updates == 0


@pytest.mark.firestore
def test_claims_that_do_not_fit_call_for_a_person(
    identity: Identity, given: Set, caplog: pytest.LogCaptureFixture
) -> None:
    """Others have filled the thousand bytes: theirs stay, ours are not cut."""
    given(CREDITBASE_PLAN_CLAIMS="plan")
    full = json.dumps({"tenant": "t" * 980})
    identity.claims["ada"] = full
    go_on(a_customer(), "guru", 1)

    assert deliver_webhooks(NOON).failed == 1

    assert alerts_in(caplog) == ["receiver_failed"]
    assert identity.claims["ada"] == full


@pytest.mark.firestore
def test_claims_are_set_for_everybody_who_is_there_already(
    identity: Identity, given: Set
) -> None:
    """Switched on late: from any customer on, and a second time there is nothing to do."""
    given(CREDITBASE_PLAN_CLAIMS="plan")
    identity.claims["ada"] = "{}"
    wallet = a_customer()
    project_id, customer_id = wallet.ref.project_id, wallet.ref.customer_id

    assert list(give_everybody(project_id)) == [(customer_id, True)]
    assert list(give_everybody(project_id)) == [(customer_id, False)]
    assert list(give_everybody(project_id, after=customer_id)) == []
    assert identity.of("ada") == {"plan": "free", "features": []}


# ---- Eventarc --------------------------------------------------------------------------------


@pytest.mark.firestore
def test_plans_and_credits_are_custom_events(receiver: Receiver, given: Set) -> None:
    """On the operator's channel, as CloudEvents; the ids are those of our own events."""
    given(
        CREDITBASE_EVENTARC_CHANNEL=CHANNEL,
        CLOUD_EVENTARC_EMULATOR_HOST=f"127.0.0.1:{receiver.port}",
    )
    wallet = a_customer()
    go_on(wallet, "guru", 1)
    wallet.topup("pay", 5)
    told = {event["id"]: event for event in events()}

    assert deliver_webhooks(NOON).done == 2

    assert {taken.path for taken in receiver.taken} == {f"/{CHANNEL}:publishEvents"}
    published = {}
    for taken in receiver.taken:
        (event,) = json.loads(taken.body)["events"]
        published[event["type"]] = event
        assert json.loads(event["textData"]) == told[event["id"]]["data"]
        assert event["attributes"]["time"] == {"ceTimestamp": "2026-03-10T12:00:00.000000Z"}
    data = json.loads(published["creditbase.v1.billing.plan_changed"]["textData"])
    assert data == {
        "customer_id": wallet.ref.customer_id,
        "uid": "ada",
        "plan": "guru",
        "previous_plan": "free",
    }
    data = json.loads(published["creditbase.v1.billing.credits_granted"]["textData"])
    assert (data["grant_kind"], data["amount_nanos"]) == ("topup", 5)


@pytest.mark.firestore
def test_a_channel_that_refuses_is_asked_again_and_then_given_up(
    receiver: Receiver, given: Set, caplog: pytest.LogCaptureFixture
) -> None:
    """The same event under the same id; after the last try a person is called."""
    given(
        CREDITBASE_EVENTARC_CHANNEL=CHANNEL,
        CLOUD_EVENTARC_EMULATOR_HOST=f"127.0.0.1:{receiver.port}",
    )
    receiver.will(*[503] * ATTEMPTS_MAX)
    a_customer().topup("pay", 5)

    for day in range(ATTEMPTS_MAX):
        deliver_webhooks(NOON + 3 * day * DAY)

    sent = {json.loads(taken.body)["events"][0]["id"] for taken in receiver.taken}
    assert (len(receiver.taken), len(sent)) == (ATTEMPTS_MAX, 1)
    assert alerts_in(caplog) == ["receiver_failed"]


@pytest.mark.firestore
def test_a_channel_that_was_taken_away_gets_nothing(receiver: Receiver, given: Set) -> None:
    """What waits for it is given up."""
    given(
        CREDITBASE_EVENTARC_CHANNEL=CHANNEL,
        CLOUD_EVENTARC_EMULATOR_HOST=f"127.0.0.1:{receiver.port}",
    )
    receiver.will(503)
    a_customer().topup("pay", 5)
    deliver_webhooks(NOON)
    given(CREDITBASE_EVENTARC_CHANNEL="")

    assert deliver_webhooks(NOON + DAY).failed == 1
    assert len(receiver.taken) == 1
