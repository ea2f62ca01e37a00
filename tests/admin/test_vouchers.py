"""`vouchers create|disable|show`, typed as an operator types them, on the emulator."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.admin import voucher_store
from creditbase.admin.command import main
from creditbase.admin.domain.vouchers import VoucherTerms, code_digest
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.runtime import firestore
from tests.relay.desk import CATALOG, NOON
from tests.wire import FAULTS, Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore


class Typed:
    """What a command answered: its status, and what it wrote where."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        why = () if arguments[0] == "show" else ("--reason", "a test")
        self.status = main(["vouchers", *arguments, *why])
        self.out, self.said = capsys.readouterr()


@pytest.fixture
def code(wire: Wire) -> str:
    """Return a code that no other test uses."""
    wire.reset()
    return f"Code-{uuid.uuid4().hex}"


def terms_of(code: str) -> VoucherTerms:
    """Return what was kept of a code."""
    kept = voucher_store.find_voucher(code_digest(code))
    assert kept is not None
    return kept.voucher.terms


class TestCreate:
    """Making a code."""

    def test_a_code_is_made_shown_once_and_kept_as_its_digest_only(
        self, wire: Wire, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is worth money: piped where it is needed, and in no database and no log."""
        assert wire

        typed = Typed(capsys, "create", "--credits", "500")

        made = typed.out.rstrip("\n")
        assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", made)
        assert (typed.status, made in typed.said) == (0, False)
        assert terms_of(f" {made.lower()} ") == VoucherTerms(credits=500)
        kept = firestore.get_all([f"vouchers/{code_digest(made)}"])[0]
        assert made.casefold() not in str(kept).casefold()

    def test_everything_that_can_be_said_is_kept_and_shown(
        self, code: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Instants of any zone are the same instants."""
        ensure_project("hub", now=NOON)
        push_catalog(HUB_PROJECT_ID, CATALOG)
        shared_cache().forget()
        given = ["--credits", "7", "--max-uses", "3", "--credits-expire-days", "30"]
        given += ["--starts-at", "2026-12-01T01:00+01:00", "--expires-at", "2027-01-01T00:00Z"]

        made = Typed(capsys, "create", "--code", code, "--plans", "pro,guru", *given)
        shown = Typed(capsys, "show", code.upper())

        assert (made.status, made.out) == (0, f"{code}\n")
        assert terms_of(code) == VoucherTerms(
            credits=7,
            max_uses=3,
            starts_at=datetime(2026, 12, 1, tzinfo=UTC),
            expires_at=datetime(2027, 1, 1, tzinfo=UTC),
            plans=("guru", "pro"),
            credits_expire_days=30,
        )
        assert re.fullmatch(
            r"credits: 7\ncredits_end: 30 days after redeeming\nuses: 0 of 3\n"
            r"plans: guru, pro\nstarts_at: 2026-12-01T00:00:00Z\n"
            r"expires_at: 2027-01-01T00:00:00Z\ncreated_at: 20\S+Z\ndisabled_at: -\n",
            shown.out,
        )

    def test_the_same_twice_is_one_and_other_terms_are_refused(
        self, code: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A script may run again; a code that is out there must not change its worth."""
        Typed(capsys, "create", "--credits", "5", "--code", code)

        same = Typed(capsys, "create", "--credits", "5", "--code", code.swapcase())
        other = Typed(capsys, "create", "--credits", "6", "--code", code)

        assert (same.status, same.said) == (
            0,
            "this voucher was there already, nothing was written\n",
        )
        assert other.status == 1
        assert "other terms" in other.said
        assert terms_of(code).credits == 5

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (["--credits", "0"], "credits must be between 1 and 10000000"),
            (["--credits", "1", "--max-uses", "0"], "max uses must be between 1 and 100000"),
            (["--credits", "1", "--max-uses", "100001"], "max uses must be between"),
            (["--credits", "1", "--credits-expire-days", "0"], "credits expire days must be"),
            (["--credits", "1", "--plans", "gold"], "there is no plan gold"),
            (["--credits", "1", "--code", "x" * 65], "The code is empty, too long"),
            (
                [
                    *("--credits", "1", "--starts-at", "2027-01-01T00:00Z"),
                    *("--expires-at", "2027-01-01T00:00Z"),
                ],
                "would end before it starts",
            ),
        ],
    )
    def test_terms_that_make_no_sense_are_refused(
        self, wire: Wire, capsys: pytest.CaptureFixture[str], given: list[str], said: str
    ) -> None:
        """One line says what is wrong, before anybody is told a code that gives nothing."""
        ensure_project("hub", now=NOON)
        push_catalog(HUB_PROJECT_ID, CATALOG)
        wire.reset()

        typed = Typed(capsys, "create", *given)

        assert (typed.status, typed.out) == (1, "")
        assert said in typed.said
        assert wire.counts[2] == 0

    @pytest.mark.parametrize("given", ["tomorrow", "2026-12-01T00:00"])
    def test_an_instant_needs_its_zone(
        self, capsys: pytest.CaptureFixture[str], given: str
    ) -> None:
        """Midnight is at another time elsewhere."""
        with pytest.raises(SystemExit) as ended:
            main(["vouchers", "create", "--credits", "1", "--expires-at", given])

        assert ended.value.code == 2
        assert "--expires-at" in capsys.readouterr().err

    @pytest.mark.parametrize("index", [0, 1])
    @pytest.mark.parametrize("fault", FAULTS)
    def test_whatever_the_store_does_there_is_one_or_none(
        self, code: str, capsys: pytest.CaptureFixture[str], wire: Wire, index: int, fault: str
    ) -> None:
        """And status 0 means that there is one."""
        wire.faults[index] = FAULTS[fault]

        typed = Typed(capsys, "create", "--credits", "5", "--code", code)

        assert not wire.faults
        wire.wait_for_late()
        wire.reset()
        assert (typed.status == 0) == (
            voucher_store.find_voucher(code_digest(code)) is not None
        )


class TestDisable:
    """Taking a code out of use."""

    def test_it_is_done_once_and_for_good(
        self, code: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A code that leaked must stop at once; when, stays as it was."""
        Typed(capsys, "create", "--credits", "5", "--code", code)

        first = Typed(capsys, "disable", code)
        shown = Typed(capsys, "show", code).out
        again = Typed(capsys, "disable", code)

        assert (first.status, again.status) == (0, 0)
        assert again.said == "it was disabled already\n"
        assert re.search(r"disabled_at: 20\S+Z", shown)
        assert Typed(capsys, "show", code).out == shown

    @pytest.mark.parametrize("command", ["disable", "show"])
    def test_an_unknown_code_is_told_to_the_operator(
        self, code: str, capsys: pytest.CaptureFixture[str], command: str
    ) -> None:
        """Unlike users, operators may know."""
        typed = Typed(capsys, command, code)

        assert (typed.status, typed.said) == (
            1,
            "refused: there is no voucher with this code\n",
        )
