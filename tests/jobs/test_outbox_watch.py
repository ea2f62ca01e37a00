"""`deliver_outbox` where somebody else sends, or nobody does."""

from datetime import timedelta

import pytest

from creditbase.jobs import outbox as job
from creditbase.jobs.outbox import deliver_outbox
from creditbase.kernel.outbox import TAKEN_WITHIN, WATCHED_FOR
from creditbase.runtime.settings import settings
from tests.jobs.outboxes import _empty_outbox, alerts, kept, let_send, post, set_delivery
from tests.runtime.post import NOON, a_mail

__all__ = ["_empty_outbox"]
pytestmark = pytest.mark.firestore
MICROSECOND = timedelta(microseconds=1)


class TestTheExtension:
    """Where Firebase's extension sends, we look after it."""

    @pytest.fixture(autouse=True)
    def _extension(self, monkeypatch: pytest.MonkeyPatch) -> None:
        let_send(monkeypatch, "extension")

    def test_what_it_sent_is_looked_at_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """A quarter of an hour later; nothing of what it wrote is changed."""
        post()
        set_delivery("SUCCESS", info={"accepted": ["ada@example.com"]})

        early = deliver_outbox(NOON + TAKEN_WITHIN - MICROSECOND)
        report = deliver_outbox(NOON + TAKEN_WITHIN)

        assert (early.done, report.done) == (0, 1)
        assert kept()["due_at"] is None
        assert kept()["delivery"]["info"] == {"accepted": ["ada@example.com"]}
        assert alerts(caplog) == []

    def test_what_it_could_not_send_is_told_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It never tries again by itself."""
        post()
        set_delivery("ERROR", error="Error: Invalid login")

        first = deliver_outbox(NOON + TAKEN_WITHIN)
        second = deliver_outbox(NOON + WATCHED_FOR)

        assert (first.failed, second.failed) == (1, 0)
        assert alerts(caplog) == [("mail_failed", ["notice:1"])]

    def test_mail_that_nobody_takes_is_told_each_day_for_three_days(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not installed, or not running. One alert a run, however many mails."""
        for number in range(30):
            post(f"notice:{number}")
        at = NOON + TAKEN_WITHIN

        for hours in (0, 1, 25, 50, 75, 100):
            deliver_outbox(at + timedelta(hours=hours))

        told = alerts(caplog)
        assert [name for name, _ in told] == ["mail_not_taken"] * 4
        assert all(len(mails) == job.NAMED_MAX for _, mails in told)
        assert kept()["due_at"] is None


class TestTheLog:
    """Under the emulator."""

    def test_a_mail_is_a_line(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """By default there; its address is in no line."""
        monkeypatch.delenv("CREDITBASE_MAIL", raising=False)
        settings.cache_clear()
        caplog.set_level("INFO")
        post()

        assert deliver_outbox(NOON).done == 1

        (line,) = [record.__dict__ for record in caplog.records if record.msg == "mail"]
        assert (line["mail"], line["subject"]) == ("notice:1", a_mail().subject)
        assert "ada@example.com" not in str(line)
        assert kept()["delivery"]["state"] == "SUCCESS"
