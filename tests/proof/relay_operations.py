"""The rows of the relay: customers, tokens, tiers, keys, pages to pay on."""

from collections.abc import Callable
from uuid import uuid4

from creditbase.accounts.domain import CustomerRef
from tests.proof.doors import PAGES, Doors, Json, of
from tests.proof.staging import ENDED_BEFORE, METER, Operation, Staged, about


def _relay_customer(doors: Doors, tier: str = "") -> CustomerRef:
    name = f"ext-{uuid4().hex}"
    profile = {"external_id": name, "email": f"{name}@example.com"}
    made = of(doors.relay("customers", "POST", "/customers", profile))["customer"]["customer"]
    if tier:
        code = doors.tier(tier).code
        assert doors.minted(made["id"], code)
    return CustomerRef(doors.tenant.project_id, made["id"])


def _by_back_end(
    method: str, path: str, body: Json | None, *, tier: str = ""
) -> Callable[[Doors], Staged]:
    def stage(doors: Doors) -> Staged:
        ref = _relay_customer(doors, tier)
        where = path.format(customer=ref.customer_id)
        sent = None if body is None else dict(body)
        if sent is not None and "tier_id" in sent:
            sent["tier_id"] = doors.tier(str(sent["tier_id"])).tier_id
        return Staged(lambda: doors.relay("customers", method, where, sent), about(ref))

    return stage


def _new_customer(method: str) -> Callable[[Doors], Staged]:
    def stage(doors: Doors) -> Staged:
        name = f"ext-{uuid4().hex}"
        profile = {"external_id": name, "email": f"{name}@example.com"}
        return Staged(lambda: doors.relay("customers", method, "/customers", profile))

    return stage


def _token(doors: Doors) -> Staged:
    ref = _relay_customer(doors)
    code = doors.tier("free").code
    body = {"customer_id": ref.customer_id, "tier_code": code}
    return Staged(
        lambda: doors.relay("auth_customer_token", "POST", "/auth/customer-token", body),
        about(ref),
    )


def _change_tier(doors: Doors) -> Staged:
    ref = _bought_tier(doors, "starter")
    token, code = doors.minted(ref.customer_id), doors.tier("pro").code
    path = "/customers/me/change-tier"
    return Staged(
        lambda: doors.relay("customers_me", "POST", path, {"tier_code": code}, token),
        about(ref),
    )


def _bought_tier(doors: Doors, tier: str) -> CustomerRef:
    ref = _relay_customer(doors)
    body = {"tier_id": doors.tier(tier).tier_id, **PAGES}
    path = f"/customers/{ref.customer_id}/subscribe"
    started = doors.relay("customers", "POST", path, body)
    assert started.status_code == 201, started.text
    doors.pay(of(started)["session_id"])
    doors.tell()
    return ref


def _new_secret_key(doors: Doors) -> Staged:
    project = doors.tenant.project_id
    path = f"/api/v1/projects/{project}/keys"
    for old in of(doors.browser(doors.admin_uid, "projects", "GET", path))["keys"]:
        if old["name"] == "k":
            doors.browser(doors.admin_uid, "projects", "DELETE", f"{path}/{old['id']}")
    return Staged(
        lambda: doors.browser(doors.admin_uid, "projects", "POST", path, {"name": "k"})
    )


def _leave(doors: Doors) -> Staged:
    ref = _bought_tier(doors, "starter")
    path = f"/customers/{ref.customer_id}/subscription"
    return Staged(lambda: doors.relay("customers", "DELETE", path), about(ref))


RELAY = [
    Operation("new-customer", f"{METER}/customers", _new_customer("POST"), again=ENDED_BEFORE),
    Operation("upsert-customer", "PUT /api/v1/customers", _new_customer("PUT")),
    Operation(
        "delete-customer",
        "DELETE /api/v1/customers/{customer_id}",
        _by_back_end("DELETE", "/customers/{customer}", None, tier="free"),
        again=ENDED_BEFORE,
    ),
    Operation("customer-token", f"{METER}/auth/customer-token", _token),
    Operation(
        "relay-topup-page",
        f"{METER}/customers/{{customer_id}}/topup",
        _by_back_end(
            "POST",
            "/customers/{customer}/topup",
            {"credit_amount_cents": 2500, **PAGES},
            tier="payg",
        ),
    ),
    Operation(
        "subscribe-page",
        f"{METER}/customers/{{customer_id}}/subscribe",
        _by_back_end(
            "POST", "/customers/{customer}/subscribe", {"tier_id": "starter", **PAGES}
        ),
    ),
    Operation(
        "new-secret-key", f"{METER}/projects/{{project_id}}/keys", _new_secret_key, once=True
    ),
    Operation("change-tier", f"{METER}/customers/me/change-tier", _change_tier),
    Operation("leave-tier", "DELETE /api/v1/customers/{customer_id}/subscription", _leave),
]
