"""The catalog's documents: a project's offer, its plans and its immutable price books."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from creditbase.catalog.domain import (
    Current,
    Markup,
    Offer,
    Pack,
    Plan,
    Push,
    Rates,
    Rule,
)
from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Create, Put, Snapshot, Update, Write, get_all

RULE_KINDS = ("providers", "models", "plans")


@dataclass(frozen=True, slots=True)
class Listing:
    """A project's own document: what it sells, and which book prices it."""

    project: Snapshot
    currency: str
    book_version: str | None
    book_digest: str
    markup: Markup | None
    rates_version: str
    packs: Mapping[str, Pack]
    plan_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A listing with the documents that it names, as of one instant."""

    listing: Listing
    plans: Mapping[str, Plan]
    book: Mapping[str, Any] | None
    """The price book that was asked for, if it was, and there is one."""


def load_listing(project_id: str) -> Listing:
    """Return the project's listing.

    Raises:
        NotFound: there is no such project.
        Unavailable: the store gave no answer in time.
    """
    return _to_listing(get_all([_project(project_id)])[0])


def load_shelf(project_id: str, *, expected: Listing, version: str = "") -> Shelf:
    """Return the project again together with its plans, and a price book where one is named.

    All in one RPC. Where the listing has changed since `expected` was read, its plans are not
    those of this shelf: compare `shelf.listing` with it.
    """
    plan_ids = expected.plan_ids.values()
    paths = [_project(project_id), *(_plan(project_id, it) for it in plan_ids)]
    project, *found = get_all([*paths, *([_book(project_id, version)] if version else [])])
    book = found.pop().fields if version else None
    plans = [_to_plan(plan.path, plan.fields) for plan in found if plan.fields is not None]
    return Shelf(_to_listing(project), {plan.code: plan for plan in plans}, book)


def find_book(project_ids: Sequence[str], version: str) -> Mapping[str, Any] | None:
    """Return a price book of that version, of the first of these projects that has it."""
    found = get_all([_book(project_id, version) for project_id in project_ids])
    return next((book.fields for book in found if book.fields is not None), None)


def find_foreign_codes(project_id: str, plans: Sequence[Plan]) -> list[str]:
    """Return the codes of these plans that are the codes of tiers."""
    if not plans:
        return []
    found = get_all([_plan_code(project_id, plan.code) for plan in plans])
    return [
        plan.code
        for plan, code in zip(plans, found, strict=True)
        if (code.fields or {}).get("plan_id", "") not in {"", plan.plan_id}
    ]


def current_of(shelf: Shelf, offer: Offer) -> Current:
    """Return what a push is compared with."""
    listing = shelf.listing
    book_digest = None if shelf.book is None else shelf.book["digest"]
    if listing.book_version == offer.book.version and listing.book_digest:
        book_digest = listing.book_digest
    return Current(
        plans=shelf.plans,
        packs=listing.packs,
        markup=listing.markup,
        book_version=listing.book_version,
        book_digest=book_digest,
    )


def writes_for(
    project_id: str, listing: Listing, offer: Offer, push: Push, book_text: str
) -> list[Write]:
    """Return the batch that makes a push true, or fails whole if the listing has moved."""
    project = listing.project
    assert project.version is not None
    writes: list[Write] = [
        Update(
            project.path,
            {
                ("currency",): offer.currency,
                ("catalog_version",): offer.book.version,
                ("book_digest",): offer.book.digest,
                **_markup_fields(offer.markup),
                ("packs",): {code: _pack_fields(pack) for code, pack in offer.packs.items()},
                ("plan_ids",): {code: plan.plan_id for code, plan in offer.plans.items()},
            },
            unless_changed_since=project.version,
        )
    ]
    if push.is_new_book:
        book = offer.book
        fields = {"version": book.version, "digest": book.digest, "body": book_text}
        writes.append(Create(_book(project_id, book.version), fields))
    for plan in push.plans:
        writes.append(Put(_plan(project_id, plan.plan_id), _plan_fields(plan)))
        writes.append(Put(_plan_code(project_id, plan.code), {"plan_id": plan.plan_id}))
    return writes


def writes_for_markup(listing: Listing, markup: Markup) -> list[Write]:
    """Return the write that sets a project's markup, or fails if the project has moved."""
    project = listing.project
    assert project.version is not None
    changes = _markup_fields(markup)
    return [Update(project.path, changes, unless_changed_since=project.version)]


def find_rates(project_id: str, version: str) -> Mapping[str, Any] | None:
    """Return a version of the project's own prices, if there is one."""
    return get_all([_rates(project_id, version)])[0].fields


def writes_for_rates(
    listing: Listing, rates: Rates, body: Mapping[str, Any], *, is_new: bool
) -> list[Write]:
    """Return the batch that makes rates what the project prices by."""
    project = listing.project
    assert project.version is not None
    chosen: dict[tuple[str, ...], object] = {("rates_version",): rates.version}
    writes: list[Write] = [Update(project.path, chosen, unless_changed_since=project.version)]
    if is_new:
        fields = {"version": rates.version, "digest": rates.digest, "body": dict(body)}
        writes.append(Create(_rates(project.document_id, rates.version), fields))
    return writes


def _to_listing(project: Snapshot) -> Listing:
    if project.fields is None:
        raise NotFound("There is no such project")
    kept = project.fields
    return Listing(
        project=project,
        currency=kept.get("currency", "usd"),
        book_version=kept.get("catalog_version"),
        book_digest=kept.get("book_digest") or "",
        markup=_to_markup(kept),
        rates_version=kept.get("rates_version") or "",
        packs={code: Pack(code=code, **pack) for code, pack in kept.get("packs", {}).items()},
        plan_ids=kept.get("plan_ids", {}),
    )


def _to_markup(kept: Mapping[str, Any]) -> Markup | None:
    if kept.get("markup_bps") is None:
        return None
    rules = kept.get("markup") or {}
    return Markup(
        kept["markup_bps"],
        fee_nanos=rules.get("fee_nanos", 0),
        minimum_nanos=rules.get("minimum_nanos", 0),
        **{
            kind: {name: Rule(**rule) for name, rule in rules.get(kind, {}).items()}
            for kind in RULE_KINDS
        },
    )


def _markup_fields(markup: Markup) -> dict[tuple[str, ...], object]:
    """Return what a project keeps of its markup; of a rule only what it says."""
    rules = {
        kind: {
            name: {word: value for word, value in asdict(rule).items() if value is not None}
            for name, rule in getattr(markup, kind).items()
        }
        for kind in RULE_KINDS
    }
    amounts = {"fee_nanos": markup.fee_nanos, "minimum_nanos": markup.minimum_nanos}
    kept = {name: value for name, value in {**amounts, **rules}.items() if value}
    return {("markup_bps",): markup.default_bps, ("markup",): kept}


def _to_plan(path: str, kept: Mapping[str, Any]) -> Plan:
    return Plan(
        plan_id=path.rpartition("/")[2],
        code=kept["code"],
        name=kept["name"],
        price_cents=kept["price_cents"],
        credits=kept["credits"],
        is_sold=kept.get("is_sold", True),
        trial_days=kept.get("trial_days"),
        features=tuple(kept.get("features", ())),
    )


def _plan_fields(plan: Plan) -> dict[str, Any]:
    return {
        "code": plan.code,
        "name": plan.name,
        "price_cents": plan.price_cents,
        "credits": plan.credits,
        "is_sold": plan.is_sold,
        "trial_days": plan.trial_days,
        "features": list(plan.features),
    }


def _pack_fields(pack: Pack) -> dict[str, Any]:
    return {"name": pack.name, "price_cents": pack.price_cents, "credits": pack.credits}


def _project(project_id: str) -> str:
    return f"projects/{project_id}"


def _plan(project_id: str, plan_id: str) -> str:
    return f"projects/{project_id}/plans/{plan_id}"


def _plan_code(project_id: str, code: str) -> str:
    return f"projects/{project_id}/plan_codes/{code}"


def _rates(project_id: str, version: str) -> str:
    return f"projects/{project_id}/rates/{version}"


def _book(project_id: str, version: str) -> str:
    return f"projects/{project_id}/price_books/{version}"
