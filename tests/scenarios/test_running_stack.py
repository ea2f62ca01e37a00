"""The running stack beyond the demo: jobs, the balance in a browser, Hosting, tenants."""

import secrets
import time
from typing import Any

import pytest
import requests

from creditbase.admin.tiers import read_tiers
from creditbase.runtime.settings import REGION
from dev.client import Customer
from dev.stack_steps import RELAY_TIERS

pytestmark = pytest.mark.stack


@pytest.fixture
def customer(stack_env: dict[str, str]) -> Customer:
    """Return a customer who has just signed up and looked at the balance."""
    email = f"eve-{secrets.token_hex(4)}@example.com"
    customer = Customer.sign_up(stack_env, email, secrets.token_urlsafe(9))
    assert customer.get("/usage/me").status_code == 200
    return customer


def metered(url: str, key: str, path: str, body: dict[str, Any]) -> requests.Response:
    """Ask metering as a back end does."""
    headers = {"X-ModelRelay-Api-Key": key, "Idempotency-Key": secrets.token_hex(8)}
    return requests.post(f"{url}{path}", json=body, headers=headers, timeout=30)


def run_job(stack_env: dict[str, str], function: str) -> requests.Response:
    """Call a scheduled function as the scheduler does."""
    project = stack_env["GCLOUD_PROJECT"]
    root = stack_env["FUNCTIONS_URL"].split(f"/{project}")[0]
    return requests.post(
        f"{root}/functions/projects/{project}/triggers/{REGION}-{function}-0",
        json={},
        headers={
            "X-CloudScheduler-JobName": function,
            "X-CloudScheduler-ScheduleTime": "2026-01-01T00:00:00Z",
        },
        timeout=60,
    )


def test_the_owner_and_nobody_else_reads_the_published_balance(
    stack_env: dict[str, str], customer: Customer
) -> None:
    """A browser listens to this one document, with the user's own token."""
    path = balance_path(stack_env, customer)
    url = f"http://{stack_env['FIRESTORE_EMULATOR_HOST']}/v1/{path}"
    other = Customer.sign_up(stack_env, f"mal-{secrets.token_hex(4)}@example.com", "secret-99")

    mine = requests.get(url, headers=bearer(customer), timeout=10)
    theirs = requests.get(url, headers=bearer(other), timeout=10)
    nobody = requests.get(url, timeout=10)
    written = requests.patch(url, json={"fields": {}}, headers=bearer(customer), timeout=10)

    assert mine.status_code == 200
    assert mine.json()["fields"]["monthly_remaining_nanos"]["integerValue"] == "500000000"
    assert [r.status_code for r in (theirs, nobody, written)] == [403, 403, 403]


def test_the_jobs_run_as_the_scheduler_calls_them(
    stack_env: dict[str, str], customer: Customer
) -> None:
    """A charge leaves the balance unsettled at most until the next run a minute later."""
    asked = {"customer_external_id": customer.uid, "amount_nanos": 1, "ttl_s": 1}
    meter = f"{stack_env['METER_URL']}/api/v1"
    held = metered(meter, stack_env["HUB_SECRET_KEY"], "/holds", asked)
    assert held.status_code == 201
    hold_id = held.json()["hold"]["id"]
    time.sleep(2)

    for function in ("expire_holds", "reset_cycles", "sync_balances"):
        assert run_job(stack_env, function).status_code == 200

    balance = raw_balance(stack_env, customer)
    assert balance["held_nanos"]["integerValue"] == "0"
    assert balance["monthly_remaining_nanos"]["integerValue"] == "500000000"
    shown = requests.get(
        f"{stack_env['METER_URL']}/api/v1/holds/{hold_id}",
        headers={"X-ModelRelay-Api-Key": stack_env["HUB_SECRET_KEY"]},
        timeout=10,
    )
    assert shown.json()["hold"]["status"] == "expired"


def test_metering_is_reached_through_hosting_too(
    stack_env: dict[str, str], customer: Customer
) -> None:
    """One address for everything, though metering's own is faster."""
    asked = {"customer_external_id": customer.uid, "amount_nanos": 1_000_000}

    charged = metered(stack_env["RELAY_URL"], stack_env["HUB_SECRET_KEY"], "/charges", asked)

    assert charged.status_code == 201
    assert charged.json()["balance"]["available_nanos"] == 499_000_000


def test_models_are_called_at_the_gateways_own_address_and_through_hosting(
    stack_env: dict[str, str], customer: Customer
) -> None:
    """Streams belong to its own address, which does not keep them until they are whole."""
    headers = {
        "X-ModelRelay-Api-Key": stack_env["HUB_SECRET_KEY"],
        "X-ModelRelay-Customer-Id": customer.uid,
    }
    said = {"model": "local-echo", "messages": [{"role": "user", "content": "one two"}]}

    answers = [
        requests.post(
            f"{url}/chat/completions", json={**said, **more}, headers=headers, timeout=30
        )
        for url, more in (
            (stack_env["RELAY_URL"], {}),
            (f"{stack_env['GATEWAY_URL']}/api/v1", {"stream": True}),
        )
    ]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json()["choices"][0]["message"]["content"] == "one two"
    assert '"delta":{"content":"two"}' in answers[1].text
    assert answers[1].text.endswith("data: [DONE]\n\n")


def test_a_projects_key_sees_no_customer_of_another_project(
    stack_env: dict[str, str], customer: Customer
) -> None:
    """The relay's key asks for the hub's customer: the same as if there were none."""
    url, key = stack_env["RELAY_URL"], stack_env["RELAY_SECRET_KEY"]

    found, absent = (
        metered(url, key, "/charges", {"customer_external_id": name, "amount_nanos": 1})
        for name in (customer.uid, "nobody")
    )

    assert found.status_code == absent.status_code == 404
    assert without_id(found) == without_id(absent)


def test_the_demonstrations_project_sells_every_kind_of_tier(
    stack_env: dict[str, str],
) -> None:
    """The key that `.run/env` names sees what the file promises, with its prices at Stripe."""
    headers = {"X-ModelRelay-Api-Key": stack_env["RELAY_SECRET_KEY"]}

    answer = requests.get(f"{stack_env['RELAY_URL']}/tiers", headers=headers, timeout=30)

    found = {tier["tier_code"]: tier for tier in answer.json()["tiers"]}
    promised = {row.tier_code: row for row in read_tiers(RELAY_TIERS)}
    assert set(promised) <= set(found)
    for code, row in promised.items():
        tier = found[code]
        assert tier["spend_limit_cents"] == row.spend_limit_cents
        is_sold = bool(row.price_amount_cents) and not row.billing_provider
        assert ("billing_price_ref" in tier) == is_sold, code
        assert [model["model_id"] for model in tier["models"]] == [
            model.model_id for model in row.models
        ]


def balance_path(stack_env: dict[str, str], customer: Customer) -> str:
    """Return the name of the customer's balance, found as an administrator would."""
    store = (
        f"http://{stack_env['FIRESTORE_EMULATOR_HOST']}/v1/projects/"
        f"{stack_env['GCLOUD_PROJECT']}/databases/(default)/documents"
    )
    user = requests.get(f"{store}/users/{customer.uid}", headers=OWNER, timeout=10).json()
    customer_id = user["fields"]["customer_id"]["stringValue"]
    path = f"projects/{stack_env['HUB_PROJECT_ID']}/balances/{customer_id}"
    return f"{store.partition('/v1/')[2]}/{path}"


def raw_balance(stack_env: dict[str, str], customer: Customer) -> dict[str, Any]:
    """Return the published balance as it lies in the store."""
    url = (
        f"http://{stack_env['FIRESTORE_EMULATOR_HOST']}/v1/{balance_path(stack_env, customer)}"
    )
    fields: dict[str, Any] = requests.get(url, headers=OWNER, timeout=10).json()["fields"]
    return fields


OWNER = {"Authorization": "Bearer owner"}


def bearer(customer: Customer) -> dict[str, str]:
    """Return the header that a browser's listener sends."""
    return {"Authorization": customer.headers["Authorization"]}


def without_id(answer: requests.Response) -> dict[str, Any]:
    """Return a body but for the request's own id."""
    body: dict[str, Any] = answer.json()
    return {name: value for name, value in body.items() if name != "request_id"}


def test_the_administrator_of_the_stack_has_the_role(stack_env: dict[str, str]) -> None:
    """The sign-in that the demo prints really is an administrator's."""
    base = (
        f"http://{stack_env['FIREBASE_AUTH_EMULATOR_HOST']}/identitytoolkit.googleapis.com/v1"
    )
    signed_in = requests.post(
        f"{base}/accounts:signInWithPassword?key=local",
        json={"email": stack_env["ADMIN_EMAIL"], "password": stack_env["ADMIN_PASSWORD"]},
        timeout=10,
    ).json()
    store = (
        f"http://{stack_env['FIRESTORE_EMULATOR_HOST']}/v1/projects/"
        f"{stack_env['GCLOUD_PROJECT']}/databases/(default)/documents"
    )

    user = requests.get(f"{store}/users/{signed_in['localId']}", headers=OWNER, timeout=10)

    assert user.json()["fields"]["role"]["stringValue"] == "admin"


@pytest.mark.parametrize(
    "path", ["/", "/app", "/app/billing?topup=success", "/billing?topup=cancelled"]
)
def test_a_person_who_opens_the_address_sees_a_page(
    path: str, stack_env: dict[str, str]
) -> None:
    """Also after paying: the hosted page sends the customer back to us."""
    page = requests.get(stack_env["HUB_URL"] + path, timeout=10)

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
