"""Settings come from the environment, once; a secret that is missing is a refusal."""

import ast
import inspect
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import pytest

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.settings import (
    STRIPE_SECRET_KEY,
    BadSettings,
    Settings,
    settings,
)


@pytest.fixture
def environ(fresh_settings: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return a patch of an environment in which nothing is set."""
    for field in fields(Settings):
        fresh_settings.delenv(field.metadata["variable"], raising=False)
    for name in ("FUNCTIONS_EMULATOR", "FIRESTORE_EMULATOR_HOST", "K_SERVICE"):
        fresh_settings.delenv(name, raising=False)
    return fresh_settings


def test_without_a_word_the_safe_things_are_on(environ: pytest.MonkeyPatch) -> None:
    """Production needs no switch to be protected; replay protection is the exception."""
    found = settings()

    assert (found.rate_limits, found.lockout, found.app_check_replay_protection) == (
        True,
        True,
        False,
    )
    assert (found.publish_interval_s, found.deadline_s) == (5, 10)
    assert found.origins() == frozenset()


def test_under_the_emulator_limits_are_off_until_a_test_asks(
    environ: pytest.MonkeyPatch,
) -> None:
    """Development is not slowed down, and what is set wins."""
    environ.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    assert (settings().rate_limits, settings().lockout) == (False, False)

    environ.setenv("CREDITBASE_RATE_LIMITS", "on")
    settings.cache_clear()
    assert (settings().rate_limits, settings().lockout) == (True, False)


def test_origins_are_listed_one_by_one(environ: pytest.MonkeyPatch) -> None:
    """With the site itself, and without a trailing slash that would never match."""
    environ.setenv("CREDITBASE_SITE_URL", "https://app.example/")
    environ.setenv("CREDITBASE_ALLOWED_ORIGINS", "https://a.example, http://localhost:5173/,")

    assert settings().origins() == {
        "https://app.example",
        "https://a.example",
        "http://localhost:5173",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CREDITBASE_ALLOWED_ORIGINS", "*"),
        ("CREDITBASE_ALLOWED_ORIGINS", "https://a.example/path"),
        ("CREDITBASE_SITE_URL", "app.example"),
        ("CREDITBASE_SITE_URL", "javascript:alert(1)"),
        ("CREDITBASE_RATE_LIMITS", "perhaps"),
        ("CREDITBASE_PUBLISH_INTERVAL_S", "-1"),
        ("CREDITBASE_DEADLINE_S", "soon"),
        ("CREDITBASE_SECRET_KEY_CACHE_S", "11"),
        ("CREDITBASE_MAIL", "pigeon"),
        ("CREDITBASE_OPERATOR_MAIL", "a@b.example, c@d.example"),
        ("CREDITBASE_OPERATOR_MAIL", "a@b.example\n"),
        ("CREDITBASE_EVENTARC_CHANNEL", "projects/p/channels/c"),
        ("CREDITBASE_UPSTREAMS", "{"),
        ("CREDITBASE_UPSTREAMS", "[]"),
        ("CREDITBASE_UPSTREAMS", '{"a": []}'),
        ("CREDITBASE_UPSTREAMS", '{"a": {"kind": "openai"}}'),
        ("CREDITBASE_UPSTREAMS", '{"a": {"kind": "x", "base_url": "https://a.example"}}'),
        ("CREDITBASE_UPSTREAMS", '{"a": {"kind": "openai", "base_url": "http://a.example"}}'),
        (
            "CREDITBASE_UPSTREAMS",
            '{"a": {"kind": "openai", "base_url": "https://a.example?k"}}',
        ),
        (
            "CREDITBASE_UPSTREAMS",
            '{"a": {"kind": "openai", "base_url": "https://a.example", "limit_name": "n"}}',
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    environ: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Not silently a default: the operator is told which variable, but never the value."""
    environ.setenv(name, value)

    with pytest.raises(BadSettings, match=name) as refused:
        settings()

    assert "javascript" not in str(refused.value)


def test_an_empty_variable_is_an_absent_one(environ: pytest.MonkeyPatch) -> None:
    """`NAME=` in a file means: not set."""
    environ.setenv("CREDITBASE_DEADLINE_S", "")

    assert settings().deadline_s == 10


def test_settings_cannot_be_changed_afterwards(environ: pytest.MonkeyPatch) -> None:
    """What a process was started with is what it does."""
    with pytest.raises(FrozenInstanceError):
        settings().deadline_s = 1  # type: ignore[misc]


def test_every_setting_is_explained(environ: pytest.MonkeyPatch) -> None:
    """With its unit and default, where it stands."""
    (declared,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(declared, ast.ClassDef)

    explained = {
        ast.unparse(field.target)
        for field, text in pairwise(declared.body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }

    assert explained == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_secret_fails_closed(
    environ: pytest.MonkeyPatch, value: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unbound secret reads as an empty text: it must never sign or verify anything."""
    environ.delenv("STRIPE_SECRET_KEY", raising=False)
    if value is not None:
        environ.setenv("STRIPE_SECRET_KEY", value)

    with pytest.raises(Unavailable):
        STRIPE_SECRET_KEY.value()


def test_a_secret_is_read_when_it_is_used(environ: pytest.MonkeyPatch) -> None:
    """Not when the module is imported: then it is not bound yet."""
    environ.setenv("STRIPE_SECRET_KEY", "sk_test_1")

    assert STRIPE_SECRET_KEY.value() == "sk_test_1"
    assert "sk_test_1" not in repr(STRIPE_SECRET_KEY)
