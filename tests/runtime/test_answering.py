"""By when a request has to be answered: five seconds after it was sent, start included."""

import os
import time
from dataclasses import dataclass
from math import inf, isinf
from pathlib import Path
from types import SimpleNamespace

import pytest

from creditbase.runtime import answering
from creditbase.runtime.answering import (
    ANSWERED_WITHIN_S,
    SPARE_S,
    START_S_MAX,
    TOGETHER_S,
    Instance,
    began_s,
    left_s,
)


@dataclass
class Stopped:
    """The clocks that the module sees. Those of the process run on: whoever waits, by them."""

    patch: pytest.MonkeyPatch

    def now(self, now_s: float, *, since_boot_s: float = 0.0) -> None:
        """Let the clocks stand."""
        clocks = SimpleNamespace(
            monotonic=lambda: now_s,
            clock_gettime=lambda _: since_boot_s,
            CLOCK_BOOTTIME=time.CLOCK_BOOTTIME,
        )
        self.patch.setattr(answering, "time", clocks)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    """Return the clocks of the module, which stand at 100 s."""
    stopped = Stopped(monkeypatch)
    stopped.now(100.0)
    return stopped


class TestInstance:
    """Since when the caller of a request may have been waiting."""

    def test_the_first_caller_waited_for_the_start(self) -> None:
        """And those that were held together with it; who comes later found it running."""
        young = Instance(97.0)

        assert young.asked_s(100.0) == 97.0
        assert young.asked_s(100.0 + TOGETHER_S) == 97.0
        assert young.asked_s(101.1) == 101.1

    @pytest.mark.parametrize("age_s", [ANSWERED_WITHIN_S, 3_600.0, inf])
    def test_nobody_waited_for_a_process_that_is_old(self, age_s: float) -> None:
        """It was kept warm; or it began so slowly that its first caller is gone."""
        assert Instance(100.0 - age_s).asked_s(100.0) == 100.0

    def test_tests_and_commands_are_no_instance(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody waits for their start."""
        answering.instance.cache_clear()
        monkeypatch.delenv("FUNCTION_TARGET", raising=False)

        assert answering.instance().asked_s(100.0) == 100.0

    def test_a_function_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Since its process began, which the server forks its workers off."""
        answering.instance.cache_clear()
        monkeypatch.setenv("FUNCTION_TARGET", "tiers")

        found = answering.instance()
        answering.instance.cache_clear()

        assert found.asked_s(answering._BEGAN_S + 1) == answering._BEGAN_S


class TestBegan:
    """When a process began."""

    def test_the_system_tells(self, at: Stopped, tmp_path: Path) -> None:
        """Also of a program whose name has brackets and spaces in it."""
        ticks = 40 * os.sysconf("SC_CLK_TCK")
        after = " ".join(["S", *["1"] * 18, str(ticks), "7"])
        stat = tmp_path / "stat"
        stat.write_text(f"12 (a) b (c) {after}\n")

        at.now(100.0, since_boot_s=43.0)
        assert began_s(stat) == 97.0

    @pytest.mark.parametrize("boot_s", [39.0, 41.0 + START_S_MAX])
    def test_a_start_that_cannot_be_is_now(
        self, at: Stopped, tmp_path: Path, boot_s: float
    ) -> None:
        """From the future, or minutes ago: the sandbox's clock is another one."""
        ticks = 40 * os.sysconf("SC_CLK_TCK")
        stat = tmp_path / "stat"
        stat.write_text("12 (a) " + " ".join(["S", *["1"] * 18, str(ticks)]))
        at.now(100.0, since_boot_s=boot_s)

        assert began_s(stat) == 100.0

    @pytest.mark.parametrize("text", ["", "12 (a) S", "12 (a) " + "x " * 30])
    def test_where_nothing_is_told_it_begins_now(
        self, at: Stopped, tmp_path: Path, text: str
    ) -> None:
        """Another system, or another form: the time is counted from the code on."""
        assert at
        stat = tmp_path / "stat"
        assert began_s(stat) == 100.0

        stat.write_text(text)
        assert began_s(stat) == 100.0


class TestLeft:
    """How long a request may still wait for others."""

    def test_it_is_five_seconds_less_what_follows(self, at: Stopped) -> None:
        """All that is asked on the way shares it."""
        with answering.answering():
            assert left_s() == ANSWERED_WITHIN_S - SPARE_S
            at.now(103.0)
            assert left_s() == ANSWERED_WITHIN_S - SPARE_S - 3

        assert isinf(left_s())

    def test_after_a_cold_start_there_is_less(self, at: Stopped) -> None:
        """The two together are what the caller waits."""
        cold = Instance(97.5)
        at.patch.setattr(answering, "instance", lambda: cold)

        with answering.answering():
            assert left_s() == ANSWERED_WITHIN_S - SPARE_S - 2.5

    def test_stripe_itself_waits_for_us(self) -> None:
        """A webhook is answered when it is done."""
        with answering.answering(within_s=None):
            assert isinf(left_s())
