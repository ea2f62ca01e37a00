"""`catalog push` where something goes wrong: killed, refused, remembered, changed by hand."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from creditbase.accounts.use_cases import ensure_project
from creditbase.admin import use_cases
from creditbase.admin.command import main
from creditbase.catalog.use_cases import (
    push_catalog,
)
from creditbase.kernel.errors import Unavailable
from creditbase.payments import stripe_offering
from creditbase.payments.offering import Step
from creditbase.payments.selling import StripeUnfinished, ensure_price
from creditbase.runtime.clock import real_now
from tests.payments.sale import DEARER, Sale, sale

__all__ = ["sale"]
pytestmark = pytest.mark.firestore


class Killed(BaseException):
    """The process is gone."""


class TestWhatGoesWrong:
    """A push that ends half-way is pushed again, and comes to the same end."""

    @pytest.fixture
    def goal(self, sale: Sale) -> list[object]:
        """Return what an undisturbed push of the dearer file leads to, in another project."""
        project = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
        other = replace(sale, project_id=project.project_id)
        other.push()
        other.push(DEARER)
        return normal(other)

    def test_killed_after_any_step(
        self, sale: Sale, goal: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also between Stripe and the catalog; nothing is made twice or left over."""
        take, commit = stripe_offering.take, push_catalog
        acts = 5  # price, commit, portal, archive, name
        for fatal in range(acts):
            ensured = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
            one = replace(sale, project_id=ensured.project_id)
            one.push()
            knife = Knife(fatal)
            monkeypatch.setattr(stripe_offering, "take", knife.around(take))
            monkeypatch.setattr(use_cases, "push_catalog", knife.around(commit))
            with pytest.raises(Killed):
                one.push(DEARER)
            monkeypatch.setattr(stripe_offering, "take", take)
            monkeypatch.setattr(use_cases, "push_catalog", commit)

            one.push(DEARER)

            assert normal(one) == goal, f"killed at {fatal}"
            assert len(one.prices("guru")) == 2, f"killed at {fatal}"

    @pytest.mark.parametrize("path", ["/v1/products", "/v1/prices", "/v1/billing_portal"])
    @pytest.mark.parametrize("fault", ["error before", "error after", "reset after"])
    def test_a_stripe_that_fails_is_pushed_to_again(
        self, sale: Sale, path: str, fault: str
    ) -> None:
        """Also where it remembers its failure for a day: the next try is another request."""
        sale.shop.break_posts(path, fault, count=3)

        with pytest.raises(StripeUnfinished):
            sale.push()
        sale.shop.order_end_of_faults()
        sale.push()

        assert sale.compare() == ()
        assert [len(sale.prices(code)) for code in ("guru", "pro")] == [1, 1]
        assert len(sale.portals()) == 1

    def test_what_stripe_remembers_of_another_request_is_passed_by(self, sale: Sale) -> None:
        """A key that is used up for a day must not stop the shop for a day."""
        key = f"product:creditbase-{sale.project_id}-guru#1"
        headers = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": key}
        used_up = requests.post(
            f"{sale.shop.url}/v1/products", {"name": "Other"}, headers=headers, timeout=30
        )
        assert used_up.status_code == 200

        sale.push()

        assert sale.compare() == ()

    def test_a_stripe_that_takes_nothing_is_given_up(
        self, sale: Sale, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A bounded number of tries, and one line that says what to do."""
        tried: list[int] = []

        def ignore(step: Step, *, try_number: int) -> None:
            assert step
            tried.append(try_number)

        monkeypatch.setattr(stripe_offering, "take", ignore)

        with pytest.raises(StripeUnfinished):
            sale.push()

        assert sorted(set(tried)) == [1, 2, 3, 4]
        assert [it.alert for it in caplog.records if hasattr(it, "alert")] == [
            "catalog_not_pushed"
        ]

    def test_a_silent_stripe_is_named(
        self, sale: Sale, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The operator is told that it was Stripe, and that pushing again is safe."""
        ensure_project("hub", now=real_now())
        sale.shop.order("/faults", outcome="error", count=3, method="GET")

        status = main(["catalog", "push", "--yes"])

        assert status == 1
        assert "refused: Stripe did not do all of it" in capsys.readouterr().err

    def test_what_was_changed_by_hand_is_put_right(self, sale: Sale) -> None:
        """A name, a switch of the portal, a second configuration, a price that says nothing."""
        sale.push()
        before = sale.picture()
        product = sale.product("guru")["id"]
        (portal,) = sale.portals()
        cancel = {"features[subscription_cancel][mode]": "immediately"}
        sale.shop.post(f"/products/{product}", name="Cheap", active="false")
        sale.shop.post(
            f"/billing_portal/configurations/{portal['id']}",
            **{"features[subscription_cancel][enabled]": "true", **cancel},
        )
        second = {"features[invoice_history][enabled]": "true"}
        second["metadata[project]"] = sale.project_id
        sale.shop.post("/billing_portal/configurations", **second)
        sale.shop.post(f"/prices/{sale.prices('guru')[0]['id']}", active="false")
        stray = {"product": product, "currency": "usd", "unit_amount": 1_000}
        sale.shop.post("/prices", **{**stray, "recurring[interval]": "month"})
        catalog = sale.catalog()
        with pytest.raises(Unavailable):  # nobody is sold a price that names no plan
            ensure_price(catalog, catalog.plan("guru"))

        sale.push()

        assert sale.picture() == before
        assert sale.prices("guru")[0]["metadata"]["plan"] == "guru"
        (now,) = sale.portals()
        assert now["id"] == portal["id"]
        assert now["features"]["subscription_cancel"]["mode"] == "at_period_end"


class Knife:
    """Ends the process after the n-th act, which is before the one that follows."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return the act, with a chance to die when it is done."""

        def cut(*given: Any, **named: Any) -> Any:
            answer = act(*given, **named)
            if self._left == 0:
                raise Killed
            self._left -= 1
            return answer

        return cut


def normal(sale: Sale) -> list[object]:
    """Return the picture without the project's own id."""
    return [str(row).replace(sale.project_id, "P") for row in sale.picture()]
