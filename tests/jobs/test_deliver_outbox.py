"""`deliver_outbox`: mail goes once, whoever sends it, and nobody's silence stays unnoticed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from creditbase.jobs import outbox as job
from creditbase.jobs import outbox_schedule, scheduled
from creditbase.jobs.outbox import deliver_outbox
from creditbase.jobs.use_cases import Report
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.outbox import LEASE
from creditbase.kernel.trying import ATTEMPTS_MAX, SHARDS, rest_after, shard_of
from creditbase.runtime import firestore
from creditbase.runtime.settings import BadSettings, settings
from tests.jobs.outboxes import (
    _empty_outbox,
    alerts,
    due,
    kept,
    let_send,
    post,
    set_delivery,
)
from tests.runtime.post import NOON, SENDER, PostOffice, serving_post
from tests.runtime.wiring import client_of
from tests.together import at_once
from tests.wire import FAULTS, Send, Wire

__all__ = ["_empty_outbox"]
pytestmark = pytest.mark.firestore
MICROSECOND = timedelta(microseconds=1)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Died(BaseException):
    """The process is gone."""


def die(send: Send) -> None:
    """Die before the request leaves."""
    del send
    raise Died


@pytest.fixture(scope="module")
def _office() -> Iterator[PostOffice]:
    """Return the one SMTP server of these tests."""
    with serving_post() as office:
        yield office


@pytest.fixture
def office(_office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> PostOffice:
    """Return a server that our own job sends by."""
    _office.taken.clear()
    _office.refuses.clear()
    let_send(monkeypatch, "smtp")
    monkeypatch.setenv("CREDITBASE_MAIL_FROM", SENDER)
    monkeypatch.setenv("SMTP_URL", _office.url)
    return _office


def test_a_mail_has_the_form_that_the_extension_takes(office: PostOffice) -> None:
    """`to` and `message`, and no `delivery` until somebody takes it; its end is written."""
    post()

    fields = kept()
    assert fields["to"] == ["ada@example.com"]
    assert set(fields["message"]) == {"subject", "text", "html"}
    assert fields["from"] == SENDER
    assert "delivery" not in fields
    assert (fields["due_at"], fields["shard"]) == (NOON, shard_of("notice:1"))
    assert fields["expires_at"] == NOON + timedelta(days=30)
    assert office.taken == []


class TestBySmtp:
    """Where we send."""

    def test_it_is_sent_once_and_marked_as_the_extension_would(
        self, office: PostOffice, wire: Wire
    ) -> None:
        """A second run finds nothing, and writes nothing."""
        post()

        early = deliver_outbox(NOON - MICROSECOND)
        report = deliver_outbox(NOON)
        wire.reset()
        again = deliver_outbox(NOON + 30 * DAY)

        assert (early.done, report.done, again.done) == (0, 1, 0)
        assert report.is_complete
        assert wire.commits == 0
        (mail,) = office.mails
        delivery = kept()["delivery"]
        assert (delivery["state"], delivery["attempts"]) == ("SUCCESS", 1)
        assert delivery["info"]["messageId"] == mail["Message-ID"]
        assert (delivery["error"], delivery["leaseExpireTime"]) == (None, None)
        assert delivery["startTime"] <= delivery["endTime"]
        assert kept()["due_at"] is None

    def test_of_runs_that_overlap_one_sends(self, office: PostOffice) -> None:
        """Four at the same moment, five mails: five arrive."""
        for number in range(5):
            post(f"notice:{number}")

        done = sum(at_once(4, lambda _: deliver_outbox(NOON).done))

        assert done == 5
        assert len({mail["Message-ID"] for mail in office.mails}) == len(office.mails) == 5

    def test_a_mail_that_is_leased_is_left_until_the_lease_is_over(
        self, office: PostOffice, wire: Wire
    ) -> None:
        """Whoever died with it before it was sent: it goes five minutes later, once."""
        post()
        office.refuses["MAIL"] = "421 Going down"
        wire.reset()
        wire.faults[index_of_end()] = die
        with pytest.raises(Died):
            deliver_outbox(NOON)
        office.refuses.clear()
        wire.reset()

        between = deliver_outbox(due() - MICROSECOND)
        after = deliver_outbox(due())

        assert (between.done, after.done) == (0, 1)
        assert len(office.taken) == 1
        assert kept()["delivery"]["attempts"] == 2

    @pytest.mark.parametrize("step", range(2))
    @pytest.mark.parametrize("fault", ["lost_request", "lost_reply", "time_out_late"])
    def test_a_broken_rpc_and_another_run_are_one_mail(
        self, office: PostOffice, wire: Wire, step: int, fault: str
    ) -> None:
        """The lease, and the end, which is written again where its reply was lost."""
        post()
        wire.reset()
        wire.faults[index_of_end() - 1 + step] = FAULTS[fault]

        deliver_outbox(NOON)
        assert not wire.faults, "the fault must really have happened"
        wire.wait_for_late()
        deliver_outbox(NOON + LEASE + MINUTE)

        assert len(office.taken) == 1
        assert kept()["delivery"]["state"] == "SUCCESS"

    def test_who_dies_after_sending_sends_again_what_can_be_known_as_the_same(
        self, office: PostOffice, wire: Wire
    ) -> None:
        """At least once: nobody can send and write in one step. The Message-ID tells."""
        post()
        wire.reset()
        wire.faults[index_of_end()] = die
        with pytest.raises(Died):
            deliver_outbox(NOON)
        wire.reset()

        deliver_outbox(due())

        assert len(office.mails) == 2
        assert len({mail["Message-ID"] for mail in office.mails}) == 1

    def test_what_is_not_taken_rests_ever_longer_and_is_dead_at_last(
        self, office: PostOffice, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One alert at the end, with the reason in the document, and no address in it."""
        post()
        office.refuses["DATA"] = "451 Try later"
        at = NOON
        for attempt in range(1, ATTEMPTS_MAX):
            assert deliver_outbox(at).failed == 1
            assert kept()["delivery"]["state"] == "RETRY"
            rest = rest_after(attempt)
            assert at + rest <= due() <= at + rest + MINUTE, "a run takes a moment itself"
            at = due()
        assert alerts(caplog) == []

        last = deliver_outbox(at)

        assert last.failed == 1
        delivery = kept()["delivery"]
        assert (delivery["state"], delivery["error"]) == ("ERROR", "451 Try later")
        assert kept()["due_at"] is None
        assert alerts(caplog) == [("mail_failed", ["notice:1"])]
        assert deliver_outbox(at + 9 * DAY).failed == 0

    def test_what_is_refused_for_good_is_dead_at_once(
        self, office: PostOffice, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And the next mail goes all the same."""
        post("notice:1", to="nobody@example.com")
        office.refuses["RCPT"] = "550 No such user"
        deliver_outbox(NOON)
        office.refuses.clear()
        post("notice:2")

        assert deliver_outbox(NOON).done == 1
        assert kept("notice:1")["delivery"]["state"] == "ERROR"
        assert alerts(caplog) == [("mail_failed", ["notice:1"])]

    def test_a_mail_that_kills_its_sender_is_given_up(
        self, office: PostOffice, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Attempts are counted before they are made."""
        post()
        at = NOON
        for _ in range(ATTEMPTS_MAX):
            wire.reset()
            wire.faults[index_of_end()] = die
            with pytest.raises(Died):
                deliver_outbox(at)
            at = due()
        wire.reset()
        sent = len(office.taken)

        report = deliver_outbox(at)

        assert (report.failed, len(office.taken)) == (1, sent)
        assert kept()["delivery"]["state"] == "ERROR"
        assert alerts(caplog) == [("mail_failed", ["notice:1"])]

    def test_a_mail_that_makes_no_sense_stops_nobody_behind_it(
        self, office: PostOffice, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Somebody edited it by hand. It is logged with its trace."""
        post("notice:1")
        snapshot = firestore.get_all(["mail/notice:1"])[0]
        assert snapshot.version is not None
        firestore.commit([firestore.Update(snapshot.path, {("message",): 1}, snapshot.version)])
        post("notice:2")

        report = deliver_outbox(NOON)

        assert (report.done, report.failed) == (1, 1)
        assert len(office.taken) == 1
        assert any(record.exc_info for record in caplog.records)

    def test_what_somebody_else_has_sent_is_not_sent_again(self, office: PostOffice) -> None:
        """The extension was there before we were asked to send."""
        post()
        set_delivery("SUCCESS", info={"messageId": "<1@x>"})

        assert deliver_outbox(NOON).done == 1
        assert office.taken == []
        assert kept()["delivery"]["info"] == {"messageId": "<1@x>"}
        assert kept()["due_at"] is None

    @pytest.mark.parametrize(
        ("name", "refusal"), [("SMTP_URL", Unavailable), ("CREDITBASE_MAIL_FROM", BadSettings)]
    )
    def test_without_its_settings_nothing_is_tried(
        self,
        office: PostOffice,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        refusal: type[Exception],
    ) -> None:
        """No attempt is used up by a deployment that was not finished."""
        post()
        monkeypatch.setenv(name, "")
        settings.cache_clear()

        with pytest.raises(refusal):
            deliver_outbox(NOON)

        assert "delivery" not in kept()
        assert office.taken == []

    def test_a_run_takes_its_share_and_the_next_the_rest(
        self, office: PostOffice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Bounded in number, and in time."""
        shard = shard_of("notice:1")
        names = [f"notice:{n}" for n in range(200) if shard_of(f"notice:{n}") == shard][:3]
        for name in names:
            post(name)

        first = deliver_outbox(NOON, limit=2 * SHARDS)
        with monkeypatch.context() as patch:
            patch.setattr(job, "RUN_S_MAX", 0)
            late = deliver_outbox(NOON)
        last = deliver_outbox(NOON)

        assert first == Report("deliver_outbox", 2, 0, is_complete=False)
        assert late == Report("deliver_outbox", 0, 0, is_complete=False)
        assert last == Report("deliver_outbox", 1, 0, is_complete=True)
        assert len(office.taken) == 3


def index_of_end() -> int:
    """Return which RPC of a run writes the end of the mail `notice:1`."""
    return shard_of("notice:1") + 2  # the queries up to its shard, and the lease


def test_the_schedule_delivers(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Cloud Scheduler calls it."""
    post()
    now: datetime = NOON
    monkeypatch.setattr(scheduled, "now", lambda: now)

    answer = client_of(outbox_schedule.deliver_outbox).post("/")

    assert answer.status_code == 200
    assert len(office.taken) == 1
