"""What matters under the local emulators only, and the guard that keeps it out of production.

`main.py` calls `prepare` before anything else. In production it only guards.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")
_PR_SET_PDEATHSIG = 1


class UnsafeEnvironment(RuntimeError):
    """Development settings beside production ones: the process must not start."""


def is_production(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process serves real customers: on Cloud Run, or told so."""
    if environ.get("CREDITBASE_ENV") == "production":
        return True
    return "K_SERVICE" in environ and environ.get("FUNCTIONS_EMULATOR") != "true"


def is_emulated(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the store is an emulator, so that development settings may count."""
    if is_production(environ):
        return False
    return environ.get("FUNCTIONS_EMULATOR") == "true" or "FIRESTORE_EMULATOR_HOST" in environ


def refuse_unsafe_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Stop a process whose environment mixes development and production.

    With an Auth emulator named, unsigned tokens are accepted; with another Stripe, a live
    key would be sent to a stranger. The message names variables, never their values.

    Raises:
        UnsafeEnvironment: production with development settings, or a live key elsewhere.
    """
    if is_production(environ):
        found = sorted(name for name in environ if _is_development_only(name))
        if found:
            raise UnsafeEnvironment(
                "These variables are for development and must not be set in production: "
                + ", ".join(found)
            )
    if environ.get("STRIPE_API_BASE") and environ.get("STRIPE_SECRET_KEY", "").startswith(
        LIVE_KEY_PREFIXES
    ):
        raise UnsafeEnvironment(
            "STRIPE_API_BASE names another server, and STRIPE_SECRET_KEY is a live key: "
            "a live key is sent to Stripe alone"
        )


def _is_development_only(name: str) -> bool:
    return name.endswith("_EMULATOR_HOST") or name in {
        "APP_CHECK_JWKS_URL",
        "CREDITBASE_CLOCK_FILE",
        "FUNCTIONS_EMULATOR",
        "STRIPE_API_BASE",
    }


def prepare() -> None:
    """Guard the environment, and under the functions emulator repair what it leaves broken."""
    refuse_unsafe_environment()
    die_with_parent()
    answer_health()


def die_with_parent() -> None:
    """End with the shell that firebase-tools starts around each worker.

    It signals only that shell, so that without this every worker would outlive a code
    reload and the end of the command line tool.
    """
    if os.environ.get("FUNCTIONS_EMULATOR") == "true" and "FUNCTION_TARGET" in os.environ:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def answer_health() -> None:
    """Keep the emulator's readiness probe away from our functions.

    firebase-tools asks a fresh worker for `/__/health`, and functions-framework routes every
    path to the user's function: each scheduled function would do its work twice.
    """
    if os.environ.get("FUNCTIONS_EMULATOR") != "true":
        return
    # Only here: in production this costs nothing.
    import functions_framework  # noqa: PLC0415 - see above

    inner: Any = functions_framework._http_view_func_wrapper  # noqa: SLF001 - no public hook
    if getattr(inner, "answers_health", False):
        return

    def wrapper(function: Callable[..., Any], request: Any) -> Callable[[str], Any]:
        view = inner(function, request)
        return lambda path: ("ok", 200) if path == "__/health" else view(path)

    wrapper.answers_health = True  # type: ignore[attr-defined]
    functions_framework._http_view_func_wrapper = wrapper  # noqa: SLF001 - no public hook


def app_check_keys_url() -> str:
    """Return where App Check's public keys are instead of at Google; empty for Google."""
    return os.environ.get("APP_CHECK_JWKS_URL", "") if is_emulated() else ""
