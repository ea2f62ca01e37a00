"""The gateway over the running stack: OpenAI's own clients, and names with slashes."""

import json
import secrets
import subprocess
from urllib.parse import quote

import openai
import pytest
import requests

from dev.client import Customer
from dev.layout import ROOT

pytestmark = pytest.mark.stack

TEXT = "one two three"
TOO_LONG = "x" * 130_000
SCRIPT = "tests/relay/gateway/openai_client.mjs"
DOORS = ("GATEWAY_URL", "HUB_URL")
"""The gateway's own address, and Hosting, which hands a stream on when it is whole."""
TIMEOUT_S = 60
ODD_NAMES = ("team/ada//1", "/edge/", "%2F", "a b+c&?#", "ü 雪")


def key(stack_env: dict[str, str]) -> dict[str, str]:
    """Return what a back end shows."""
    return {"X-ModelRelay-Api-Key": stack_env["RELAY_SECRET_KEY"]}


@pytest.fixture(scope="module")
def token(stack_env: dict[str, str]) -> str:
    """Return the token of a new customer, whose free tier has ten cents."""
    name = f"sdk/{secrets.token_hex(4)}"
    url = stack_env["RELAY_URL"]
    asked = {"external_id": name, "email": f"{secrets.token_hex(4)}@example.com"}
    made = requests.put(
        f"{url}/customers", json=asked, headers=key(stack_env), timeout=TIMEOUT_S
    )
    assert made.status_code == 201, made.text
    minted = requests.post(
        f"{url}/auth/customer-token",
        json={"customer_external_id": name, "tier_code": "free"},
        headers=key(stack_env),
        timeout=TIMEOUT_S,
    )
    assert minted.status_code == 200, minted.text
    return str(minted.json()["token"])


@pytest.fixture(scope="module")
def api_key(stack_env: dict[str, str]) -> str:
    """Return the API key of a new user of the hub, who has the free credits."""
    email = f"sdk-{secrets.token_hex(4)}@example.com"
    customer = Customer.sign_up(stack_env, email, secrets.token_urlsafe(9))
    assert customer.get("/usage/me").status_code == 200
    made = customer.post("/api-keys", {"name": "sdk"})
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


@pytest.mark.parametrize("door", DOORS)
def test_openais_python_client_works_over_the_running_stack(
    stack_env: dict[str, str], token: str, api_key: str, door: str
) -> None:
    """It completes, streams, and shows a 402, by a customer's token and by an API key."""
    for credential in (token, api_key):
        with openai.OpenAI(
            base_url=f"{stack_env[door]}/api/v1", api_key=credential, timeout=TIMEOUT_S
        ) as client:
            ask = client.chat.completions.create
            whole = ask(model="local-large", messages=[{"role": "user", "content": TEXT}])
            streamed = ask(
                model="local-large", messages=[{"role": "user", "content": TEXT}], stream=True
            )
            said = "".join(c.choices[0].delta.content or "" for c in streamed if c.choices)
            with pytest.raises(openai.APIStatusError) as refused:
                ask(model="local-large", messages=[{"role": "user", "content": TOO_LONG}])

        assert (whole.choices[0].message.content, said) == (TEXT, TEXT)
        assert (refused.value.status_code, refused.value.code) == (402, "PAYMENT_REQUIRED")


@pytest.mark.parametrize("door", DOORS)
def test_openais_javascript_client_works_over_the_running_stack(
    stack_env: dict[str, str], token: str, api_key: str, door: str
) -> None:
    """The same, as a browser or a server of JavaScript does it."""
    done = subprocess.run(
        ["node", SCRIPT, f"{stack_env[door]}/api/v1", token, api_key],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["whole"], one["streamed"]) for one in told] == [(TEXT, TEXT)] * 2
    assert [one["refusal"]["status"] for one in told] == [402, 402]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_with_slashes_is_found_through_hosting(
    stack_env: dict[str, str], name: str
) -> None:
    """Whether a proxy keeps `%2F` or makes a slash of it: the route takes the rest."""
    name = f"{name}{secrets.token_hex(4)}"
    headers = key(stack_env)
    made = requests.post(
        f"{stack_env['RELAY_URL']}/customers",
        json={"external_id": name, "email": f"{secrets.token_hex(4)}@example.com"},
        headers=headers,
        timeout=TIMEOUT_S,
    )
    assert made.status_code == 201, made.text

    found = requests.get(
        f"{stack_env['RELAY_URL']}/customers/by-external-id/{quote(name, safe='')}",
        headers=headers,
        timeout=TIMEOUT_S,
    )

    assert found.status_code == 200, found.text
    assert found.json()["customer"]["customer"]["external_id"] == name
