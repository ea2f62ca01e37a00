"""Development settings never meet production ones."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import functions_framework
import pytest

from creditbase.runtime import emulator
from creditbase.runtime.emulator import (
    UnsafeEnvironment,
    is_emulated,
    is_production,
    refuse_unsafe_environment,
)

FUNCTIONS = Path(__file__).parents[2] / "functions"
CLOUD_RUN = {"K_SERVICE": "usage-me", "GCLOUD_PROJECT": "shop"}
TOLD = {"CREDITBASE_ENV": "production"}
EMULATOR = {
    "K_SERVICE": "usage-me",
    "FUNCTIONS_EMULATOR": "true",
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:2",
    "CREDITBASE_CLOCK_FILE": "/clock",
    "STRIPE_API_BASE": "http://127.0.0.1:3",
    "APP_CHECK_JWKS_URL": "http://127.0.0.1:4",
}
LOAD_TEST = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "CREDITBASE_CLOCK_FILE": "/clock"}


@pytest.mark.parametrize("production", [CLOUD_RUN, TOLD], ids=["Cloud Run", "told so"])
@pytest.mark.parametrize(
    "name",
    [
        "FIRESTORE_EMULATOR_HOST",
        "FIREBASE_AUTH_EMULATOR_HOST",
        "ANYTHING_NEW_EMULATOR_HOST",
        "CREDITBASE_CLOCK_FILE",
        "STRIPE_API_BASE",
        "APP_CHECK_JWKS_URL",
    ],
)
def test_production_refuses_each_development_variable(
    production: dict[str, str], name: str
) -> None:
    """With an Auth emulator named, anybody could be anybody. The message names the variable."""
    with pytest.raises(UnsafeEnvironment, match=name) as refused:
        refuse_unsafe_environment({**production, name: "canary"})

    assert "canary" not in str(refused.value)


def test_a_production_that_pretends_to_be_the_emulator_is_refused() -> None:
    """Told to be production, nothing else that is said counts."""
    with pytest.raises(UnsafeEnvironment, match="FUNCTIONS_EMULATOR"):
        refuse_unsafe_environment({**TOLD, "FUNCTIONS_EMULATOR": "true"})


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
@pytest.mark.parametrize("environ", [{}, EMULATOR], ids=["plain", "emulator"])
def test_a_live_key_is_sent_to_stripe_alone(environ: dict[str, str], key: str) -> None:
    """Refused everywhere: another server must never see a key that moves real money."""
    mixed = {**environ, "STRIPE_API_BASE": "http://127.0.0.1:3", "STRIPE_SECRET_KEY": key}

    with pytest.raises(UnsafeEnvironment, match="STRIPE_SECRET_KEY") as refused:
        refuse_unsafe_environment(mixed)

    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [{}, CLOUD_RUN, TOLD, EMULATOR, LOAD_TEST, {**EMULATOR, "STRIPE_SECRET_KEY": "sk_test_1"}],
)
def test_a_clean_environment_starts(environ: dict[str, str]) -> None:
    """Production, the emulator, and a load test on an emulated store."""
    refuse_unsafe_environment(environ)


@pytest.mark.parametrize(
    ("environ", "production", "emulated"),
    [
        ({}, False, False),
        (CLOUD_RUN, True, False),
        (TOLD, True, False),
        ({**TOLD, **LOAD_TEST}, True, False),
        (EMULATOR, False, True),
        (LOAD_TEST, False, True),
    ],
)
def test_where_we_are(environ: dict[str, str], *, production: bool, emulated: bool) -> None:
    """Nothing of development counts in production, even if the guard had been passed."""
    assert (is_production(environ), is_emulated(environ)) == (production, emulated)


def test_main_does_not_start_in_an_unsafe_environment() -> None:
    """The guard is not a function that somebody may forget to call."""
    environ = {**CLOUD_RUN, "FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9"}

    done = subprocess.run(
        [sys.executable, "-c", "import main"],
        cwd=FUNCTIONS,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "UnsafeEnvironment" in done.stderr
    assert "FIREBASE_AUTH_EMULATOR_HOST" in done.stderr


def test_the_readiness_probe_runs_no_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each cold start of a job in the emulator does its work twice."""
    called: list[str] = []

    def served(path: str) -> str:
        called.append(path)
        return "served"

    framework: Any = functions_framework
    monkeypatch.setattr(framework, "_http_view_func_wrapper", lambda *_: served)
    monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")

    emulator.answer_health()
    emulator.answer_health()
    view = framework._http_view_func_wrapper(None, None)

    assert view("__/health") == ("ok", 200)
    assert view("usage/me") == "served"
    assert called == ["usage/me"]


def test_outside_the_emulator_the_framework_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Production runs what its makers tested."""
    before = functions_framework._http_view_func_wrapper
    monkeypatch.delenv("FUNCTIONS_EMULATOR", raising=False)

    emulator.answer_health()
    emulator.die_with_parent()

    assert functions_framework._http_view_func_wrapper is before


def test_a_worker_of_the_emulator_ends_with_its_shell() -> None:
    """Else every reload leaves a server behind."""
    program = (
        "import ctypes\n"
        "from creditbase.runtime import emulator\n"
        "emulator.die_with_parent()\n"
        "signal = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(signal), 0, 0, 0)\n"
        "print(signal.value)\n"
    )

    for environ, expected in (
        ({"FUNCTIONS_EMULATOR": "true", "FUNCTION_TARGET": "meter"}, "15"),
        ({"FUNCTION_TARGET": "meter"}, "0"),
        ({"FUNCTIONS_EMULATOR": "true"}, "0"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=FUNCTIONS,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
