"""The gateway as its callers meet it: a real server, real clients, a process that dies."""

import json
import secrets
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import psutil
import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, create_api_key, ensure_project
from creditbase.catalog.domain.tiers import TierModel
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger.domain.commands import Tidy
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from dev.background import Program, wait_until
from dev.layout import ROOT
from tests.catalog.tiers import a_tier
from tests.ledger.wallets import LiveWallet
from tests.relay.backend import TOKEN_KEYS, Backend
from tests.relay.desk import NOON
from tests.relay.gateway.counter import OPENAI_MODEL, Counter, says
from tests.relay.gateway.upstream import FakeProvider, Hang, chunk
from tests.servers import serving
from tests.sold import sell

TEXT = "one two three"
TOO_LONG = "x" * 130_000
SCRIPT = "tests/relay/gateway/openai_client.mjs"


@dataclass(frozen=True)
class Server:
    """A running gateway."""

    url: str
    program: Program

    @property
    def base_url(self) -> str:
        """Return what OpenAI's clients are told."""
        return f"{self.url}/api/v1"


@pytest.fixture(scope="module")
def server(
    project: str, firestore_host: str, _running_provider: FakeProvider
) -> Iterator[Server]:
    """Return a gateway with production settings, the fake provider behind it."""
    upstreams = {"openai": {"kind": "openai", "base_url": f"{_running_provider.url}/v1"}}
    with serving(
        "gateway",
        project=project,
        CREDITBASE_UPSTREAMS=json.dumps(upstreams),
        UPSTREAM_KEYS='{"openai": "key-o"}',
        CREDITBASE_GATEWAY_REPORT_S="1",
        CUSTOMER_TOKEN_KEYS=TOKEN_KEYS,
    ) as (url, program):
        yield Server(url, program)


@pytest.fixture
def token(backend: Backend) -> str:
    """Return a customer's token, with a limit of thirty cents."""
    tier = backend.has(
        a_tier(
            tier_id=str(uuid.uuid4()),
            project_id=backend.project_id,
            code=f"t{uuid.uuid4().hex[:8]}",
            spend_limit_cents=30,
            models=(TierModel("local-echo", is_default=True), TierModel("local-large")),
        )
    )
    customer = backend.knows()
    minted = backend.minted(customer_id=customer.customer_id, tier_code=tier.code)
    return str(minted["token"])


@pytest.fixture
def api_key(backend: Backend) -> str:
    """Return the API key of a user of the hub, who has the free credits."""
    ensure_project("hub", now=NOON)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    uid = f"u{uuid.uuid4().hex}"
    first_touch(uid, now=real_now())
    random_bytes = secrets.token_bytes(32)
    return create_api_key(uid, name="k", random_bytes=random_bytes, now=real_now()).secret


def test_openais_python_client_completes_streams_and_shows_a_402(
    server: Server, token: str, api_key: str
) -> None:
    """With a customer's token, and with a user's API key."""
    for credential in (token, api_key):
        client = openai.OpenAI(base_url=server.base_url, api_key=credential, max_retries=0)
        ask = client.chat.completions.create

        whole = ask(model="local-large", messages=[{"role": "user", "content": TEXT}])
        chunks = list(
            ask(
                model="local-large",
                messages=[{"role": "user", "content": TEXT}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        with pytest.raises(openai.APIStatusError) as refused:
            ask(
                model="local-large",
                messages=[{"role": "user", "content": TOO_LONG}],
                stream=True,
            )
        client.close()

        assert whole.choices[0].message.content == TEXT
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said == TEXT
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.total_tokens == 8
        assert (refused.value.status_code, refused.value.code) == (402, "PAYMENT_REQUIRED")
        assert refused.value.type == "insufficient_quota"
        assert "The balance does not cover this request" in str(refused.value)


def test_openais_javascript_client_completes_streams_and_shows_a_402(
    server: Server, token: str, api_key: str
) -> None:
    """With a customer's token, and with a user's API key."""
    done = subprocess.run(
        ["node", SCRIPT, server.base_url, token, api_key],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        told = json.loads(line)
        assert (told["whole"], told["streamed"]) == (TEXT, TEXT)
        assert told["usage"]["total_tokens"] == 8
        refusal = told["refusal"]
        assert (refusal["isApiError"], refusal["status"]) == (True, 402)
        assert (refusal["code"], refusal["type"]) == ("PAYMENT_REQUIRED", "insufficient_quota")
        assert refusal["message"] == "402 The balance does not cover this request"
    assert len(done.stdout.splitlines()) == 2


@pytest.fixture
def wallet(counter: Counter) -> LiveWallet:
    """Return the wallet of the customer who calls, as it is in real time."""
    return LiveWallet(counter.desk.wallet.ref, real_now())


def calling(server: Server, counter: Counter) -> httpx.Client:
    """Return a client with the project's key, for this customer."""
    headers = {
        "X-ModelRelay-Api-Key": counter.desk.tenant.secret_key,
        "X-ModelRelay-Customer-Id": counter.desk.customer_id,
    }
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30)


ASKED = {"model": OPENAI_MODEL, "messages": says("Hi"), "stream": True}


def test_a_caller_who_hangs_up_pays_for_what_was_written(
    server: Server, counter: Counter, wallet: LiveWallet
) -> None:
    """Through the real server: it notices at the next piece, and the call is captured."""
    counter.provider.will(chunk("word " * 16), Hang(), *[chunk("x" * 40)] * 50, Hang())
    with (
        calling(server, counter) as client,
        client.stream("POST", "/chat/completions", json=ASKED) as answer,
    ):
        assert any("word" in line for line in answer.iter_lines())
    counter.provider.let_go.set()

    wait_until(
        lambda: not wallet.state()["holds"],
        program=server.program,
        within_s=30,
        what="the capture",
    )

    (entry,) = counter.entries("capture")
    assert entry["metered"]["quantities"]["output_tokens"] >= 20
    assert entry["captured_nanos"] < entry["amount_nanos"]


def test_a_process_that_is_killed_leaves_no_hold_beyond_its_time(
    server: Server, counter: Counter, wallet: LiveWallet
) -> None:
    """Its expiry takes the prompt, which was sent, and gives back the rest."""
    counter.provider.will(chunk("word " * 16), Hang())
    with calling(server, counter) as client, pytest.raises(httpx.HTTPError):
        _kill_at_the_word(server, client, "word")
    (held,) = wallet.state()["holds"].values()
    prompt = held["metered"]["quantities"]["input_tokens"]

    LiveWallet(wallet.ref, held["expires_at"]).run(Tidy())

    assert wallet.state()["holds"] == {}
    (entry,) = counter.entries("expire")
    assert entry["captured_nanos"] == counter.price(OPENAI_MODEL, input_tokens=prompt)


def test_a_process_that_is_killed_later_has_reported_until_then(
    server: Server, counter: Counter, wallet: LiveWallet
) -> None:
    """What it said last is what its expiry takes: of a long answer not only the prompt."""
    later = threading.Event()
    counter.provider.will(chunk("word " * 16), Hang(until=later), chunk("late" * 10), Hang())
    with calling(server, counter) as client, pytest.raises(httpx.HTTPError):
        _kill_at_the_word(server, client, "late", later)
    (held,) = wallet.state()["holds"].values()

    LiveWallet(wallet.ref, held["expires_at"]).run(Tidy())

    assert wallet.state()["holds"] == {}
    (entry,) = counter.entries("expire")
    used = entry["metered"]["quantities"]
    assert used["output_tokens"] == 30
    assert entry["captured_nanos"] == counter.price(
        OPENAI_MODEL, input_tokens=used["input_tokens"], output_tokens=30
    )


def _kill_at_the_word(
    server: Server, client: httpx.Client, last: str, later: threading.Event | None = None
) -> None:
    """Send SIGKILL to the process that answers when a word of the answer is there.

    `later` is set when the first has been there for longer than a report takes to be due.
    """
    with client.stream("POST", "/chat/completions", json=ASKED) as answer:
        for line in answer.iter_lines():
            if "word" in line and later is not None:
                threading.Timer(1.1, later.set).start()
            if last in line:
                for worker in psutil.Process(server.program.process.pid).children():
                    worker.kill()
