"""Starting and ending the stack: what can be shown without starting all of it."""

import json
import os
import socket
from pathlib import Path

import pytest

from dev import background, firebase_project, layout, probe, stack, stack_steps
from dev.background import Failed
from dev.layout import BadNumber, Layout

STACK_NUMBER = 77


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return the layout of a stack whose files are this test's alone."""
    monkeypatch.setattr(Layout, "folder", tmp_path)
    return Layout(STACK_NUMBER)


def hush(text: str) -> None:
    """Take a line of progress without printing it."""


class TestLayout:
    """Ports, project and folder of a stack."""

    def test_one_number_moves_everything(self) -> None:
        """Two stacks side by side share no port, no project and no folder."""
        one, other = Layout(0), Layout(1)

        assert not set(one.ports.values()) & set(other.ports.values())
        assert one.project == "demo-creditbase"
        assert other.project == "demo-creditbase-1"
        assert one.env == layout.ROOT / ".run" / "env"
        assert other.env == layout.ROOT / ".run" / "1" / "env"

    @pytest.mark.parametrize("text", ["-1", "x", "100", "1.5"])
    def test_a_wrong_number_is_named(self, text: str) -> None:
        """A typing error does not start a stack on other ports."""
        with pytest.raises(BadNumber, match=text):
            Layout.from_environment({"CREDITBASE_STACK": text})

    def test_the_firebase_file_has_the_ports_of_stack_zero(self) -> None:
        """`firebase emulators:start` by hand and `make up` agree."""
        emulators = json.loads((layout.ROOT / "firebase.json").read_text())["emulators"]

        for name in set(layout.FIREBASE_PORTS) - {"firestore.websocket"}:
            assert emulators[name]["port"] == Layout(0).port(name), name
            assert emulators[name]["host"] == "127.0.0.1"
        assert emulators["firestore"]["websocketPort"] == Layout(0).port("firestore.websocket")


class TestUp:
    """Starting a stack."""

    def test_a_port_in_use_is_named_with_its_user(self, place: Layout) -> None:
        """The reader knows at once whom to ask, or how to step aside."""
        with socket.socket() as server:
            server.bind(("127.0.0.1", place.port("stripe")))
            server.listen()

            expected = rf"port {place.port('stripe')} \(for stripe\).*pid {os.getpid()}"
            with pytest.raises(Failed, match=expected):
                stack.up(place, is_bound_to_us=True, say=hush)

    def test_a_failure_half_way_leaves_no_process(
        self, place: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first server was up when the second could not start; it is ended again."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_BINARY_PATH", "/nowhere/emulator.jar")
        mark = f"half-way-{os.getpid()}"
        monkeypatch.setattr(background, "fresh_mark", lambda: mark)

        with pytest.raises(Failed, match=r"/nowhere/emulator\.jar, which is not there"):
            stack.up(place, is_bound_to_us=True, say=hush)

        assert (place.logs / "keys.log").is_file(), "nothing was started, so nothing is shown"
        assert background.marked(mark) == []
        assert not place.state.exists()
        assert probe.users_of(place.ports) == []

    def test_a_stack_of_a_living_command_is_left_alone(self, place: Layout) -> None:
        """A second test run in the same folder does not end the first one's emulators."""
        place.state.write_text(json.dumps({"mark": "x", "groups": {}, "owner": os.getpid()}))

        with pytest.raises(Failed, match="up already"):
            stack.up(place, is_bound_to_us=True, say=hush)

        assert place.state.exists()

    def test_one_command_at_a_time_starts_a_stack(self, place: Layout) -> None:
        """Two terminals do not start half a stack each."""
        with stack.alone(place), pytest.raises(Failed, match="Another command is starting"):
            stack.up(place, is_bound_to_us=True, say=hush)


class TestSeed:
    """Seeding with the product's own command."""

    def test_a_failing_seed_shows_its_last_words(
        self, place: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A catalog with a fault is reported by its own message."""
        place.logs.mkdir()
        self.seed_with(monkeypatch, place, "echo 'the price book is upside down' >&2; exit 4")

        with pytest.raises(Failed, match=r"status 4(.|\n)*upside down"):
            stack_steps.seed(place, os.environ)

    def test_a_seed_without_keys_is_refused(
        self, place: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An environment file with holes would fail much later, and far away."""
        place.logs.mkdir()
        self.seed_with(monkeypatch, place, "echo HUB_PROJECT_ID=p; echo HUB_SECRET_KEY=k")

        with pytest.raises(Failed, match="did not print RELAY_PROJECT_ID, RELAY_SECRET_KEY"):
            stack_steps.seed(place, os.environ)

    def test_a_push_that_stripe_does_not_take_shows_its_last_words(
        self, place: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A shop that sells nothing would be found out by the first customer."""
        place.logs.mkdir()
        self.seed_with(monkeypatch, place, "echo 'refused: Stripe is asleep' >&2; exit 1")

        with pytest.raises(Failed, match=r"not pushed to Stripe(.|\n)*asleep"):
            stack_steps.push_catalog(place, os.environ)

    def test_tiers_that_are_not_made_show_their_last_words(
        self, place: Layout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A relay project without tiers answers everybody with 402."""
        place.logs.mkdir()
        self.seed_with(monkeypatch, place, "echo 'refused: no such model' >&2; exit 1")

        with pytest.raises(Failed, match=r"not got its tiers(.|\n)*no such model"):
            stack_steps.put_tiers(place, os.environ)

    def seed_with(self, monkeypatch: pytest.MonkeyPatch, place: Layout, script: str) -> None:
        """Put a script in the place of the seeding command."""
        python = place.folder / "python"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        monkeypatch.setattr(stack_steps, "FUNCTIONS_BIN", place.folder)


def test_each_stack_has_secrets_and_ports_of_its_own(
    place: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A developer's own secrets are neither read nor overwritten."""
    functions = tmp_path / "sources"
    functions.mkdir()
    (functions / "main.py").touch()
    (functions / ".secret.local").write_text("STRIPE_WEBHOOK_SECRET=whsec_mine\n")
    built = tmp_path / "built"
    built.mkdir()
    (built / "index.html").write_text("the app")
    (built / "settings.json").write_text("a developer's own")
    monkeypatch.setattr(firebase_project, "FUNCTIONS", functions)
    monkeypatch.setattr(firebase_project, "SITE", built)

    folder = firebase_project.prepare(
        place, {"STRIPE_WEBHOOK_SECRET": "whsec_x"}, {"local": {"authEmulator": "here"}}
    )

    secret_file = folder / "functions" / ".secret.local"
    assert secret_file.read_text() == "STRIPE_WEBHOOK_SECRET=whsec_x\n"
    assert (functions / ".secret.local").read_text() == "STRIPE_WEBHOOK_SECRET=whsec_mine\n"
    assert (folder / "functions" / "main.py").resolve() == functions / "main.py"
    site = folder / "web" / "dist"
    assert json.loads((site / "settings.json").read_text())["local"]["authEmulator"] == "here"
    assert (site / "index.html").read_text() == "the app"
    assert not (site / "settings.json").is_symlink()
    emulators = json.loads((folder / "firebase.json").read_text())["emulators"]
    assert emulators["hosting"]["port"] == place.port("hosting")
    assert emulators["firestore"]["websocketPort"] == place.port("firestore.websocket")


def test_a_developers_own_settings_do_not_reach_the_stack(
    place: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live key in the shell stays in the shell."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_mine")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/key.json")

    settings = stack_steps.settings_of(place, "whsec_x")

    assert settings["STRIPE_SECRET_KEY"] == "sk_test_local"
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in settings


def test_programs_keep_what_they_compile_and_look_for_no_proxy(
    place: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of many programs would compile the product again, each request seek a proxy."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    settings = stack_steps.settings_of(place, "whsec_x")

    assert "PYTHONDONTWRITEBYTECODE" not in settings
    assert settings["NO_PROXY"] == settings["no_proxy"] == "inside.example,127.0.0.1,localhost"
