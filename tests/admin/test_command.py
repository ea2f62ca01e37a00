"""The operator's commands, typed as a person types them, on the emulator."""

import io
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditbase.accounts.use_cases import find_secret_key_holder, list_secret_keys
from creditbase.admin import health
from creditbase.admin.command import JOBS, RECONCILER, main
from creditbase.catalog.use_cases import read_catalog_now
from creditbase.jobs import by_name
from creditbase.kernel.ids import (
    SECRET_KEY_PREFIX,
    is_well_formed,
    project_uuid,
    sha256_hex,
)
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import firestore
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import Create, commit, get_all, query

ROOT = Path(__file__).parents[2]
ALONE = "--without-stripe"
"""What is said to Stripe has tests of its own: tests/payments/test_push.py."""

pytestmark = [
    pytest.mark.firestore,
    pytest.mark.usefixtures("firestore_host", "project"),
]


class Typed:
    """What a command answered: its status, and what it wrote where."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        self.status = main(arguments)
        self.out, self.said = capsys.readouterr()


def seeded(typed: Typed) -> dict[str, str]:
    """Return the lines of `seed` as a shell would read them."""
    return dict(line.split("=", 1) for line in typed.out.splitlines())


def fresh() -> str:
    """Return a project name that no other test uses."""
    return f"p{uuid.uuid4().hex[:12]}"


class TestSeed:
    """The command that the local stack starts with."""

    def test_prints_exactly_what_the_stack_reads(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The four lines go into `.run/env`; one word more there and the stack is broken."""
        typed = Typed(capsys, "seed")

        assert typed.status == 0
        assert list(seeded(typed)) == [
            "HUB_PROJECT_ID",
            "HUB_SECRET_KEY",
            "RELAY_PROJECT_ID",
            "RELAY_SECRET_KEY",
        ]
        assert seeded(typed)["HUB_PROJECT_ID"] == project_uuid("hub")
        assert seeded(typed)["RELAY_PROJECT_ID"] == project_uuid("relay")
        assert "24 models" in typed.said or "replaced" in typed.said

    def test_makes_keys_that_open_their_own_project(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A key that works for the wrong project would bill the wrong one."""
        lines = seeded(Typed(capsys, "seed"))

        for name in ("HUB", "RELAY"):
            secret = lines[f"{name}_SECRET_KEY"]
            assert is_well_formed(secret, SECRET_KEY_PREFIX)
            holder = find_secret_key_holder(sha256_hex(secret), real_now())
            assert holder is not None
            assert holder.project_id == lines[f"{name}_PROJECT_ID"]

    def test_gives_both_prices_and_the_hub_plans(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing can be charged before there are prices; the relay project lends the hub's."""
        lines = seeded(Typed(capsys, "seed"))

        hub, relay = (read_catalog_now(lines[f"{it}_PROJECT_ID"]) for it in ("HUB", "RELAY"))
        assert hub.plan("free").credits == 500
        assert (relay.book, relay.markup, relay.plans) == (hub.book, hub.markup, {})

    def test_can_be_repeated_and_leaves_one_seeded_key(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`make up` seeds each time; twenty starts must not use up the keys of a project."""
        first = seeded(Typed(capsys, "seed"))
        second = seeded(Typed(capsys, "seed"))

        assert second["HUB_PROJECT_ID"] == first["HUB_PROJECT_ID"]
        old, new = first["HUB_SECRET_KEY"], second["HUB_SECRET_KEY"]
        assert find_secret_key_holder(sha256_hex(old), real_now()) is None
        assert find_secret_key_holder(sha256_hex(new), real_now()) is not None
        keys = list_secret_keys(project_uuid("hub"), now=real_now())
        assert [use.key.name for use in keys].count("seed") == 1

    def test_leaves_other_keys_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Somebody's gateway may be running with one."""
        Typed(capsys, "seed")
        other = Typed(capsys, "keys", "create", "--project", "hub").out.strip()

        Typed(capsys, "seed")

        assert find_secret_key_holder(sha256_hex(other), real_now()) is not None

    def test_needs_nothing_but_what_the_functions_have(self) -> None:
        """The stack runs it from the functions' own environment, where no developer tool is."""
        source = "import sys, creditbase.admin.command; print('typer' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", source],
            cwd=ROOT / "functions",
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout == "False\n"


class TestCatalog:
    """Comparing and pushing."""

    def test_shows_before_it_writes(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Prices are reviewed: the difference first, then the push, then nothing more."""
        name = fresh()
        assert Typed(capsys, "projects", "create", name).out.strip() == project_uuid(name)

        before = Typed(capsys, "catalog", "diff", "--project", name, ALONE)
        rehearsed = Typed(capsys, "catalog", "push", "--project", name, ALONE, "--dry-run")
        pushed = Typed(capsys, "catalog", "push", "--project", name, ALONE, "--yes")
        again = Typed(capsys, "catalog", "push", "--project", name, ALONE)
        after = Typed(capsys, "catalog", "diff", "--project", name, ALONE)

        assert rehearsed.said == "pushing would change this; nothing was written\n"
        assert before.out == rehearsed.out == pushed.out
        assert "plan pro: none -> Pro, 5000 cents, 55000 credits" in before.out
        assert (again.out, again.status) == ("", 0)
        assert after.said == "nothing differs\n"

    @pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("no\n", 1), ("", 1)])
    def test_asks_a_person_before_it_writes(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        answer: str,
        status: int,
    ) -> None:
        """Anything but yes is no: prices are not changed by a slip of the finger."""
        name = fresh()
        Typed(capsys, "projects", "create", name)
        keyboard = io.StringIO(answer)
        monkeypatch.setattr(keyboard, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", keyboard)

        asked = Typed(capsys, "catalog", "push", "--project", name, ALONE)

        assert asked.status == status
        assert "push this? [y/N]" in asked.said
        after = Typed(capsys, "catalog", "diff", "--project", name, ALONE)
        assert (after.said == "nothing differs\n") is (status == 0)

    def test_writes_nothing_where_nobody_can_be_asked(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A script says that it means it."""
        name = fresh()
        Typed(capsys, "projects", "create", name)
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

        typed = Typed(capsys, "catalog", "push", "--project", name, ALONE)

        assert typed.status == 1
        assert typed.said == "refused: nobody is there to ask; --yes pushes without asking\n"

    def test_says_which_key_it_wants(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Leaving Stripe out is a decision, not an accident."""
        monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)

        typed = Typed(capsys, "catalog", "push", "--yes")

        assert typed.status == 1
        assert "set STRIPE_SECRET_KEY to the account that is meant" in typed.said

    def test_refuses_a_file_that_is_not_sound(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        """One line says which file, where in it, and why."""
        values = json.loads((ROOT / "catalog.json").read_text(encoding="utf-8"))
        values["packs"][0]["credits"] = 0
        (tmp_path / "bad.json").write_text(json.dumps(values), encoding="utf-8")

        typed = Typed(capsys, "catalog", "push", "--file", str(tmp_path / "bad.json"))

        assert (typed.status, typed.out) == (1, "")
        assert re.match(
            r"refused: the catalog cannot be taken: .*bad\.json: packs\.0"
            r".*greater than 0\n$",
            typed.said,
        )

    def test_does_not_make_a_project_out_of_a_typing_error(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Projects are made on purpose."""
        typed = Typed(capsys, "catalog", "push", "--project", "hbu", ALONE)

        assert (typed.status, typed.said) == (1, "refused: There is no such project\n")


class TestKeys:
    """Making a secret key."""

    def test_shows_the_key_alone_on_standard_output(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So that it can be piped into a secret store and is not left in a terminal's log."""
        name = fresh()
        Typed(capsys, "projects", "create", name)

        typed = Typed(capsys, "keys", "create", "--project", name, "--name", "gateway")

        secret = typed.out.rstrip("\n")
        assert is_well_formed(secret, SECRET_KEY_PREFIX)
        assert secret not in typed.said
        holder = find_secret_key_holder(sha256_hex(secret), real_now())
        assert holder is not None
        assert holder.project_id == project_uuid(name)


@pytest.fixture
def _nobody_elses_documents(project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty database: other tests leave wallets that are broken on purpose."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid.uuid4().hex[:8]}")
    firestore.client.cache_clear()
    lanes.cache_clear()
    yield
    firestore.client.cache_clear()
    lanes.cache_clear()


@pytest.mark.usefixtures("_nobody_elses_documents")
class TestJobs:
    """Running what the scheduler runs."""

    def test_every_job_can_be_run_by_hand_and_is_looked_after(self) -> None:
        """One that is missing here cannot be helped along, one missing there stops unseen."""
        assert sorted(JOBS) == sorted(by_name.JOBS)
        assert sorted(JOBS) == sorted(name.replace("_", "-") for name in health.JOBS)

    @pytest.mark.parametrize("name", [name for name in JOBS if name != RECONCILER])
    def test_runs_once_and_says_what_was_done(
        self, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        """The same use case as the scheduled function, and every name that is offered."""
        typed = Typed(capsys, "jobs", "run", name)

        assert typed.status == 0
        assert re.search(rf"^{name}: \d+ done, 0 failed", typed.out, re.MULTILINE)


class TestUsers:
    """Giving the admin role."""

    def test_gives_the_role_once_and_takes_it_once(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The role is the user document's alone; who gave it, and why, stands in a record."""
        uid = f"u{uuid.uuid4().hex}"
        commit([Create(f"users/{uid}", {"role": "user", "api_keys": {}})])
        why = ("--reason", "in support")

        given = [Typed(capsys, "users", "make-admin", uid, *why) for _ in range(2)]
        made = get_all([f"users/{uid}"])[0].fields
        taken = [Typed(capsys, "users", "remove-admin", uid, *why) for _ in range(2)]

        assert [it.status for it in (*given, *taken)] == [0] * 4
        assert [it.said for it in (*given, *taken)] == [
            f"{uid} is now an admin\n",
            f"{uid} was an admin already\n",
            f"{uid} is no admin any more\n",
            f"{uid} was no admin\n",
        ]
        assert made == {"role": "admin", "api_keys": {}}
        assert get_all([f"users/{uid}"])[0].fields == {"role": "user", "api_keys": {}}
        kept = [one.fields for one in query("audit", limit=10_000) if one.fields is not None]
        records = [one for one in kept if one["asked"] == {"uid": uid}]
        assert sorted((it["action"], it["actor"], it["reason"]) for it in records) == [
            ("role_give", "command-line", "in support"),
            ("role_take", "command-line", "in support"),
        ]

    def test_does_not_make_a_user(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A mistyped uid must not become an admin that somebody could later sign up as."""
        typed = Typed(capsys, "users", "make-admin", "nobody", "--reason", "x")

        assert typed.status == 1
        assert "nobody with the uid nobody was ever here" in typed.said
        assert not get_all(["users/nobody"])[0].exists
        assert Typed(capsys, "users", "remove-admin", "nobody", "--reason", " ").status == 1


class TestRefusals:
    """What goes wrong before anything is done."""

    def test_asks_which_project_is_meant(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A default project is how production gets seeded by accident."""
        monkeypatch.delenv("GCLOUD_PROJECT")

        typed = Typed(capsys, "seed")

        assert (typed.status, typed.out) == (1, "")
        assert "GCLOUD_PROJECT" in typed.said

    def test_refuses_a_mixed_environment(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Development settings beside production ones: nothing is touched."""
        monkeypatch.setenv("CREDITBASE_ENV", "production")

        typed = Typed(capsys, "seed")

        assert typed.status == 1
        assert "FIRESTORE_EMULATOR_HOST" in typed.said

    @pytest.mark.parametrize(
        "typed", [[], ["catalog"], ["seed", "now"], ["jobs", "run", "everything"], ["see"]]
    )
    def test_what_is_not_understood_ends_with_status_two(
        self, typed: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Scripts tell a typing error from a refusal by it."""
        with pytest.raises(SystemExit) as ended:
            main(typed)

        assert ended.value.code == 2
        assert "usage: python -m creditbase.admin" in capsys.readouterr().err

    def test_a_secret_that_is_not_set_is_named(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Looking for a store that is down would help nobody."""
        monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)

        typed = Typed(capsys, "jobs", "run", "reconcile-stripe")

        assert typed.status == 1
        assert "refused: STRIPE_SECRET_KEY is not set\n" in typed.said

    def test_a_store_that_does_not_answer_is_named(self) -> None:
        """The commonest reason of all on a new machine: no emulator there."""
        done = subprocess.run(
            [sys.executable, "-m", "creditbase.admin", "projects", "create", "x"],
            cwd=ROOT / "functions",
            env={
                **os.environ,
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 1
        assert done.stderr.startswith("refused: the store does not answer (project demo-")
        assert "Traceback" not in done.stderr
