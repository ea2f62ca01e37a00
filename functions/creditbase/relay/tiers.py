"""The function `tiers`: what a project sells. Back ends and customers read, owners write.

A secret key reads only: whoever steals one from a server shall not set prices.
Source: relay-api.md 4 and 5.
"""

from collections.abc import Callable

from creditbase.accounts.owners import owned_project
from creditbase.catalog.tier_models import TierCreate, TierUpdate
from creditbase.catalog.tier_store import load_tiers
from creditbase.catalog.tier_use_cases import tier_on_sale
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import NotFound
from creditbase.metering.models import parse
from creditbase.payments import tier_selling
from creditbase.relay import subscribing
from creditbase.relay.answers import as_uuid
from creditbase.relay.door import RELAY
from creditbase.relay.tier_answers import tier_answer
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.identity import CallerKind
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS, STRIPE_SECRET_KEY


@endpoint("tiers", door=RELAY, secrets=(CUSTOMER_TOKEN_KEYS, STRIPE_SECRET_KEY))
def tiers(call: Call) -> Reply:
    """List, show, make, change and put away tiers, and sell one to whoever comes."""
    return OPERATIONS[call.route.name](call)


def _list(call: Call) -> Reply:
    project_id = _project_of(call)
    catalog = load_catalog(project_id)
    sold = load_tiers(project_id).sold
    shown = [
        tier_answer(tier, catalog, call.now, to_customer=_is_customer(call)) for tier in sold
    ]
    return Reply(body={"tiers": shown})


def _show(call: Call) -> Reply:
    project_id = _project_of(call)
    tier = tier_on_sale(project_id, _tier_id(call))
    catalog = load_catalog(project_id)
    shown = tier_answer(tier, catalog, call.now, to_customer=_is_customer(call))
    return Reply(body={"tier": shown})


def _create(call: Call) -> Reply:
    project_id = _project_of(call)
    asked = parse(TierCreate, call.body)
    tier = tier_selling.create_tier(project_id, asked.given(), now=call.now)
    return Reply(
        body={"tier": tier_answer(tier, load_catalog(project_id), call.now)}, status=201
    )


def _update(call: Call) -> Reply:
    project_id = _project_of(call)
    tier_id = _tier_id(call)
    asked = parse(TierUpdate, call.body)
    tier = tier_selling.update_tier(project_id, tier_id, asked.given(), now=call.now)
    return Reply(body={"tier": tier_answer(tier, load_catalog(project_id), call.now)})


def _delete(call: Call) -> Reply:
    project_id = _project_of(call)
    tier_selling.archive_tier(project_id, _tier_id(call), now=call.now)
    return Reply(body=None, status=204)


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "GET /api/v1/tiers": _list,
    "GET /api/v1/tiers/{tier_id}": _show,
    "GET /api/v1/projects/{project_id}/tiers": _list,
    "POST /api/v1/projects/{project_id}/tiers": _create,
    "GET /api/v1/projects/{project_id}/tiers/{tier_id}": _show,
    "PUT /api/v1/projects/{project_id}/tiers/{tier_id}": _update,
    "DELETE /api/v1/projects/{project_id}/tiers/{tier_id}": _delete,
    **subscribing.TIERS,
}


def _is_customer(call: Call) -> bool:
    return call.caller.kind is CallerKind.CUSTOMER_TOKEN


def _project_of(call: Call) -> str:
    """Return the project that is meant: the credential's own, or one of the owner's.

    Raises:
        NotFound: the path names another project than the key's, or the user is no owner.
    """
    caller = call.caller
    if "project_id" not in call.path:
        return caller.project_id
    named = as_uuid(call.path["project_id"]) or ""
    if caller.kind is CallerKind.OWNER and named:
        return owned_project(named, caller.uid).project_id
    if caller.kind is CallerKind.OWNER or named != caller.project_id:
        raise NotFound("Project not found")
    return named


def _tier_id(call: Call) -> str:
    """Return the tier that the path names, whatever the case of its letters."""
    tier_id = as_uuid(call.path["tier_id"])
    if tier_id is None:
        raise NotFound("Tier not found")
    return tier_id
