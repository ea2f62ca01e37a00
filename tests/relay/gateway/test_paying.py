"""Who pays for a call, how much is held for it, and when it is refused."""

import secrets
import uuid

import pytest

from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_api_key,
    ensure_customer,
    ensure_project,
)
from creditbase.catalog.domain.tiers import TierModel
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.metering.names import customer_names
from creditbase.relay.gateway import telling
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_customers import delete_customer
from creditbase.subscriptions.use_cases import first_touch
from tests.catalog.tiers import a_tier
from tests.ledger.wallets import LiveWallet
from tests.relay.backend import Backend, a_name
from tests.relay.desk import Desk, at_once, json_of
from tests.relay.gateway.counter import CHAT, OPENAI_MODEL, RESPONSES, Counter, says
from tests.relay.gateway.upstream import DONE, Hang, Reset, chunk, usage_chunk
from tests.runtime.signing import Signer
from tests.runtime.wiring import verified_by
from tests.sold import sell

ANSWER = (chunk("Hi", finish="stop"), usage_chunk(9, 1), DONE)
ECHO = {"model": "local-echo", "messages": says("one two")}


def used(ref: WalletRef) -> dict[str, int]:
    """Return the requests of each model that a wallet has paid for."""
    loaded = find_wallet(ref)
    assert loaded is not None
    tallies = loaded.wallet.window.tallies
    return {model: tally.requests for model, tally in tallies.items()}


# ---- who -----------------------------------------------------------------------------------


def test_a_customer_pays_by_its_token_and_its_tier_says_for_what(
    counter: Counter, backend: Backend
) -> None:
    """Without a model the tier's default; a model outside is refused, an unknown one too."""
    tier = backend.has(
        a_tier(
            tier_id=str(uuid.uuid4()),
            project_id=backend.project_id,
            code=f"t{uuid.uuid4().hex[:8]}",
            models=(TierModel("local-echo", is_default=True, markup_bps=0),),
        )
    )
    customer = backend.knows()
    token = backend.minted(customer_id=customer.customer_id, tier_code=tier.code)["token"]
    bearer = {"Authorization": f"Bearer {token}", "X_ModelRelay_Api_Key": ""}
    item = {"role": "user", "content": "one two"}

    default = counter.post(RESPONSES, {"input": [item]}, **bearer)
    outside = counter.post(CHAT, {**ECHO, "model": OPENAI_MODEL}, **bearer)
    unknown = counter.post(CHAT, {**ECHO, "model": "gpt-9000"}, **bearer)
    cheaper = counter.post(CHAT, {**ECHO, "model": f"{OPENAI_MODEL}@batch"}, **bearer)

    assert json_of(default)["model"] == "local-echo"
    assert (outside.status_code, json_of(outside)["error"]["code"]) == (403, "FORBIDDEN")
    for answer in (unknown, cheaper):
        assert (answer.status_code, json_of(answer)["error"]["param"]) == (400, "model")
    ref = WalletRef(backend.project_id, customer.customer_id)
    assert used(ref) == {"local-echo": 1}
    loaded = find_wallet(ref)
    assert loaded is not None
    # by the tier's own margin, within its limit
    assert loaded.wallet.window.included_spent_nanos == 2 * 1_000 + 2 * 2_000


def test_a_secret_key_says_which_customer_pays(counter: Counter) -> None:
    """By id, by the project's own name for it, or the project's own customer."""
    desk = counter.desk
    own = ensure_customer(desk.tenant.project_id, "account", now=desk.clock.at)
    ref = WalletRef(desk.tenant.project_id, own.customer_id)
    if find_wallet(ref) is None:
        LiveWallet.opened(ref.project_id, ref.customer_id, nanos=0, now=desk.clock.at)
    LiveWallet(ref, desk.clock.at).topup(f"pi_{uuid.uuid4().hex}", 10**9)
    used_before = used(ref).get("local-echo", 0)
    customer_names.cache_clear()

    statuses = [
        counter.post(CHAT, ECHO, X_ModelRelay_Customer_Id=name).status_code
        for name in (desk.customer_id, desk.external_id, "", "nobody", str(uuid.uuid4()))
    ]

    assert statuses == [200, 200, 200, 404, 404]
    assert used(desk.wallet.ref) == {"local-echo": 2}
    assert used(ref) == {"local-echo": used_before + 1}


def test_a_name_that_looks_like_an_id_is_a_name_after_all(counter: Counter) -> None:
    """Projects call customers by ids of their own. An id of ours comes before a name."""
    desk = counter.desk
    project_id = desk.tenant.project_id
    names = [str(uuid.uuid4()), uuid.uuid4().hex, "müller 😀", desk.customer_id]
    wallets = {}
    for name in names:
        known = ensure_customer(project_id, name, now=desk.clock.at)
        wallets[name] = LiveWallet.opened(
            project_id, known.customer_id, nanos=10**9, now=desk.clock.at
        )

    for name in names:
        header = name.encode().decode("latin-1")  # as a header's bytes arrive
        assert counter.post(CHAT, ECHO, X_ModelRelay_Customer_Id=header).status_code == 200
    upper = counter.post(CHAT, ECHO, X_ModelRelay_Customer_Id=desk.customer_id.upper())

    assert upper.status_code == 200
    assert used(desk.wallet.ref) == {"local-echo": 2}
    paid = [used(wallets[name].ref) for name in names]
    assert paid == [{"local-echo": 1}] * 3 + [{}]


def test_names_and_ids_of_another_project_are_unknown_in_the_same_words(
    counter: Counter, stranger: Desk
) -> None:
    """Neither who pays nor whether somebody is there can be found out from outside."""
    name = str(uuid.uuid4())
    theirs = ensure_customer(stranger.tenant.project_id, name, now=stranger.clock.at)
    unknown = (name, theirs.customer_id, stranger.customer_id, str(uuid.uuid4()), "nobody")

    answers = [
        counter.post(CHAT, body, X_ModelRelay_Customer_Id=header)
        for header in unknown
        for body in (ECHO, {"messages": says("no model")})
    ]

    assert {answer.status_code for answer in answers} == {404}
    texts = {answer.text.replace(json_of(answer)["request_id"], "") for answer in answers}
    assert len(texts) == 1


def test_a_customer_that_is_named_by_nothing_is_refused(counter: Counter) -> None:
    """Whoever forgot to fill the name in must not find its own account charged."""
    answer = counter.post(CHAT, ECHO, X_ModelRelay_Customer_Id=" ")

    assert answer.status_code == 400
    assert json_of(answer)["error"]["param"] == "X-ModelRelay-Customer-Id"


def test_a_customers_token_pays_for_itself_whatever_else_is_sent(
    counter: Counter, backend: Backend
) -> None:
    """The SDKs send every credential that they have; no header makes somebody else pay."""
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

    answer = counter.post(CHAT, ECHO, Authorization=f"Bearer {token}")

    assert answer.status_code == 200
    assert used(WalletRef(backend.project_id, customer.customer_id)) == {"local-echo": 1}
    assert used(counter.desk.wallet.ref) == {}


def test_a_name_that_means_another_customer_now_is_followed(
    counter: Counter, backend: Backend
) -> None:
    """Deleted and made again: what a process remembers is somebody without a wallet."""
    desk, name = counter.desk, a_name()
    named = {"customer_external_id": name}
    quoted = {"model": "local-echo", "usage_max": {"input_tokens": 1}}

    def ask() -> list[int]:
        amount = {"amount_nanos": 1, **named}
        return [
            desk.post("/charges", amount, key=uuid.uuid4().hex).status_code,
            desk.post("/holds", amount, key=uuid.uuid4().hex).status_code,
            desk.post("/quotes", {**quoted, **named}).status_code,
            counter.post(CHAT, ECHO, X_ModelRelay_Customer_Id=name).status_code,
        ]

    first = backend.knows(name)
    assert ask() == [402, 402, 200, 402]

    delete_customer(backend.project_id, first.customer_id, now=desk.clock.at)
    assert ask() == [404, 404, 404, 404]
    assert ask() == [404, 404, 404, 404]

    backend.knows(name)
    assert ask() == [402, 402, 200, 402]
    second = customer_names().find(backend.project_id, name, now=desk.clock.at)
    assert second is not None
    delete_customer(backend.project_id, second, now=desk.clock.at)
    backend.knows(name)
    assert ask() == [402, 402, 200, 402]


@pytest.fixture(scope="module")
def key_server(one_signer: Signer) -> Signer:
    """Return a signer of this worker's project, its public keys being served."""
    return one_signer


def test_users_of_the_hub_pay_by_their_key_or_by_signing_in(
    counter: Counter, key_server: Signer
) -> None:
    """OpenAI's clients can only send a bearer, so the key is taken there too."""
    ensure_project("hub", now=counter.desk.clock.at)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    nobody = {"X_ModelRelay_Api_Key": "", "X_ModelRelay_Customer_Id": ""}
    with verified_by(key_server) as patch:
        patch.setenv("CREDITBASE_RATE_LIMITS", "off")
        uid = f"u{uuid.uuid4().hex}"
        first_touch(uid, now=counter.desk.clock.at)
        key = create_api_key(
            uid, name="k", random_bytes=secrets.token_bytes(32), now=real_now()
        ).secret
        wrong = key[:-1] + ("y" if key.endswith("x") else "x")

        answers = [
            counter.post(CHAT, ECHO, **nobody, X_Api_Key=key),
            counter.post(CHAT, ECHO, **nobody, Authorization=f"Bearer {key}"),
            counter.post(CHAT, ECHO, **nobody, **key_server.headers(uid)),
            counter.post(CHAT, ECHO, **nobody, Authorization=f"Bearer {wrong}"),
            counter.post(CHAT, ECHO, **nobody),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 401]
    assert json_of(answers[-1])["error"]["type"] == "authentication_error"
    ref = first_touch(uid, now=counter.desk.clock.at)
    assert used(WalletRef(ref.project_id, ref.customer_id)) == {"local-echo": 3}


# ---- how much ------------------------------------------------------------------------------


def poor(counter: Counter, nanos: int) -> Counter:
    """Return the counter of another customer, who has only so much."""
    desk = counter.desk
    other = Desk.opened(desk.client, desk.tenant, desk.clock, nanos=nanos)
    return Counter(other, counter.client, counter.provider)


def held_for(counter: Counter, output_tokens: int) -> int:
    """Return what is held for a greeting that may be answered with so many tokens."""
    counter.provider.will(*ANSWER)
    counter.chat(max_tokens=output_tokens).get_data()
    return int(counter.entries("hold")[-1]["amount_nanos"])


def test_output_is_lowered_to_what_is_affordable(counter: Counter) -> None:
    """To the token; the provider is told, and the caller pays no more than there is."""
    least, more = held_for(counter, 7), held_for(counter, 8)
    customer = poor(counter, more - 1)
    customer.provider.will(chunk("x" * 28, finish="length"), usage_chunk(9, 7), DONE)

    answer = customer.chat()

    assert answer.status_code == 200, answer.text
    assert customer.provider.asked[-1]["max_completion_tokens"] == 7
    assert customer.entries("hold")[0]["amount_nanos"] == least


def test_a_call_that_is_not_affordable_is_refused_before_it_is_made(counter: Counter) -> None:
    """Not even one token: 402 with the figures, in the words of each dialect."""
    least = held_for(counter, 1)
    customer = poor(counter, least - 1)
    customer.provider.asked.clear()

    chat, whole = customer.chat(stream=True), customer.respond()

    assert (chat.status_code, whole.status_code) == (402, 402)
    assert chat.content_type == "application/json"
    error, flat = json_of(chat)["error"], json_of(whole)
    assert (error["type"], error["code"]) == ("insufficient_quota", "PAYMENT_REQUIRED")
    assert error["message"] == "The balance does not cover this request"
    for told in (error, flat):
        assert told["available_nanos"] == least - 1
        assert told["required_nanos"] >= least
        assert told["limit_source"] == "wallet"
    assert customer.provider.asked == []
    assert customer.entries("hold") == []


def test_calls_at_once_are_admitted_up_to_the_budget(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of N calls of cost c on a budget B at most floor(B / c), and not one fewer."""
    monkeypatch.setattr(telling, "HEADERS_WITHIN_S", 0.1)
    cost = held_for(counter, 1)
    customer = poor(counter, 3 * cost + cost - 1)
    for _ in range(3):
        customer.provider.will(Hang(), *ANSWER)

    answers = at_once(8, lambda _: customer.chat(max_tokens=1, stream=True))
    statuses = sorted(answer.status_code for answer in answers)
    customer.provider.let_go.set()
    for answer in answers:
        answer.get_data()
        answer.close()

    assert statuses == [200] * 3 + [402] * 5
    assert customer.open_holds() == 0
    assert customer.spent() == 3 * customer.price(OPENAI_MODEL, input_tokens=9, output_tokens=1)
    customer.desk.wallet.audit()


# ---- the same request again ----------------------------------------------------------------


def test_a_request_id_that_was_charged_is_not_charged_again(counter: Counter) -> None:
    """Whatever is done with it: 409, and for another request 422."""
    counter.provider.will(*ANSWER)
    assert counter.chat(request_id="r1").status_code == 200

    again, other = counter.chat(request_id="r1"), counter.chat("Bye", request_id="r1")

    assert (again.status_code, json_of(again)["code"]) == (409, "CONFLICT")
    assert (other.status_code, json_of(other)["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert len(counter.entries("capture")) == 1
    assert len(counter.provider.asked) == 1


def test_a_request_id_that_is_being_answered_is_not_asked_again(counter: Counter) -> None:
    """A second connection for the same request would cost the provider's price again."""
    counter.provider.will(chunk("Hi"), Hang())
    running = counter.chat(request_id="r1", stream=True)

    again = counter.chat(request_id="r1", stream=True)
    running.close()

    assert again.status_code == 409
    assert len(counter.provider.asked) == 1
    assert counter.open_holds() == 0


def test_a_request_id_that_failed_is_tried_again(counter: Counter) -> None:
    """The SDKs repeat a POST after 5xx: the answer comes, and is charged once."""
    counter.provider.will(chunk("H"), Reset())
    counter.provider.refuses(500, {})
    counter.provider.will(*ANSWER)

    statuses = [counter.chat(request_id="r1").status_code for _ in range(4)]

    assert statuses == [503, 503, 200, 409]
    assert len(counter.entries("void")) == 2
    assert len(counter.entries("capture")) == 1


@pytest.mark.parametrize("name", ["x" * 129, "a b", "ä"])
def test_a_request_id_that_can_be_none_is_refused(counter: Counter, name: str) -> None:
    """Were it passed over, the request would be charged each time that it is sent."""
    assert counter.chat(request_id=name).status_code == 400
