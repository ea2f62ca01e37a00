"""The house rules, held against the whole tree, and each seen to catch a seeded fault."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from dev import tidy
from dev.tidy import ROOT, RULES, Module

Rule = Callable[[Module], Iterator[str]]

CORE = "functions/creditbase/ledger/domain.py"
IDS = "functions/creditbase/kernel/ids.py"
STORE = "functions/creditbase/ledger/store.py"


def named(rule: Rule) -> str:
    """Return a rule's name, for the list of tests."""
    return rule.__name__


@cache
def offences_by_rule() -> dict[str, list[str]]:
    """Return the offences of the whole tree by rule; each module is parsed once for all."""
    found: dict[str, list[str]] = {named(rule): [] for rule in RULES}
    for module in tidy.modules():
        for rule in RULES:
            found[named(rule)] += rule(module)
    return found


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_whole_tree_keeps_the_rule(rule: Rule) -> None:
    """The style guide is only true where something counts."""
    offences = offences_by_rule()[named(rule)]

    assert not offences, f"{rule.__doc__}\n" + "\n".join(offences)


FAULTS: list[tuple[Rule, str, str]] = [
    (tidy.module_is_short, STORE, "x = 1\n" * 401),
    (tidy.functions_are_short, STORE, "def f():\n" + "    x = 1\n" * 60),
    (tidy.parameters_are_few, STORE, "def f(a, b, c, d, e, f, g): ..."),
    (tidy.parameters_are_few, STORE, "class A:\n    def f(self, a, b, c, d, e, /, f, g): ..."),
    (tidy.everything_public_has_a_docstring, STORE, "x = 1"),
    (tidy.everything_public_has_a_docstring, STORE, '"""D."""\ndef f(): ...'),
    (tidy.everything_public_has_a_docstring, STORE, '"""D."""\nclass A: ...'),
    (
        tidy.everything_public_has_a_docstring,
        "tests/test_x.py",
        '"""D."""\nclass TestA:\n    """D."""\n    def test_a(self): ...',
    ),
    (tidy.names_say_something, "functions/creditbase/hub/utils.py", ""),
    (tidy.names_say_something, "functions/creditbase/helpers/shape.py", ""),
    (tidy.names_say_something, STORE, "def process_charge(): ..."),
    (tidy.names_say_something, STORE, "class WalletManager: ..."),
    (tidy.the_core_imports_only_the_core, CORE, "import random"),
    (tidy.the_core_imports_only_the_core, CORE, "from time import sleep"),
    (tidy.the_core_imports_only_the_core, CORE, "import logging"),
    (tidy.the_core_imports_only_the_core, CORE, "from google.cloud import firestore"),
    (tidy.the_core_imports_only_the_core, CORE, "from creditbase.ledger import store"),
    (tidy.the_core_imports_only_the_core, CORE, "from creditbase.metering.domain import price"),
    (tidy.the_core_imports_only_the_core, CORE, "from creditbase.runtime import clock"),
    (tidy.the_core_imports_only_the_core, IDS, "from creditbase.ledger.domain import Wallet"),
    (
        tidy.the_core_imports_only_the_core,
        "functions/creditbase/ledger/domain/holds.py",
        "import socket",
    ),
    (tidy.the_core_imports_only_the_core, CORE, "def f():\n    import_module('requests')"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "at = datetime.now(UTC)"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "class A:\n    at = make(datetime.now)"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "at = datetime.utcnow()"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "day = date.today()"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "key = uuid4()"),
    (tidy.the_core_has_no_clock_and_no_chance, CORE, "text = open('x').read()"),
    (tidy.the_core_never_divides_into_floats, CORE, "half = amount_nanos / 2"),
    (tidy.the_core_never_divides_into_floats, CORE, "amount_nanos /= 2"),
    (tidy.the_core_never_divides_into_floats, CORE, "markup = 1.5"),
    (tidy.the_core_never_divides_into_floats, CORE, "x = float(amount_nanos)"),
    (tidy.ids_are_made_of_their_cause, IDS, "def topup(): return str(uuid.uuid4())"),
    (tidy.ids_are_made_of_their_cause, IDS, "def topup(at=datetime.now()): ..."),
    (tidy.money_needs_no_transaction, STORE, "@firestore.transactional\ndef f(): ..."),
    (
        tidy.money_needs_no_transaction,
        STORE,
        "from google.cloud.firestore import transactional",
    ),
    (tidy.only_payments_knows_stripe, STORE, "import stripe"),
    (tidy.only_payments_knows_stripe, STORE, "def f():\n    from stripe import Webhook"),
    (tidy.the_stand_in_shares_nothing, STORE, "from stripe_local import cards"),
    (tidy.the_stand_in_shares_nothing, "stripe_local/a.py", "import creditbase.kernel.money"),
    (tidy.few_catch_everything, STORE, "try: ...\nexcept Exception: ..."),
    (tidy.few_catch_everything, STORE, "try: ...\nexcept (KeyError, BaseException): ..."),
    (tidy.few_catch_everything, STORE, "try: ...\nexcept: ..."),
    (tidy.nothing_is_left_for_later, STORE, "x = 1  # TODO: later"),
    (tidy.nothing_is_left_for_later, STORE, "x = 1  # noqa"),
    (tidy.nothing_is_left_for_later, STORE, "x = 1  # noqa: E501"),
    (tidy.no_test_is_skipped, "tests/test_x.py", "@pytest.mark.skip\ndef test_a(): ..."),
    (
        tidy.clocks_are_stopped_for_a_module,
        "tests/test_x.py",
        'import time\nmonkeypatch.setattr(time, "monotonic", lambda: 100.0)',
    ),
    (
        tidy.clocks_are_stopped_for_a_module,
        "tests/test_x.py",
        'monkeypatch.setattr("time.monotonic", lambda: 100.0)',
    ),
]


@pytest.mark.parametrize(
    ("rule", "path", "text"), FAULTS, ids=[f"{n}-{named(f[0])}" for n, f in enumerate(FAULTS)]
)
def test_a_seeded_fault_is_caught(rule: Rule, path: str, text: str) -> None:
    """A rule that cannot fail is worth nothing."""
    assert list(rule(Module(path, text)))


def test_every_rule_has_a_seeded_fault() -> None:
    """Whoever adds a rule shows that it bites."""
    assert {rule for rule, _, _ in FAULTS} == set(RULES)


HARMLESS = '''"""Decide."""
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from creditbase.kernel.money import NANOS_PER_CREDIT
from creditbase.ledger.domain.wallet import Wallet


def decide(amount_nanos: int, *, now: datetime) -> int:
    """Return whole credits, rounded down."""
    assert now.tzinfo is UTC
    return amount_nanos // NANOS_PER_CREDIT
'''


def test_a_well_kept_module_offends_no_rule() -> None:
    """Rules that cry wolf get switched off: `now` as an argument and `//` are what we want."""
    module = Module(CORE, HARMLESS)

    assert [offence for rule in RULES for offence in rule(module)] == []


def test_every_package_is_pinned() -> None:
    """Two installations a week apart are the same program. Of Python's: test_supply_chain."""
    package = json.loads((ROOT / "package.json").read_text())
    for name, version in (package.get("dependencies", {}) | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


def registry_hosts() -> set[str]:
    """Return the hosts of package registries: the public ones, and those configured here."""
    hosts = {
        ".".join(parts)
        for parts in (
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("files", "pythonhosted", "org"),
            ("pypi", "org"),
        )
    }
    addresses = [os.environ.get(name, "") for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")]
    for command in (["npm", "config", "get", "registry"], ["pip", "config", "list"]):
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:
            continue
        addresses.append(said)
    found = re.findall(r"https?://(?:[^/@\s']*@)?([\w.-]+)", "\n".join(addresses))
    return hosts | {host for host in found if host not in {"127.0.0.1", "localhost"}}


def naming_a_host(text: str, hosts: set[str]) -> list[str]:
    """Return the hosts that a text names."""
    there = (host for host in hosts if host in text)
    return sorted(host for host in there if re.search(rf"(?<![\w.-]){re.escape(host)}\b", text))


def test_no_file_names_a_package_registry() -> None:
    """Which registry serves the packages is the machine's affair; the digests are ours."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    hosts = registry_hosts()
    for path in filter(Path.is_file, (ROOT / name for name in listed)):
        assert naming_a_host(path.read_text(errors="ignore"), hosts) == [], path

    # and a named host would be seen
    assert naming_a_host("get it from https://" + min(hosts) + "/x", hosts) == [min(hosts)]
