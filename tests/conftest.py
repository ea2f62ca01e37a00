"""What the tests stand on: the Firestore emulator, a project of one's own, the running stack.

`make test` starts the whole stack once and names it to pytest. A plain `pytest tests/ledger`
starts the bare emulator for its run, and leaves out the tests that need the stack.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from creditbase.runtime import firestore
from dev import background, env_file, firestore_emulator
from dev.layout import Layout
from stripe_local import honesty
from tests import clearing, figures, receipts
from tests.dealing import dealt
from tests.runtime.contract import take_violations
from tests.wire import Wire, install

if TYPE_CHECKING:
    from tests.payments.shop import Shop
    from tests.runtime.signing import Signer

STACK_ENV = "CREDITBASE_STACK_ENV"
EMULATOR = "FIRESTORE_EMULATOR_HOST"
START_WITHIN_S = 90
PROJECT_PREFIX = "demo-t"
STACK_WITHIN_S = 900
STATE = Layout(0).state.name
"""Beside the environment file, from the beginning of the stack's start to its end."""

# `make test` is the same run each time, so that a red gate is never luck: each property draws
# its values from a seed made of its own source. `make soak` draws at random, and many more.
# How fast the machine is says nothing about what is right: no property has a deadline.
settings.register_profile(
    "soak",
    max_examples=1_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "house", settings.get_profile("soak"), max_examples=100, derandomize=True
)
settings.load_profile("house")

_emulator = pytest.StashKey[background.Program]()
_is_part = pytest.StashKey[bool]()


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Let a property that is the same each time not depend on what is loaded beside it.

    Of all values Hypothesis takes one in twenty from the constants of the modules that happen
    to be imported, which differ with the order of the tests and with any change anywhere.
    """
    if settings().derandomize:
        pytest.MonkeyPatch().setattr(providers, "is_local_module_file", lambda _path: False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the stack when none was named, and what soaks unless asked for.

    Parallel workers take the rest in an order of their own.
    """
    marks = {"stack"} if STACK_ENV not in os.environ else set()
    if "soak" not in config.option.markexpr:
        marks.add("soak")
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (left_out if any(map(item.get_closest_marker, marks)) else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = dealt(kept, workers)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait for the stack before a test that needs it, and before its time limit begins.

    `make test` begins with the other tests while the stack starts.
    """
    if item.get_closest_marker("stack"):
        env = Path(os.environ.get(STACK_ENV) or "unnamed")
        until = time.monotonic() + STACK_WITHIN_S
        while env.with_name(STATE).is_file() and not env.is_file():
            if time.monotonic() > until:
                break  # the test says what is missing
            time.sleep(0.2)
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what makes the run fail, where the time went, and what was left out."""
    flaws = honesty.flaws_so_far()
    if flaws:
        terminalreporter.section("the local Stripe said what Stripe's types forbid", red=True)
        terminalreporter.write("".join(f"{flaw}\n" for flaw in flaws))
    _tell_figures(terminalreporter)
    took_s: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took_s["/".join(report.nodeid.split("::")[0].split("/")[:2])] += report.duration
    if len(took_s) > 1:
        terminalreporter.section("where the workers' time went")
        for place, spent_s in sorted(took_s.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"{spent_s:7.1f} s  {place}")
    if STACK_ENV not in os.environ:
        terminalreporter.write_line(
            "Tests that need the whole stack were left out: `make test` runs them "
            f"(or `make up`, then {STACK_ENV}=.run/env)."
        )


def _tell_figures(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was tried, and where that is less than is claimed."""
    found = figures.so_far()
    if found:
        terminalreporter.section("how much was tried")
    for each in found:
        least = figures.MINIMA.get(each.name)
        claimed = f" (at least {least:,})" if least else ""
        seeds = f" seeds {', '.join(each.seeds[:8])}" if each.seeds else ""
        terminalreporter.write_line(f"{each.count:9,}  {each.name}{claimed}{seeds}")
    for line in _too_few(terminalreporter.config):
        terminalreporter.write_line(f"too few: {line}", red=True)


def _too_few(config: pytest.Config) -> list[str]:
    """Return which figures are below what is claimed; of a whole run only.

    A part of one leaves that to `dev.suite`, which has the others' as well.
    """
    is_whole = not config.stash.get(_is_part, False) and (
        config.args_source is pytest.Config.ArgsSource.TESTPATHS
        and not (config.option.keyword or config.option.markexpr or config.option.lf)
        and STACK_ENV in os.environ
    )
    return figures.shortfalls(figures.so_far(), figures.MINIMA) if is_whole else []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start one emulator for all parallel workers; each waits for it when it needs it.

    Whatever any local Stripe of this run says is held against Stripe's own types.
    """
    config = session.config
    is_worker = _is_worker(session)
    if not is_worker and honesty.FLAWS_VARIABLE not in os.environ:
        folder = tempfile.mkdtemp(prefix="creditbase-")
        os.environ[honesty.FLAWS_VARIABLE] = str(Path(folder) / "stripe-flaws.txt")
    if not is_worker:
        part = os.environ.pop(figures.RUN_VARIABLE, "")
        config.stash[_is_part] = bool(part)
        own = part or tempfile.mkstemp(prefix="creditbase-figures-")[1]
        os.environ[figures.VARIABLE] = own
    if not is_worker and config.getoption("numprocesses", None) and EMULATOR not in os.environ:
        _start_emulator(config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the emulator of this run, which fails for any flaw of Stripe's, and any shortfall."""
    if not _is_worker(session):
        figures.keep(figures.so_far())
        if honesty.flaws_so_far() or _too_few(session.config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    program = session.config.stash.get(_emulator, None)
    if program is not None and program.process.poll() is None:
        os.killpg(program.process.pid, signal.SIGTERM)
        try:
            program.process.wait(timeout=20)
        except subprocess.TimeoutExpired:  # with very much in its memory it takes its time
            os.killpg(program.process.pid, signal.SIGKILL)


def _is_worker(session: pytest.Session) -> bool:
    return hasattr(session.config, "workerinput")


def _start_emulator(config: pytest.Config) -> None:
    port = firestore_emulator.free_port()
    log = Path(tempfile.mkdtemp(prefix="creditbase-")) / "firestore.log"
    config.stash[_emulator] = firestore_emulator.start_bare(
        port, log=log, ends_with_us=signal.SIGKILL
    )
    os.environ[EMULATOR] = f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def firestore_host(pytestconfig: pytest.Config) -> Iterator[str]:
    """Return the address of a Firestore emulator, also set in the environment."""
    is_ours = EMULATOR not in os.environ
    if is_ours:
        _start_emulator(pytestconfig)
    host = os.environ[EMULATOR]
    port = int(host.rpartition(":")[2])
    program = pytestconfig.stash.get(_emulator, None)
    if program is not None:
        background.wait_until(
            lambda: firestore_emulator.is_listening(port),
            program=program,
            within_s=START_WITHIN_S,
            what="The Firestore emulator",
        )
    firestore_emulator.warm_up(port)
    yield host
    if is_ours:
        os.environ.pop(EMULATOR, None)


@pytest.fixture(scope="session")
def project(worker_id: str, testrun_uid: str) -> Iterator[str]:
    """Return a project id that only this worker of this run uses: nobody else's documents."""
    name = f"{PROJECT_PREFIX}{testrun_uid[:8]}-{worker_id}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCLOUD_PROJECT", name)
        yield name


# A fixture that modules import is another one for each of them: what shall be there once for
# a worker is made here, where all find the same.


@pytest.fixture(scope="session")
def one_wire(firestore_host: str, project: str) -> Iterator[Wire]:
    """Return the one wire between this worker and Firestore, on a project of its own.

    Two, one over the other, would let each RPC of the rest of the run pass through both.
    """
    assert firestore_host
    assert project
    wire = Wire()
    remove = install(wire)
    firestore.get_all(["warm/up"])
    yield wire
    remove()


@pytest.fixture(autouse=True, scope="module")
def _leaves_nothing_behind() -> Iterator[None]:
    """Let the next module begin with an empty store, as it does when it runs alone."""
    yield
    host, project = os.environ.get(EMULATOR), os.environ.get("GCLOUD_PROJECT", "")
    if host and project.startswith(PROJECT_PREFIX):
        clearing.empty(host, project)
        clearing.forget()


@pytest.fixture(scope="session")
def one_shop() -> Iterator["Shop"]:
    """Return the one local Stripe of this worker."""
    from tests.payments.shop import serving_shop  # most runs need none

    with serving_shop() as shop:
        yield shop


@pytest.fixture(scope="session")
def one_signer(project: str) -> Iterator["Signer"]:
    """Return the one signer of this worker's project, its public keys being served."""
    from tests.runtime.signing import Signer, serving_keys  # most runs need none

    with serving_keys(Signer(project)) as signer:
        yield signer


@pytest.fixture(scope="session")
def stack_env() -> dict[str, str]:
    """Return the environment file of the running stack, as `make up` writes it."""
    named = os.environ.get(STACK_ENV, "")
    if not named or not Path(named).is_file():
        pytest.fail(
            f"This test needs the running stack, and {STACK_ENV}={named or '(nothing)'} names "
            "no environment file. `make test` starts the stack; or start it with `make up` "
            f"and set {STACK_ENV}=.run/env.",
            pytrace=False,
        )
    return env_file.read(Path(named))


@pytest.fixture(autouse=True)
def _answers_keep_the_contract() -> Iterator[None]:
    """Fail the test of whose functions an answer is not as `docs/openapi.yaml` has it."""
    take_violations()
    yield
    found = take_violations()
    assert not found, "\n\n".join(found)


@pytest.fixture(autouse=True)
def _receipts_agree() -> Iterator[None]:
    """Fail the test that wrote an entry which does not come to what it says."""
    receipts.listen()
    receipts.take_disagreements()
    yield
    found = receipts.take_disagreements()
    assert not found, "\n".join(found)
