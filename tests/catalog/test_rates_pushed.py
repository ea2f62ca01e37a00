"""A project's own prices in the store: pushed once, chosen, pinned, and borrowed."""

from datetime import UTC, datetime

import pytest

from creditbase.accounts.use_cases import ensure_project
from creditbase.catalog import use_cases
from creditbase.catalog.domain import Markup, Rule
from creditbase.catalog.domain.rates import JumpUnsigned
from creditbase.catalog.rates_models import RatesFile
from creditbase.catalog.rates_use_cases import compare_rates, push_rates
from creditbase.catalog.use_cases import (
    change_markup,
    load_rates,
    push_catalog,
    read_catalog_now,
    set_markup,
    shared_cache,
)
from creditbase.kernel.errors import NotFound
from creditbase.runtime.firestore import Put, commit, get_all
from tests.catalog.test_rates import MAY, a_file, nanos
from tests.sold import CATALOG

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.firestore
@pytest.mark.usefixtures("firestore_host", "project")
class TestPush:
    """On the real emulator."""

    @pytest.fixture
    def project_id(self, request: pytest.FixtureRequest) -> str:
        """Return a project that sells by the catalog."""
        shared_cache().forget()
        load_rates.cache_clear()
        project_id = ensure_project(f"rates-{request.node.name}", now=NOON).project_id
        push_catalog(project_id, CATALOG)
        return project_id

    def test_a_version_is_written_once_and_chosen(self, project_id: str) -> None:
        """Pushing it again writes nothing; an older one comes back by pushing it."""
        file = RatesFile.model_validate(a_file())
        newer = RatesFile.model_validate(
            {**a_file(), "version": "2026-04-02", "negotiated": []}
        )

        push_rates(project_id, file, is_signed=False)
        again = push_rates(project_id, file, is_signed=False)
        push_rates(project_id, newer, is_signed=False)
        without = read_catalog_now(project_id)
        push_rates(project_id, file, is_signed=True)

        assert not again.changes
        assert nanos(without.prices, "gpt-5", MAY) == 1_250_000_000
        assert nanos(read_catalog_now(project_id).prices, "gpt-5", MAY) == 1_000_000_000
        assert read_catalog_now(project_id).rates.pin == f"{project_id}/2026-04-01"

    def test_a_jump_is_refused_unless_it_is_signed_for(self, project_id: str) -> None:
        """And a comparison writes nothing."""
        values = a_file()
        values["negotiated"][0]["prices"][0]["nanos_per_million"]["input_tokens"] = 1
        file = RatesFile.model_validate(values)

        with pytest.raises(JumpUnsigned, match=r"gpt-5 input_tokens: 1250000000 -> 1"):
            push_rates(project_id, file, is_signed=False)
        assert compare_rates(project_id, file).jumps
        assert read_catalog_now(project_id).rates.version == ""
        push_rates(project_id, file, is_signed=True)

        assert nanos(read_catalog_now(project_id).prices, "gpt-5", MAY) == 1

    def test_a_project_without_a_book_uses_the_hubs_rates_or_its_own(
        self, project_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the platform's fee, unless it says otherwise."""
        monkeypatch.setattr(use_cases, "HUB_PROJECT_ID", project_id)
        tenant = ensure_project("rates-tenant", now=NOON).project_id
        push_rates(project_id, RatesFile.model_validate(a_file()), is_signed=False)

        borrowed = read_catalog_now(tenant)
        own = RatesFile.model_validate({**a_file(), "models": []})
        push_rates(tenant, own, is_signed=False)
        set_markup(tenant, 500)
        after = read_catalog_now(tenant)

        assert borrowed.rates.pin == f"{project_id}/2026-04-01"
        assert borrowed.markup == Markup(450)
        assert after.rates.pin == f"{tenant}/2026-04-01"
        assert after.prices.model("house-1") is None
        assert after.markup == Markup(500)

    def test_rules_of_the_markup_are_kept_and_changed(self, project_id: str) -> None:
        """As they were said; the same again writes nothing."""
        rules = Markup(
            4_000,
            fee_nanos=1,
            providers={"openai": Rule(bps=5)},
            plans={"pro": Rule(allows_below_cost=True, bps=-1)},
        )

        first = change_markup(project_id, lambda _: rules)
        kept = get_all([f"projects/{project_id}"])[0]
        second = change_markup(project_id, lambda known: known)

        assert first == second == read_catalog_now(project_id).markup == rules
        assert get_all([f"projects/{project_id}"])[0].version == kept.version

    def test_rates_that_were_tampered_with_or_are_gone_price_nothing(
        self, project_id: str
    ) -> None:
        """The digest is what entries pin."""
        push_rates(project_id, RatesFile.model_validate(a_file()), is_signed=False)
        path = f"projects/{project_id}/rates/2026-04-01"
        fields = {**(get_all([path])[0].fields or {})}
        fields["body"]["models"][0]["display_name"] = "Other"
        commit([Put(path, fields)])
        load_rates.cache_clear()

        with pytest.raises(AssertionError, match="changed"):
            read_catalog_now(project_id)
        with pytest.raises(NotFound):
            load_rates(f"{project_id}/2000-01-01")
        with pytest.raises(NotFound, match="names no project"):
            load_rates("2026-04-01")
