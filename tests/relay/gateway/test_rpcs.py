"""What a model call costs at the gRPC boundary, and how little of it the caller waits for.

DESIGN section 4, the table: a hold and its end, warm, are one RPC each, and write two
documents. The first word waits for the hold alone.
"""

import secrets
import time
import uuid
from types import SimpleNamespace

import pytest

from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_api_key,
    ensure_customer,
    ensure_project,
)
from creditbase.catalog.domain.tiers import TierModel
from creditbase.catalog.use_cases import shared_cache
from creditbase.runtime import identity
from creditbase.runtime.clock import real_now
from creditbase.runtime.settings import settings
from creditbase.subscriptions.use_cases import first_touch
from tests import costs
from tests.catalog.tiers import a_tier
from tests.ledger.wallets import LiveWallet
from tests.relay.backend import Backend
from tests.relay.gateway.counter import CHAT, NDJSON, RESPONSES, Counter, says
from tests.relay.gateway.upstream import DONE, Hang, chunk, usage_chunk
from tests.sold import sell
from tests.wire import Wire

pytestmark = pytest.mark.firestore

ECHO = {"model": "local-echo", "messages": says("one two")}
HOLD = costs.HOLD_WARM
"""RPCs, reads, writes: the wallet and the entry."""
CALL = costs.MODEL_CALL_WARM


@pytest.fixture
def warm(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Return a counter where a call was made, and another is on its way.

    The end of the last open hold publishes the balance, which is one write more. What the
    door believes for ten seconds it believes here for as long as a slow machine takes.
    """
    began_s = time.monotonic()
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: began_s))
    counter.desk.wallet.hold("still open", 1)
    assert counter.post(CHAT, ECHO).status_code == 200
    return counter


@pytest.mark.parametrize("is_chat", [True, False])
def test_a_stream_waits_for_its_hold_and_nothing_else(
    warm: Counter, wire: Wire, *, is_chat: bool
) -> None:
    """One commit before the first byte, one after the last word, none in between."""
    words = (chunk("a"), chunk("b"))
    warm.provider.will(*words, Hang(), chunk(finish="stop"), usage_chunk(9, 2), DONE)
    wire.reset()

    answer = warm.chat(stream=True) if is_chat else warm.respond(accept=NDJSON)
    at_the_headers = wire.counts
    lines = answer.iter_encoded()
    for _ in range(3):
        next(lines)
    at_the_last_word = wire.counts
    warm.provider.let_go.set()
    rest = b"".join(lines)
    at_the_end = wire.counts
    answer.close()

    assert at_the_headers == at_the_last_word == HOLD
    assert b"usage" in rest or b"DONE" in rest
    assert at_the_end == wire.counts == CALL


def test_nothing_is_asked_before_the_hold_is_written(warm: Counter, wire: Wire) -> None:
    """A provider is told of a call only when its payer can pay it."""
    warm.provider.will(chunk("a", finish="stop"), usage_chunk(9, 1), DONE)
    wire.reset()

    assert warm.chat().status_code == 200

    assert [rpc.name for rpc in wire.rpcs] == ["Commit", "Commit"]
    held, ended = (rpc.paths for rpc in wire.rpcs)
    assert warm.desk.wallet.ref.wallet in held[0]
    assert any("/entries/op:" in path for path in held)
    assert any("/entries/end:" in path for path in ended)


def test_every_way_to_end_is_one_commit(warm: Counter, wire: Wire) -> None:
    """Also a void, and a caller who goes."""
    warm.provider.refuses(500, {})
    wire.reset()
    assert warm.chat().status_code == 503
    assert wire.counts == CALL

    warm.provider.will(chunk("a"), Hang())
    wire.reset()
    warm.chat(stream=True).close()
    assert wire.counts == CALL


def test_a_refusal_writes_nothing(warm: Counter, wire: Wire) -> None:
    """What cannot be asked is refused without any RPC, what cannot be paid with one read."""
    wire.reset()
    assert warm.post(CHAT, {**ECHO, "n": 2}).status_code == 400
    assert warm.post(CHAT, {**ECHO, "model": "gpt-9000"}).status_code == 400
    assert wire.counts == (0, 0, 0)

    dear = {"model": "gpt-5", "messages": says("x" * 399_000), "max_tokens": 1}
    assert warm.post(CHAT, dear).status_code == 402
    assert wire.counts[2] == 0


def test_names_and_keys_are_believed_for_a_while(warm: Counter, wire: Wire) -> None:
    """A secret key, a name for a customer, and a customer's token cost nothing when warm."""
    named = {"X_ModelRelay_Customer_Id": warm.desk.external_id}
    assert warm.post(CHAT, ECHO, **named).status_code == 200
    wire.reset()

    assert warm.post(CHAT, ECHO, **named).status_code == 200

    assert wire.counts == CALL


def test_a_name_that_looks_like_an_id_costs_one_read_more(warm: Counter, wire: Wire) -> None:
    """Whether there is a customer of that id is asked first, each time."""
    name = str(uuid.uuid4())
    project_id = warm.desk.tenant.project_id
    known = ensure_customer(project_id, name, now=warm.desk.clock.at)
    wallet = LiveWallet.opened(
        project_id, known.customer_id, nanos=10**9, now=warm.desk.clock.at
    )
    wallet.hold("still open", 1)
    named = {"X_ModelRelay_Customer_Id": name}
    assert warm.post(CHAT, ECHO, **named).status_code == 200
    wire.reset()

    assert warm.post(CHAT, ECHO, **named).status_code == 200

    assert [rpc.name for rpc in wire.rpcs] == ["BatchGetDocuments", "Commit", "Commit"]


def test_a_customers_token_costs_nothing_when_warm(
    warm: Counter, wire: Wire, backend: Backend
) -> None:
    """Neither does the tier; a call without a model reads which tier it is."""
    tier = backend.has(
        a_tier(
            tier_id=str(uuid.uuid4()),
            project_id=backend.project_id,
            code=f"t{uuid.uuid4().hex[:8]}",
            models=(TierModel("local-echo", is_default=True),),
        )
    )
    customer = backend.knows()
    token = backend.minted(customer_id=customer.customer_id, tier_code=tier.code)["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert warm.post(CHAT, ECHO, **bearer).status_code == 200
    wire.reset()
    assert warm.post(CHAT, ECHO, **bearer).status_code == 200
    assert wire.counts[:2] == (2, 0)
    wire.reset()

    default = {"input": [{"role": "user", "content": "one two"}]}
    assert warm.post(RESPONSES, default, **bearer).status_code == 200

    assert wire.counts[:2] == (3, 1)


def test_an_api_key_is_read_each_time(warm: Counter, wire: Wire) -> None:
    """A revoked one must not work anywhere for another second: one read before the hold."""
    ensure_project("hub", now=warm.desk.clock.at)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    settings.cache_clear()
    uid = f"u{uuid.uuid4().hex}"
    first_touch(uid, now=warm.desk.clock.at)
    random_bytes = secrets.token_bytes(32)
    key = create_api_key(uid, name="k", random_bytes=random_bytes, now=real_now()).secret
    nobody = {"X_ModelRelay_Api_Key": "", "X_ModelRelay_Customer_Id": "", "X_Api_Key": key}
    assert warm.post(CHAT, ECHO, **nobody).status_code == 200
    wire.reset()

    assert warm.post(CHAT, ECHO, **nobody).status_code == 200

    assert [rpc.name for rpc in wire.rpcs] == ["BatchGetDocuments", "Commit", "Commit"]
