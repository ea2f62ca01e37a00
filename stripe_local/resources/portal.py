"""The customer portal: what a configuration allows, and the sessions that open its page."""

import copy

from stripe.params.billing_portal import (
    ConfigurationCreateParams,
    ConfigurationListParams,
    ConfigurationRetrieveParams,
    ConfigurationUpdateParams,
    SessionCreateParams,
)

from stripe_local.account import Account
from stripe_local.addresses import check_address
from stripe_local.events import BY_ITSELF
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import InvalidParameter, missing_parameter
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_CONFIGURATION = "billing_portal.configuration"
_SESSION = "billing_portal.session"
_AT = "/v1/billing_portal"
_PRODUCTS = "features.subscription_update.products"
"""What Stripe shows of a configuration only where a request expands it."""
_FEATURES: Resource = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
_ALL_BUT_PLANS: Resource = {
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
}


def create_configuration(call: Call) -> Resource:
    """Make a configuration."""
    if "features" not in call.params:
        raise missing_parameter("features")
    made = _new_configuration(call.account, call.params)
    call.account.record("billing_portal.configuration.created", made, call.cause)
    return _shown(made, call, _PRODUCTS)


def _new_configuration(
    account: Account, given: Parameters, *, is_default: bool = False
) -> Resource:
    now_s = account.now_s()
    return account.store.add(
        {
            "id": new_id(_CONFIGURATION),
            "object": _CONFIGURATION,
            "active": True,
            "application": None,
            "business_profile": {
                **dict.fromkeys(words("headline privacy_policy_url terms_of_service_url")),
                **given.get("business_profile", {}),
            },
            "created": now_s,
            "default_return_url": given.get("default_return_url"),
            "features": _features(account, _FEATURES, given["features"]),
            "is_default": is_default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merged_metadata({}, given.get("metadata")),
            "name": given.get("name"),
            "updated": now_s,
        }
    )


def _features(account: Account, before: Resource, given: Parameters) -> Resource:
    """Return the features after a request, which names only what it changes."""
    features = copy.deepcopy(before)
    for name, changes in given.items():
        features[name].update(
            {field: value or [] if value == "" else value for field, value in changes.items()}
        )
    for row, offered in enumerate(features["subscription_update"]["products"]):
        name = f"features[subscription_update][products][{row}]"
        account.store.referenced("product", offered["product"], f"{name}[product]")
        for price_id in offered["prices"]:
            account.store.referenced("price", price_id, f"{name}[prices]")
        offered.setdefault(
            "adjustable_quantity", {"enabled": False, "maximum": None, "minimum": 1}
        )
    return features


def retrieve_configuration(call: Call) -> Resource:
    """Return a configuration."""
    return _shown(_found(call), call, _PRODUCTS)


def _found(call: Call) -> Resource:
    return call.account.store.at_address(_CONFIGURATION, call.object_id)


def _shown(configuration: Resource, call: Call, path: str) -> Resource:
    """Return a configuration as the API shows it: its products only where it is asked for."""
    if path in call.params.get("expand", []):
        return configuration
    shown = copy.deepcopy(configuration)
    shown["features"]["subscription_update"].pop("products")
    return shown


def update_configuration(call: Call) -> Resource:
    """Change a configuration, also for sessions that are open."""
    params, account = call.params, call.account
    found = _found(call)
    changes: Resource = {
        field: params[field] or None if field != "active" else params[field]
        for field in ("active", "default_return_url", "name")
        if field in params
    }
    if "business_profile" in params:
        changes["business_profile"] = {
            **found["business_profile"],
            **params["business_profile"],
        }
    if "features" in params:
        changes["features"] = _features(account, found["features"], params["features"])
    if "metadata" in params:
        changes["metadata"] = merged_metadata(found["metadata"], params["metadata"])
    if any(found[field] != value for field, value in changes.items()):
        changes["updated"] = account.now_s()
    account.update(found, changes, "billing_portal.configuration.updated", call.cause)
    return _shown(found, call, _PRODUCTS)


def list_configurations(call: Call) -> Resource:
    """Return configurations, newest first."""
    params = call.params
    found = [
        each
        for each in call.account.store.newest_first(_CONFIGURATION)
        if params.get("active") in {None, each["active"]}
        and params.get("is_default") in {None, each["is_default"]}
    ]
    page = page_of(found, params, f"{_AT}/configurations")
    rows = [_shown(each, call, f"data.{_PRODUCTS}") for each in page["data"]]
    return {**page, "data": rows}


def create_session(call: Call) -> Resource:
    """Open the portal for a customer."""
    params, account = call.params, call.account
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = account.store.referenced("customer", params["customer"], "customer")
    if "configuration" in params:
        chosen = account.store.referenced(
            _CONFIGURATION, params["configuration"], "configuration"
        )
        if not chosen["active"]:
            raise InvalidParameter("The configuration is not active.", param="configuration")
    else:
        chosen = _default_configuration(account)
    if "return_url" in params:
        check_address(params["return_url"], "return_url")
    session_id = new_id(_SESSION)
    session = account.store.add(
        {
            "id": session_id,
            "object": _SESSION,
            "configuration": chosen["id"],
            "created": account.now_s(),
            "customer": customer["id"],
            "customer_account": None,
            "flow": None,
            "livemode": False,
            "locale": None,
            "on_behalf_of": None,
            "return_url": params.get("return_url") or chosen["default_return_url"],
            "url": f"{account.profile.public_url}/p/session/{session_id}",
        }
    )
    account.record("billing_portal.session.created", session, call.cause)
    return session


def _default_configuration(account: Account) -> Resource:
    """Return what a new account's portal allows: everything but changing the plan."""
    for each in account.store.newest_first(_CONFIGURATION):
        if each["is_default"]:
            return each
    made = _new_configuration(account, {"features": _ALL_BUT_PLANS}, is_default=True)
    account.record("billing_portal.configuration.created", made, BY_ITSELF)
    return made


_EXPAND = frozenset({"expand"})
_CHANGEABLE = _EXPAND | set(words("business_profile default_return_url features metadata name"))
ENDPOINTS = (
    Endpoint(
        "POST",
        f"{_AT}/configurations",
        ConfigurationCreateParams,
        _CHANGEABLE,
        create_configuration,
    ),
    Endpoint(
        "GET",
        f"{_AT}/configurations/{{id}}",
        ConfigurationRetrieveParams,
        _EXPAND,
        retrieve_configuration,
    ),
    Endpoint(
        "POST",
        f"{_AT}/configurations/{{id}}",
        ConfigurationUpdateParams,
        _CHANGEABLE | {"active"},
        update_configuration,
    ),
    Endpoint(
        "GET",
        f"{_AT}/configurations",
        ConfigurationListParams,
        PAGING | {"active", "is_default"},
        list_configurations,
    ),
    Endpoint(
        "POST",
        f"{_AT}/sessions",
        SessionCreateParams,
        _EXPAND | {"configuration", "customer", "return_url"},
        create_session,
    ),
)
