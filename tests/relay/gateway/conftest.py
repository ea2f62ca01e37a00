"""Fixtures of the gateway's tests: a customer at its door, and a provider behind it."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from creditbase.relay.gateway import pump, run
from creditbase.relay.gateway.endpoints import gateway
from creditbase.relay.gateway.upstream_http import http_client
from creditbase.runtime import clock as runtime_clock
from creditbase.runtime.settings import settings
from tests.relay.desk import Clock, Desk
from tests.relay.gateway import upstream
from tests.relay.gateway.counter import Counter
from tests.relay.gateway.upstream import FakeProvider
from tests.runtime.wiring import client_of

PUMPS_END_WITHIN_S = 20.0


@pytest.fixture(autouse=True)
def _no_pump_outlives_its_test() -> Iterator[None]:
    """One that goes on would keep its hold alive in the middle of somebody else's test."""
    yield
    until_s = time.monotonic() + PUMPS_END_WITHIN_S
    for thread in threading.enumerate():
        if thread.name == pump.NAME:
            thread.join(timeout=max(0.0, until_s - time.monotonic()))
            assert not thread.is_alive(), "a run was never closed"


@pytest.fixture(scope="session")
def gateway_client() -> FlaskClient:
    """Return a client of the function."""
    return client_of(gateway)


@pytest.fixture(scope="session")
def _running_provider() -> Iterator[FakeProvider]:
    with upstream.running() as provider:
        yield provider


@pytest.fixture
def provider(
    _running_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeProvider]:
    """Return the provider that every model of OpenAI and Anthropic is called at."""
    url = f"{_running_provider.url}/v1"
    upstreams = {
        "openai": {"kind": "openai", "base_url": url},
        "anthropic": {"kind": "anthropic", "base_url": url},
    }
    monkeypatch.setenv("CREDITBASE_UPSTREAMS", json.dumps(upstreams))
    monkeypatch.setenv("UPSTREAM_KEYS", '{"openai": "key-o", "anthropic": "key-a"}')
    settings.cache_clear()
    http_client.cache_clear()
    _running_provider.forget()
    yield _running_provider
    assert not _running_provider.scripts, "a script was not asked for"
    _running_provider.forget()
    http_client().close()
    http_client.cache_clear()


@pytest.fixture
def counter(
    desk: Desk,
    gateway_client: FlaskClient,
    clock: Clock,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> Counter:
    """Return where the desk's customer calls models."""
    monkeypatch.setattr(runtime_clock, "now", clock.now)
    monkeypatch.setattr(run, "REPORT_WITHIN_S", 0.1)
    return Counter(desk, gateway_client, provider)
