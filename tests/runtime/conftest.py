"""Fixtures of the runtime's tests: a signer whose tokens are really verified."""

from collections.abc import Iterator

import pytest

from creditbase.runtime.settings import settings
from tests.runtime.signing import Signer
from tests.runtime.wiring import verified_by


@pytest.fixture(scope="session")
def key_server(one_signer: Signer) -> Signer:
    """Return a signer of this worker's project, its public keys being served."""
    return one_signer


@pytest.fixture
def signer(key_server: Signer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Signer]:
    """Return the signer, with our functions verifying against its keys; no store is needed."""
    monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")
    with verified_by(key_server):
        yield key_server


@pytest.fixture
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Return a patch of the environment; settings are read again before and after."""
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()
