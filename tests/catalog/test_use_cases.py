"""Pushing and loading the catalog on the real emulator, and the cache of a process."""

import json
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creditbase.accounts.use_cases import ensure_project
from creditbase.catalog import store, use_cases
from creditbase.catalog.domain import (
    Catalog,
    CodeTaken,
    Markup,
    PlanMissing,
    VersionTaken,
    book_of,
)
from creditbase.catalog.models import CatalogFile, parse_catalog, read_catalog
from creditbase.catalog.shipped import shipped_book
from creditbase.catalog.tier_store import find_code, writes_for_new_tier
from creditbase.catalog.use_cases import (
    LOADS_MAX,
    CatalogCache,
    _attempt,
    compare_catalog,
    load_catalog,
    push_catalog,
    read_catalog_now,
    shared_cache,
)
from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.runtime.firestore import Create, Delete, Lost, Put, commit, get_all
from tests.catalog.tiers import a_tier
from tests.together import at_once, join_all

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FILE = read_catalog(Path(__file__).parents[2] / "catalog.json")


def another(version: str, price_nanos: int = 7) -> str:
    """Return the text of a small book of that version."""
    line = f"GPT-5|1000|100|||:i{price_nanos}"
    models = {"openai": {"gpt-5": line}}
    return json.dumps(
        {"version": version, "makers": ["openai"], "models": models, "aliases": {}}
    )


@pytest.fixture
def project_id(firestore_host: str, project: str) -> str:
    """Return a project that exists and has no catalog."""
    shared_cache().forget()
    fresh = str(uuid.uuid4())
    commit([Create(f"projects/{fresh}", {"name": "hub", "other": {"kept": True}})])
    return fresh


@pytest.mark.firestore
@pytest.mark.usefixtures("firestore_host", "project")
class TestPush:
    """The commit of a push."""

    def test_is_one_commit_that_loads_as_it_was_written(self, project_id: str) -> None:
        """What people reviewed is what customers are charged."""
        push = push_catalog(project_id, FILE)
        loaded = read_catalog_now(project_id)

        offer = FILE.to_offer(project_id)
        assert push.is_new_book
        assert (loaded.plans, loaded.packs) == (offer.plans, offer.packs)
        assert (loaded.book, loaded.markup) == (offer.book, offer.markup)
        assert loaded.plan("guru").credits == 10_000

    def test_leaves_what_others_keep_in_the_project(self, project_id: str) -> None:
        """The project's document is shared with the accounts room."""
        push_catalog(project_id, FILE)

        kept = get_all([f"projects/{project_id}"])[0].fields
        assert kept is not None
        assert (kept["name"], kept["other"]) == ("hub", {"kept": True})

    def test_names_each_plan_by_its_code(self, project_id: str) -> None:
        """The code is how a person names a plan, the id how a record does."""
        push_catalog(project_id, FILE)

        code = get_all([f"projects/{project_id}/plan_codes/pro"])[0].fields
        assert code == {"plan_id": read_catalog_now(project_id).plan("pro").plan_id}

    def test_of_the_same_file_again_writes_nothing(self, project_id: str) -> None:
        """Setting up may be repeated."""
        push_catalog(project_id, FILE)
        before = get_all([f"projects/{project_id}"])[0].version

        push = push_catalog(project_id, FILE)

        assert not push.changes
        assert get_all([f"projects/{project_id}"])[0].version == before

    def test_of_other_content_under_the_same_version_writes_nothing(
        self, project_id: str
    ) -> None:
        """Entries pin the version, so it never changes."""
        push_catalog(project_id, FILE)
        before = get_all([f"projects/{project_id}"])[0].version

        with pytest.raises(VersionTaken):
            push_catalog(project_id, FILE, another(shipped_book().version))

        assert get_all([f"projects/{project_id}"])[0].version == before
        assert read_catalog_now(project_id).book == shipped_book()

    def test_keeps_the_old_version_beside_the_new_one(self, project_id: str) -> None:
        """Yesterday's usage still costs yesterday's price, and a push can be undone."""
        push_catalog(project_id, FILE)
        push_catalog(project_id, FILE, another("2026-11-23"))
        newer = read_catalog_now(project_id)

        undone = push_catalog(project_id, FILE)

        assert newer.book.version == "2026-11-23"
        assert not undone.is_new_book
        assert read_catalog_now(project_id).book.version == shipped_book().version

    def test_refuses_to_leave_out_a_plan(self, project_id: str) -> None:
        """Customers may be on it."""
        push_catalog(project_id, FILE)
        values = FILE.model_dump(mode="json", exclude_defaults=True)
        del values["plans"][2]

        with pytest.raises(PlanMissing):
            push_catalog(project_id, CatalogFile.model_validate(values))

    def test_refuses_the_code_of_a_tier(self, project_id: str) -> None:
        """Plans and tiers are named in one list; the tier's customers would lose its name."""
        tier = a_tier(project_id=project_id, code="guru")
        commit(writes_for_new_tier(tier, find_code(project_id, "guru")))

        with pytest.raises(CodeTaken, match="guru"):
            push_catalog(project_id, FILE)

    def test_comparing_writes_nothing(self, project_id: str) -> None:
        """A diff is looked at before it is pushed."""
        push = compare_catalog(project_id, FILE)

        assert push.changes
        assert store.load_listing(project_id).book_version is None

    def test_of_two_at_once_both_end_with_one_catalog(self, project_id: str) -> None:
        """Two operators may push the same file in the same second."""
        answers = at_once(4, lambda _: bool(push_catalog(project_id, FILE).changes))

        assert sorted(answers) == [False, False, False, True]

    def test_loses_to_a_push_that_came_in_between(self, project_id: str) -> None:
        """Otherwise the slower of two would undo what it never saw."""
        push_catalog(project_id, FILE)
        values = FILE.model_dump(mode="json", exclude_defaults=True)
        values["markup"]["default_bps"] = 1
        slower = _attempt(project_id, CatalogFile.model_validate(values), "")
        push_catalog(project_id, FILE, another("2026-11-23"))

        with pytest.raises(Lost):
            commit(slower.writes)

    def test_needs_a_project(self) -> None:
        """A typing error must not make a project."""
        with pytest.raises(NotFound):
            push_catalog(str(uuid.uuid4()), FILE)


@pytest.mark.firestore
@pytest.mark.usefixtures("firestore_host", "project")
class TestLoad:
    """Reading the catalog back."""

    def test_a_hub_without_catalog_is_refused_and_not_remembered(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first push must be seen at once, not after a minute."""
        monkeypatch.setattr(use_cases, "HUB_PROJECT_ID", project_id)
        with pytest.raises(NotFound):
            load_catalog(project_id)
        push_catalog(project_id, FILE)

        assert load_catalog(project_id).book.version == shipped_book().version

    def test_a_project_without_a_book_sells_by_the_hubs(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Developers set a markup, and need no price list of their own."""
        hub = ensure_project(f"hub-{uuid.uuid4().hex}", now=NOON)
        push_catalog(hub.project_id, FILE)
        monkeypatch.setattr(use_cases, "HUB_PROJECT_ID", hub.project_id)
        path = f"projects/{project_id}"
        commit([Put(path, {**(get_all([path])[0].fields or {}), "markup_bps": 1500})])

        borrowed = read_catalog_now(project_id)

        assert borrowed.book == shipped_book()
        assert borrowed.markup == Markup(1500)
        assert (borrowed.project_id, borrowed.plans, borrowed.packs) == (project_id, {}, {})

    def test_a_warm_process_reads_nothing(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A warm charge is one RPC; its price must not cost another."""
        push_catalog(project_id, FILE)
        first = load_catalog(project_id)
        monkeypatch.setattr(store, "load_listing", None)

        assert load_catalog(project_id) is first

    def test_a_push_between_the_two_reads_is_seen_whole(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Old packs with new plans would be a catalog that nobody reviewed."""
        push_catalog(project_id, FILE)
        stale = store.load_listing(project_id)
        push_catalog(project_id, FILE, another("2026-11-23"))
        monkeypatch.setattr(store, "load_listing", lambda _: stale)

        assert read_catalog_now(project_id).book.version == "2026-11-23"

    def test_a_project_that_never_stands_still_is_given_up(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bounded number of reads, then an honest refusal to try again later."""
        push_catalog(project_id, FILE)
        load_shelf, reads = store.load_shelf, [0]

        def moving(project_id: str, *, expected: store.Listing) -> store.Shelf:
            reads[0] += 1
            project = get_all([f"projects/{project_id}"])[0]
            commit([Put(project.path, {**(project.fields or {}), "touched": reads[0]})])
            return load_shelf(project_id, expected=expected)

        monkeypatch.setattr(store, "load_shelf", moving)

        with pytest.raises(Unavailable):
            read_catalog_now(project_id)
        assert reads == [LOADS_MAX]

    def test_the_book_of_the_release_is_not_read_from_the_store(self, project_id: str) -> None:
        """It came with the code: two hundred kilobytes less to read, every minute."""
        push_catalog(project_id, FILE)
        commit([Delete(f"projects/{project_id}/price_books/{shipped_book().version}")])

        assert read_catalog_now(project_id).book is shipped_book()

    def test_a_book_that_was_tampered_with_is_not_sold_from(self, project_id: str) -> None:
        """The digest is what entries pin; a body that does not match it is a fault."""
        push_catalog(project_id, FILE, another("2026-11-23"))
        path = f"projects/{project_id}/price_books/2026-11-23"
        fields = {**(get_all([path])[0].fields or {}), "body": another("2026-11-23", 6)}
        commit([Put(path, fields)])

        with pytest.raises(AssertionError, match="changed"):
            read_catalog_now(project_id)

    def test_a_book_of_an_old_form_is_refused_in_words(self, project_id: str) -> None:
        """It was an object, and nobody reads it any more: the next push replaces it."""
        push_catalog(project_id, FILE, another("2026-11-23"))
        path = f"projects/{project_id}/price_books/2026-11-23"
        fields = {**(get_all([path])[0].fields or {}), "body": {"models": []}}
        commit([Put(path, fields)])

        with pytest.raises(NotFound, match="push the catalog again"):
            read_catalog_now(project_id)
        push_catalog(project_id, FILE)
        assert read_catalog_now(project_id).book is shipped_book()


def a_catalog(name: str) -> Catalog:
    """Return an empty catalog that can be told from others."""
    return Catalog(name, "usd", {}, {}, book_of("v", []), Markup(0))


class TestCache:
    """One process's memory of it."""

    def test_loads_again_at_the_end_of_its_time(self) -> None:
        """A new price list is in force everywhere after a minute."""
        clock = [0.0]
        loads: list[str] = []

        def load(project_id: str) -> Catalog:
            loads.append(project_id)
            return a_catalog(project_id)

        kept = CatalogCache(load, ttl_s=60, clock=lambda: clock[0])
        kept.get("a")
        clock[0] = 59.9
        kept.get("a")
        clock[0] = 60.0
        kept.get("a")

        assert loads == ["a", "a"]

    def test_lets_one_thread_load_for_all(self) -> None:
        """A hundred requests on a cold instance make one read, not a hundred."""
        loads: list[str] = []
        begun, may_end = threading.Event(), threading.Event()

        def load(project_id: str) -> Catalog:
            loads.append(project_id)
            begun.set()
            assert may_end.wait(10)
            return a_catalog(project_id)

        kept = CatalogCache(load, ttl_s=60, clock=lambda: 0.0)
        threads = [threading.Thread(target=kept.get, args=("a",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert begun.wait(10)
        may_end.set()
        join_all(threads)

        assert loads == ["a"]

    def test_keeps_projects_apart_and_failures_not_at_all(self) -> None:
        """One project's fault is not another's, and passes as soon as its cause does."""
        fails = [True]

        def load(project_id: str) -> Catalog:
            if project_id == "bad" and fails[0]:
                raise NotFound("none yet")
            return a_catalog(project_id)

        kept = CatalogCache(load, ttl_s=60, clock=lambda: 0.0)
        with pytest.raises(NotFound):
            kept.get("bad")
        assert kept.get("good").project_id == "good"
        fails[0] = False

        assert kept.get("bad").project_id == "bad"


def test_the_file_of_the_repository_round_trips() -> None:
    """The tests above change copies of the file; the copy itself must be the file."""
    copied = parse_catalog(FILE.model_dump_json(exclude_defaults=True))

    assert copied == FILE
