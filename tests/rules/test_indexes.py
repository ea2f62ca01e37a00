"""Each query has its index, each index its query, each lifetime a field that is written.

The emulator asks for no index, honours no exemption and deletes nothing by age, so this is
read from the sources: what the stores ask, and what `firestore.indexes.json` declares.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "functions" / "creditbase"
DECLARED: dict[str, list[dict[str, Any]]] = json.loads(
    (ROOT / "firestore.indexes.json").read_text(encoding="utf-8")
)
GATE = PRODUCT / "runtime" / "firestore.py"
"""The one module that may speak the library's own query methods."""


@dataclass(frozen=True)
class Query:
    """A query as a source asks it."""

    where: str
    collection: str
    equal: frozenset[str]
    ordered: tuple[str, ...]
    """Fields of inequalities and order, in order."""
    is_group: bool


def queries_in(source: str, name: str) -> Iterator[Query]:
    """Yield every query or count in a module, once for each field that it may mean."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _called(call) in {"query", "count_documents"}:
                yield from _meanings(call, function, f"{name}:{call.lineno}")


def _called(call: ast.Call) -> str:
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _meanings(call: ast.Call, function: ast.FunctionDef, where: str) -> Iterator[Query]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    conditions = given.get("where", ast.List(elts=[]))
    assert isinstance(conditions, (ast.List, ast.Tuple)), f"{where}: spell the conditions here"
    is_group = ast.literal_eval(given.get("is_group", ast.Constant(value=False)))
    choices = _choices(function)
    for chosen in choices or [{}]:
        equal, ordered = set(), []
        for condition in conditions.elts:
            assert isinstance(condition, ast.Tuple), f"{where}: spell each condition as a tuple"
            field = _field(condition.elts[0], chosen, where)
            if ast.literal_eval(condition.elts[1]) == "==":
                equal.add(field)
            elif field not in ordered:
                ordered.append(field)
        order = given.get("order_by")
        if order is not None and (field := _field(order, chosen, where)) not in ordered:
            # All that are equal in a field are in order by it: no index is needed for that.
            ordered += [] if field in equal else [field]
        yield Query(
            where, _collection(call.args[0], chosen), frozenset(equal), tuple(ordered), is_group
        )


def _collection(node: ast.expr, chosen: dict[str, str]) -> str:
    """Return the last part of a collection's path; what comes before it may vary."""
    if isinstance(node, ast.Name) and node.id in chosen:
        return chosen[node.id]
    last = node.values[-1] if isinstance(node, ast.JoinedStr) else node
    if isinstance(last, ast.FormattedValue) and isinstance(last.value, ast.Name):
        return chosen[last.value.id]
    path = ast.literal_eval(last)
    assert isinstance(path, str)
    return path.rpartition("/")[2]


def _choices(function: ast.FunctionDef) -> list[dict[str, str]]:
    """Return what a variable may be, from `assert field in {…}` in the function."""
    for node in ast.walk(function):
        match node:
            case ast.Assert(
                test=ast.Compare(
                    left=ast.Name(id=name), ops=[ast.In()], comparators=[ast.Set() as s]
                )
            ):
                return [{name: ast.literal_eval(value)} for value in s.elts]
    return []


def _field(node: ast.expr, chosen: dict[str, str], where: str) -> str:
    if isinstance(node, ast.Name):
        assert node.id in chosen, f"{where}: assert which fields {node.id} may be"
        return chosen[node.id]
    field = ast.literal_eval(node)
    assert isinstance(field, str)
    return field


def all_queries() -> list[Query]:
    """Return every query of the product."""
    return [
        query
        for path in sorted(PRODUCT.rglob("*.py"))
        if path != GATE
        for query in queries_in(
            path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        )
    ]


def is_served(query: Query, declared: dict[str, list[dict[str, Any]]]) -> bool:
    """Return whether Firestore in production could answer the query."""
    scope = "COLLECTION_GROUP" if query.is_group else "COLLECTION"
    fields = len(query.equal) + len(query.ordered)
    if fields == 0:
        return True
    if fields == 1:
        (field,) = [*query.equal, *query.ordered]
        override = _override(declared, query.collection, field)
        if override is None:
            return not query.is_group
        return any(index["queryScope"] == scope for index in override["indexes"])
    wanted = {(*equal, *query.ordered) for equal in permutations(sorted(query.equal))}
    return any(
        index["collectionGroup"] == query.collection
        and index["queryScope"] == scope
        and tuple(field["fieldPath"] for field in index["fields"]) in wanted
        for index in declared["indexes"]
    )


def _override(
    declared: dict[str, list[dict[str, Any]]], collection: str, field: str
) -> dict[str, Any] | None:
    for override in declared["fieldOverrides"]:
        if (override["collectionGroup"], override["fieldPath"]) == (collection, field):
            return override
    return None


def words_of(module: str) -> set[str]:
    """Return every string constant of a module; none where it does not exist."""
    path = PRODUCT / module
    assert path.is_file(), module
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


STORES = {
    "wallets": ("ledger/store.py", "ledger/changes.py", "ledger/used.py"),
    "platform_days": ("admin/rollup_store.py",),
    "usage_marks": ("admin/rollup_store.py",),
    "usage_months": ("admin/rollup_store.py",),
    "balances": ("ledger/encoding.py",),
    "proofs": ("ledger/proof_store.py",),
    "entries": ("ledger/encoding.py", "ledger/domain/entries.py"),
    "usage": ("ledger/encoding.py",),
    "periods": ("ledger/encoding.py",),
    "projects": ("accounts/store.py", "catalog/store.py"),
    "price_books": ("catalog/store.py",),
    "rates": ("catalog/store.py",),
    "customers": (
        "accounts/store.py",
        "payments/store.py",
        "payments/standing_store.py",
        "payments/refill_store.py",
        "payments/domain.py",
    ),
    "trial_claims": ("subscriptions/store.py",),
    "users": ("accounts/store.py",),
    "api_keys": ("accounts/store.py",),
    "secret_keys": ("accounts/store.py",),
    "checkout_sessions": ("payments/store.py",),
    "payments": ("payments/store.py",),
    "stripe_customers": ("payments/store.py",),
    "jobs": ("jobs/store.py",),
    "job_runs": ("admin/runs_store.py",),
    "erasures": ("admin/erasure_store.py",),
    "stripe_events": ("payments/inbox_store.py",),
    "audit": ("admin/audit_store.py",),
    "vouchers": ("admin/voucher_store.py",),
    "uses": ("admin/voucher_store.py",),
    "redeemers": ("admin/voucher_store.py",),
    "rate": ("runtime/tries.py",),
    "mail": ("runtime/mail.py", "runtime/outbox.py"),
    "events": ("runtime/events.py", "runtime/outbox.py"),
    "deliveries": ("accounts/webhook_store.py", "runtime/outbox.py"),
    "webhooks": ("accounts/webhook_store.py",),
    "crossings": ("ledger/store.py", "runtime/outbox.py"),
    **dict.fromkeys(("anchors", "trees", "pages", "tops"), ("ledger/anchor_store.py",)),
}
"""Which modules write the documents of a collection."""


def test_every_query_has_its_index() -> None:
    """In production a query without its index is an error, and no emulator says so."""
    found = all_queries()

    assert found
    for query in found:
        assert is_served(query, DECLARED), query


def test_every_composite_index_has_its_query() -> None:
    """An index that nobody asks is paid for at every write."""
    found = all_queries()

    for index in DECLARED["indexes"]:
        rest = {
            **DECLARED,
            "indexes": [other for other in DECLARED["indexes"] if other != index],
        }
        assert any(not is_served(query, rest) for query in found), index


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PRODUCT.rglob("*.py")) if path != GATE],
    ids=lambda path: path.relative_to(PRODUCT).as_posix(),
)
def test_only_the_gate_speaks_the_librarys_queries(path: Path) -> None:
    """A query past `runtime/firestore.py` would escape this map, and its time-out too."""
    calls = {
        _called(node)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and not _is_of_http(node)
    }

    assert not calls & {"where", "order_by", "collection_group", "collection", "stream"}


def _is_of_http(call: ast.Call) -> bool:
    """Return whether a call streams an answer of HTTP: its first argument is the method."""
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == "POST"


def test_every_override_is_of_a_field_that_is_written() -> None:
    """An exemption or lifetime with a typing error protects nothing, silently."""
    for override in DECLARED["fieldOverrides"]:
        collection, field = override["collectionGroup"], override["fieldPath"]
        assert any(field in words_of(module) for module in STORES[collection]), override


def test_no_override_is_there_twice() -> None:
    """The later of two would win, whichever was meant."""
    names = [(it["collectionGroup"], it["fieldPath"]) for it in DECLARED["fieldOverrides"]]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("collection", "field"),
    [
        ("wallets", "state"),
        ("wallets", "used_at"),
        ("platform_days", "now"),
        ("usage_marks", "now"),
        ("entries", "postings"),
        ("entries", "figures"),
        ("entries", "draws"),
        ("entries", "metered"),
        ("entries", "cause"),
        ("entries", "metadata"),
        ("entries", "at"),
        ("balances", "models"),
        ("stripe_events", "payload"),
        ("mail", "message"),
        ("mail", "delivery"),
        ("mail", "due_at"),
        ("events", "body"),
        ("deliveries", "body"),
        ("deliveries", "delivery"),
        ("price_books", "body"),
        ("rates", "body"),
        ("rate", "tries"),
        ("uses", "redeemed_at"),
        ("audit", "asked"),
        ("audit", "before"),
        ("audit", "after"),
    ],
)
def test_large_maps_and_growing_times_are_in_no_index(collection: str, field: str) -> None:
    """Each leaf of a map would be indexed at every write, and a growing time is a hot spot."""
    override = _override(DECLARED, collection, field)

    assert override is not None
    assert override["indexes"] == []


def test_inbox_outbox_and_tries_have_a_lifetime_and_nothing_of_the_ledger_has() -> None:
    """Events go after 90 days, outboxes after 30, tries after an hour; the ledger never."""
    lifetimes = {
        (it["collectionGroup"], it["fieldPath"])
        for it in DECLARED["fieldOverrides"]
        if it.get("ttl")
    }

    assert lifetimes == {
        ("stripe_events", "expires_at"),
        ("rate", "expires_at"),
        ("mail", "expires_at"),
        ("crossings", "expires_at"),
        ("events", "expires_at"),
        ("deliveries", "expires_at"),
    }


SEEDED = {
    "a group without an index": "query('wallets', where=[('seq', '==', 1)], is_group=True)",
    "two fields without a composite": "query('x/y/z', where=[('a', '==', 1), ('b', '<', 2)])",
    "an order that no index has": (
        "query('wallets', where=[('shard', '==', 1)], order_by='seq', is_group=True)"
    ),
    "a count of two fields": (
        "count_documents(f'x/{y}/z', where=[('a', '>', 1), ('b', '<', 2)])"
    ),
    "a count of a field that is exempt": (
        "count_documents(f'p/{p}/wallets', where=[('shard', '>', 1)])"
    ),
    "a field that is exempt": "query('p/1/wallets', order_by='holds_due_at')",
    "one of several fields": (
        "query('wallets', where=[('shard', '==', 1), (field, '<', 2)], is_group=True)"
    ),
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_query_without_its_index_is_noticed(name: str) -> None:
    """The map must be able to fail."""
    source = (
        f"def find():\n    assert field in {{'holds_due_at', 'closed_at'}}\n    {SEEDED[name]}"
    )
    found = list(queries_in(source, "seeded.py"))

    assert found
    assert not all(is_served(query, DECLARED) for query in found)
