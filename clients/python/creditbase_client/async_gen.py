"""Each operation as a method, from `docs/openapi.yaml` by `python -m dev.clients`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, Unpack

from creditbase_client import types_gen as types
from creditbase_client.calling import AsyncCaller
from creditbase_client.operations import Operation, next_page, rows_of


class AsyncOperations(AsyncCaller):
    """The operations of the hub, of the relay and of metering."""

    async def usage_me(self) -> types.Usage:
        """Show plan, credits and usage of the caller."""
        answer: types.Usage = await self.call(Operation("GET", "/usage/me", is_repeatable=True))
        return answer

    async def usage_days(
        self, *, start_date: str | None = None, end_date: str | None = None
    ) -> types.UsageDaysAnswer:
        """Show what was used on each UTC day, by model."""
        answer: types.UsageDaysAnswer = await self.call(
            Operation("GET", "/usage/days", is_repeatable=True),
            query={"start_date": start_date, "end_date": end_date},
        )
        return answer

    async def ledger(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal[
            "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
        ]
        | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> types.LedgerAnswer:
        """Show every movement of the caller's credits, newest first."""
        answer: types.LedgerAnswer = await self.call(
            Operation("GET", "/ledger", is_repeatable=True),
            query={"limit": limit, "cursor": cursor, "kind": kind, "from": from_, "to": to},
        )
        return answer

    async def ledger_text(
        self,
        *,
        format_: Literal["json", "csv", "jsonl"],
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal[
            "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
        ]
        | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> str:
        """Show every movement of the caller's credits, newest first. As text, in the format that is named."""
        return await self.call_for_text(
            Operation("GET", "/ledger", is_repeatable=True),
            query={
                "limit": limit,
                "cursor": cursor,
                "kind": kind,
                "from": from_,
                "to": to,
                "format": format_,
            },
        )

    async def iterate_ledger(
        self,
        *,
        limit: int | None = None,
        kind: Literal[
            "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
        ]
        | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> AsyncIterator[types.LedgerRow]:
        """Show every movement of the caller's credits, newest first. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/ledger", is_repeatable=True),
                query={"limit": limit, "kind": kind, "from": from_, "to": to, "cursor": at},
            )
            for row in rows_of(answer, "entries"):
                yield row
            at = next_page(answer, rows="entries", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def ledger_entry(self, *, entry_id: str) -> types.LedgerEntryAnswer:
        """Show one receipt, with all that is needed to compute it again."""
        answer: types.LedgerEntryAnswer = await self.call(
            Operation("GET", "/ledger/{entry_id}", is_repeatable=True),
            path={"entry_id": entry_id},
        )
        return answer

    async def ledger_export(
        self, *, from_seq: int | None = None, anchors: int | None = None
    ) -> list[types.LedgerExportAnswer]:
        """Export a ledger with proofs, for anyone to compute again."""
        answer: list[types.LedgerExportAnswer] = await self.call(
            Operation("GET", "/ledger/export", is_repeatable=True),
            query={"from_seq": from_seq, "anchors": anchors},
        )
        return answer

    async def anchors(
        self, *, before: str | None = None, limit: int | None = None
    ) -> types.AnchorsAnswer:
        """Show the roots over all ledgers, the newest first, for everybody."""
        answer: types.AnchorsAnswer = await self.call(
            Operation("GET", "/anchors", is_repeatable=True),
            query={"before": before, "limit": limit},
        )
        return answer

    async def iterate_anchors(self, *, limit: int | None = None) -> AsyncIterator[types.Anchor]:
        """Show the roots over all ledgers, the newest first, for everybody. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/anchors", is_repeatable=True),
                query={"limit": limit, "before": at},
            )
            for row in rows_of(answer, "anchors"):
                yield row
            at = next_page(answer, rows="anchors", told_by="next_before", is_of_last_row=False)
            if at is None:
                return

    async def anchor(self, *, date: str) -> types.Anchor:
        """Show the root of a day, for everybody."""
        answer: types.Anchor = await self.call(
            Operation("GET", "/anchors/{date}", is_repeatable=True), path={"date": date}
        )
        return answer

    async def models(self) -> types.ModelsAnswer:
        """Show the models that have a price now, and what they cost the caller."""
        answer: types.ModelsAnswer = await self.call(
            Operation("GET", "/models", is_repeatable=True)
        )
        return answer

    async def plans(self) -> types.PlansAnswer:
        """Show the plans and packs that can be bought."""
        answer: types.PlansAnswer = await self.call(
            Operation("GET", "/plans", is_repeatable=True)
        )
        return answer

    async def billing_checkout(
        self, **body: Unpack[types.BillingCheckoutBody]
    ) -> types.CheckoutStarted:
        """Open a Stripe Checkout page for a plan."""
        answer: types.CheckoutStarted = await self.call(
            Operation("POST", "/billing/checkout", is_repeatable=False), body=body
        )
        return answer

    async def billing_topup(self, **body: Unpack[types.BillingTopupBody]) -> types.TopupStarted:
        """Open a Stripe Checkout page for a pack of credits."""
        answer: types.TopupStarted = await self.call(
            Operation("POST", "/billing/topup", is_repeatable=False), body=body
        )
        return answer

    async def billing_portal(self) -> types.PortalOpened:
        """Open Stripe's customer portal."""
        answer: types.PortalOpened = await self.call(
            Operation("POST", "/billing/portal", is_repeatable=False), body={}
        )
        return answer

    async def billing_redeem(self, **body: Unpack[types.BillingRedeemBody]) -> types.Redeemed:
        """Get the credits of a voucher's code."""
        answer: types.Redeemed = await self.call(
            Operation("POST", "/billing/redeem", is_repeatable=False), body=body
        )
        return answer

    async def billing_sync_balance(self) -> types.SyncedUsage:
        """Work the balance out from the ledger now, publish and show it."""
        answer: types.SyncedUsage = await self.call(
            Operation("POST", "/billing/sync-balance", is_repeatable=True), body={}
        )
        return answer

    async def list_api_keys(self) -> types.ListApiKeysAnswer:
        """List the user's live keys, newest first."""
        answer: types.ListApiKeysAnswer = await self.call(
            Operation("GET", "/api-keys", is_repeatable=True)
        )
        return answer

    async def create_api_key(self, **body: Unpack[types.CreateApiKeyBody]) -> types.NewApiKey:
        """Make a key. It is shown once, in this answer."""
        answer: types.NewApiKey = await self.call(
            Operation("POST", "/api-keys", is_repeatable=False), body=body
        )
        return answer

    async def revoke_api_key(self, *, key_id: str) -> types.RevokeApiKeyAnswer:
        """Revoke a key. It is refused from this moment on, everywhere."""
        answer: types.RevokeApiKeyAnswer = await self.call(
            Operation("DELETE", "/api-keys/{key_id}", is_repeatable=True),
            path={"key_id": key_id},
        )
        return answer

    async def admin_customers(
        self,
        *,
        project_id: str | None = None,
        query: str | None = None,
        cursor: str | None = None,
    ) -> types.AdminCustomers:
        """Find a customer, or list all of a project."""
        answer: types.AdminCustomers = await self.call(
            Operation("GET", "/admin/customers", is_repeatable=True),
            query={"project_id": project_id, "query": query, "cursor": cursor},
        )
        return answer

    async def iterate_admin_customers(
        self, *, project_id: str | None = None, query: str | None = None
    ) -> AsyncIterator[types.AdminCustomer]:
        """Find a customer, or list all of a project. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/customers", is_repeatable=True),
                query={"project_id": project_id, "query": query, "cursor": at},
            )
            for row in rows_of(answer, "customers"):
                yield row
            at = next_page(
                answer, rows="customers", told_by="next_cursor", is_of_last_row=False
            )
            if at is None:
                return

    async def admin_customer(
        self, *, customer_id: str, project_id: str | None = None
    ) -> types.AdminShownCustomer:
        """Show a customer and what is in its wallet."""
        answer: types.AdminShownCustomer = await self.call(
            Operation("GET", "/admin/customers/{customer_id}", is_repeatable=True),
            path={"customer_id": customer_id},
            query={"project_id": project_id},
        )
        return answer

    async def admin_customer_ledger(
        self,
        *,
        customer_id: str,
        project_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> types.AdminLedger:
        """Read a customer's ledger, newest first, with cost and margin."""
        answer: types.AdminLedger = await self.call(
            Operation("GET", "/admin/customers/{customer_id}/ledger", is_repeatable=True),
            path={"customer_id": customer_id},
            query={"project_id": project_id, "limit": limit, "cursor": cursor},
        )
        return answer

    async def iterate_admin_customer_ledger(
        self, *, customer_id: str, project_id: str | None = None, limit: int | None = None
    ) -> AsyncIterator[types.AdminLedgerEntries]:
        """Read a customer's ledger, newest first, with cost and margin. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/customers/{customer_id}/ledger", is_repeatable=True),
                path={"customer_id": customer_id},
                query={"project_id": project_id, "limit": limit, "cursor": at},
            )
            for row in rows_of(answer, "entries"):
                yield row
            at = next_page(answer, rows="entries", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def admin_explain(
        self, *, customer_id: str, entry_id: str, project_id: str | None = None
    ) -> types.Explanation:
        """Compute an entry again, from what it keeps and from the versions that it names."""
        answer: types.Explanation = await self.call(
            Operation(
                "GET",
                "/admin/customers/{customer_id}/ledger/{entry_id}/explain",
                is_repeatable=True,
            ),
            path={"customer_id": customer_id, "entry_id": entry_id},
            query={"project_id": project_id},
        )
        return answer

    async def admin_adjust(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminAdjust]
    ) -> types.AuditAnswer:
        """Give or take credits to put something right."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/adjust", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_grant(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminGrant]
    ) -> types.AuditAnswer:
        """Give credits as a parcel of their own."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/grant", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_freeze(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminDeed]
    ) -> types.AuditAnswer:
        """Stop a customer from spending; credits may still come."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/freeze", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_show_shadow(
        self, *, customer_id: str, project_id: str | None = None, days: int | None = None
    ) -> types.AdminShowShadowAnswer:
        """Show what shadow mode has compared of a customer, by day and model."""
        answer: types.AdminShowShadowAnswer = await self.call(
            Operation("GET", "/admin/customers/{customer_id}/shadow", is_repeatable=True),
            path={"customer_id": customer_id},
            query={"project_id": project_id, "days": days},
        )
        return answer

    async def admin_shadow(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminShadow]
    ) -> types.AuditAnswer:
        """Put a customer into shadow mode, or take it out."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/shadow", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_list_shadows(
        self,
        *,
        project_id: str | None = None,
        days: int | None = None,
        cursor: str | None = None,
    ) -> types.AdminListShadowsAnswer:
        """Show the customers of a project that are in shadow mode, the longest first."""
        answer: types.AdminListShadowsAnswer = await self.call(
            Operation("GET", "/admin/customers/shadow", is_repeatable=True),
            query={"project_id": project_id, "days": days, "cursor": cursor},
        )
        return answer

    async def iterate_admin_list_shadows(
        self, *, project_id: str | None = None, days: int | None = None
    ) -> AsyncIterator[types.ShadowReport]:
        """Show the customers of a project that are in shadow mode, the longest first. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/customers/shadow", is_repeatable=True),
                query={"project_id": project_id, "days": days, "cursor": at},
            )
            for row in rows_of(answer, "customers"):
                yield row
            at = next_page(
                answer, rows="customers", told_by="next_cursor", is_of_last_row=False
            )
            if at is None:
                return

    async def admin_shadow_default(
        self, *, idempotency_key: str, **body: Unpack[types.AdminShadow]
    ) -> types.AuditAnswer:
        """Let customers who are new in a project begin in shadow mode, or no more."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/shadow", is_repeatable=True),
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_thaw(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminDeed]
    ) -> types.AuditAnswer:
        """Let a customer spend again."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/thaw", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_refund(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminRefund]
    ) -> types.AuditAnswer:
        """Give a payment back through Stripe, or a part of it."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/refund", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_plan(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminPlan]
    ) -> types.AuditAnswer:
        """Bring a customer to another plan, or tier, through Stripe."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/plan", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_erase(
        self, *, customer_id: str, idempotency_key: str, **body: Unpack[types.AdminErase]
    ) -> types.AuditAnswer:
        """Erase everything that names a customer."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/customers/{customer_id}/erase", is_repeatable=True),
            path={"customer_id": customer_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_export_customer(
        self, *, customer_id: str, project_id: str | None = None
    ) -> types.PersonalExport:
        """Write everything that is known of a customer."""
        answer: types.PersonalExport = await self.call(
            Operation("GET", "/admin/customers/{customer_id}/export", is_repeatable=True),
            path={"customer_id": customer_id},
            query={"project_id": project_id},
        )
        return answer

    async def erase_me(self, *, forfeit_credits: bool | None = None) -> types.EraseMeAnswer:
        """Erase everything that names the signed-in user, here and at Stripe."""
        answer: types.EraseMeAnswer = await self.call(
            Operation("DELETE", "/me", is_repeatable=True),
            query={"forfeit_credits": forfeit_credits},
        )
        return answer

    async def export_me(self) -> types.PersonalExport:
        """Write everything that is known of the signed-in user."""
        answer: types.PersonalExport = await self.call(
            Operation("GET", "/me/export", is_repeatable=True)
        )
        return answer

    async def admin_voucher_create(
        self, *, idempotency_key: str, **body: Unpack[types.AdminVoucher]
    ) -> types.AuditAnswer:
        """Make a voucher of a code."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/vouchers", is_repeatable=True),
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_voucher_disable(
        self, *, idempotency_key: str, **body: Unpack[types.AdminVoucherEnd]
    ) -> types.AuditAnswer:
        """Take a voucher out of use for good; credits that it gave stay."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/vouchers/disable", is_repeatable=True),
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_audit(
        self, *, customer_id: str | None = None, cursor: str | None = None
    ) -> types.AdminAuditAnswer:
        """Show what operators did, newest first."""
        answer: types.AdminAuditAnswer = await self.call(
            Operation("GET", "/admin/audit", is_repeatable=True),
            query={"customer_id": customer_id, "cursor": cursor},
        )
        return answer

    async def iterate_admin_audit(
        self, *, customer_id: str | None = None
    ) -> AsyncIterator[types.AuditRecord]:
        """Show what operators did, newest first. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/audit", is_repeatable=True),
                query={"customer_id": customer_id, "cursor": at},
            )
            for row in rows_of(answer, "records"):
                yield row
            at = next_page(answer, rows="records", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def admin_usage(
        self,
        *,
        project_id: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> types.AdminUsage:
        """Show what all customers used in a range of days, and how many they were."""
        answer: types.AdminUsage = await self.call(
            Operation("GET", "/admin/usage", is_repeatable=True),
            query={"project_id": project_id, "start_date": start_date, "end_date": end_date},
        )
        return answer

    async def admin_model_economics(
        self,
        *,
        project_id: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> types.ModelEconomics:
        """Show what each model cost and earned, the largest revenue first."""
        answer: types.ModelEconomics = await self.call(
            Operation("GET", "/admin/model-economics", is_repeatable=True),
            query={"project_id": project_id, "start_date": start_date, "end_date": end_date},
        )
        return answer

    async def admin_customer_economics(
        self,
        *,
        project_id: str | None = None,
        month: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> types.CustomerEconomics:
        """Show what each customer cost and paid in a month, the dearest to us first."""
        answer: types.CustomerEconomics = await self.call(
            Operation("GET", "/admin/customer-economics", is_repeatable=True),
            query={"project_id": project_id, "month": month, "limit": limit, "cursor": cursor},
        )
        return answer

    async def iterate_admin_customer_economics(
        self,
        *,
        project_id: str | None = None,
        month: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[types.EconomicsOfCustomer]:
        """Show what each customer cost and paid in a month, the dearest to us first. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/customer-economics", is_repeatable=True),
                query={"project_id": project_id, "month": month, "limit": limit, "cursor": at},
            )
            for row in rows_of(answer, "customers"):
                yield row
            at = next_page(
                answer, rows="customers", told_by="next_cursor", is_of_last_row=False
            )
            if at is None:
                return

    async def admin_export_text(
        self,
        *,
        format_: Literal["csv", "jsonl"],
        project_id: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        month: str | None = None,
        what: Literal["days", "customers"] | None = None,
    ) -> str:
        """Download days by model, provider and plan, or the customers of a month. As text, in the format that is named."""
        return await self.call_for_text(
            Operation("GET", "/admin/export", is_repeatable=True),
            query={
                "project_id": project_id,
                "start_date": start_date,
                "end_date": end_date,
                "month": month,
                "what": what,
                "format": format_,
            },
        )

    async def admin_payments(
        self,
        *,
        project_id: str | None = None,
        kind: Literal[
            "past_due", "unpaid", "incomplete", "paused", "disputed", "owing", "parked"
        ]
        | None = None,
        cursor: str | None = None,
    ) -> types.AdminPayments:
        """Show customers whose payments want looking after."""
        answer: types.AdminPayments = await self.call(
            Operation("GET", "/admin/payments", is_repeatable=True),
            query={"project_id": project_id, "kind": kind, "cursor": cursor},
        )
        return answer

    async def iterate_admin_payments(
        self,
        *,
        project_id: str | None = None,
        kind: Literal[
            "past_due", "unpaid", "incomplete", "paused", "disputed", "owing", "parked"
        ]
        | None = None,
    ) -> AsyncIterator[types.PaymentProblem]:
        """Show customers whose payments want looking after. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/payments", is_repeatable=True),
                query={"project_id": project_id, "kind": kind, "cursor": at},
            )
            for row in rows_of(answer, "problems"):
                yield row
            at = next_page(answer, rows="problems", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def admin_webhooks(
        self,
        *,
        state: Literal["waiting", "failed", "parked"] | None = None,
        cursor: str | None = None,
    ) -> types.AdminEvents:
        """Show events of Stripe's that are not finished."""
        answer: types.AdminEvents = await self.call(
            Operation("GET", "/admin/webhooks", is_repeatable=True),
            query={"state": state, "cursor": cursor},
        )
        return answer

    async def iterate_admin_webhooks(
        self, *, state: Literal["waiting", "failed", "parked"] | None = None
    ) -> AsyncIterator[types.AdminEvent]:
        """Show events of Stripe's that are not finished. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/webhooks", is_repeatable=True),
                query={"state": state, "cursor": at},
            )
            for row in rows_of(answer, "events"):
                yield row
            at = next_page(answer, rows="events", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def admin_deliveries(self, *, cursor: str | None = None) -> types.AdminDeliveries:
        """Show events that wait to be delivered to webhooks of projects."""
        answer: types.AdminDeliveries = await self.call(
            Operation("GET", "/admin/webhooks/deliveries", is_repeatable=True),
            query={"cursor": cursor},
        )
        return answer

    async def iterate_admin_deliveries(self) -> AsyncIterator[types.AdminDeliveriesDeliveries]:
        """Show events that wait to be delivered to webhooks of projects. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/admin/webhooks/deliveries", is_repeatable=True),
                query={"cursor": at},
            )
            for row in rows_of(answer, "deliveries"):
                yield row
            at = next_page(
                answer, rows="deliveries", told_by="next_cursor", is_of_last_row=False
            )
            if at is None:
                return

    async def admin_event_retry(
        self, *, event_id: str, idempotency_key: str, **body: Unpack[types.AdminEventRetry]
    ) -> types.AuditAnswer:
        """Have an unfinished event of Stripe's handled again."""
        answer: types.AuditAnswer = await self.call(
            Operation("POST", "/admin/webhooks/{event_id}/retry", is_repeatable=True),
            path={"event_id": event_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def admin_health(self) -> types.AdminHealth:
        """Show what the jobs did last, what waits, and what stands still."""
        answer: types.AdminHealth = await self.call(
            Operation("GET", "/admin/health", is_repeatable=True)
        )
        return answer

    async def charge(
        self, *, idempotency_key: str, **body: Unpack[types.ChargeRequest]
    ) -> types.ChargeAnswer:
        """Take credits for work that is done."""
        answer: types.ChargeAnswer = await self.call(
            Operation("POST", "/api/v1/charges", is_repeatable=True),
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def make_quote(self, **body: Unpack[types.QuoteRequest]) -> types.MakeQuoteAnswer:
        """What work would cost, and how much of it is affordable; nothing is taken."""
        answer: types.MakeQuoteAnswer = await self.call(
            Operation("POST", "/api/v1/quotes", is_repeatable=True), body=body
        )
        return answer

    async def place_hold(
        self, *, idempotency_key: str, **body: Unpack[types.HoldRequest]
    ) -> types.HoldAnswer:
        """Reserve the most that work can cost, before it starts."""
        answer: types.HoldAnswer = await self.call(
            Operation("POST", "/api/v1/holds", is_repeatable=True),
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def show_hold(self, *, hold_id: str) -> types.ShowHoldAnswer:
        """Show a hold, open or ended."""
        answer: types.ShowHoldAnswer = await self.call(
            Operation("GET", "/api/v1/holds/{hold_id}", is_repeatable=True),
            path={"hold_id": hold_id},
        )
        return answer

    async def capture_hold(
        self,
        *,
        hold_id: str,
        idempotency_key: str | None = None,
        **body: Unpack[types.CaptureRequest],
    ) -> types.HoldAnswer:
        """End a hold and take what the work cost; the rest goes back."""
        answer: types.HoldAnswer = await self.call(
            Operation("POST", "/api/v1/holds/{hold_id}/capture", is_repeatable=True),
            path={"hold_id": hold_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def void_hold(
        self, *, hold_id: str, idempotency_key: str | None = None
    ) -> types.HoldAnswer:
        """End a hold and take nothing."""
        answer: types.HoldAnswer = await self.call(
            Operation("POST", "/api/v1/holds/{hold_id}/void", is_repeatable=True),
            path={"hold_id": hold_id},
            idempotency_key=idempotency_key,
            body={},
        )
        return answer

    async def extend_hold(
        self,
        *,
        hold_id: str,
        idempotency_key: str | None = None,
        **body: Unpack[types.ExtendRequest],
    ) -> types.HoldAnswer:
        """Give work more time, and say what it has used so far."""
        answer: types.HoldAnswer = await self.call(
            Operation("POST", "/api/v1/holds/{hold_id}/extend", is_repeatable=True),
            path={"hold_id": hold_id},
            idempotency_key=idempotency_key,
            body=body,
        )
        return answer

    async def list_customers(self) -> types.CustomerList:
        """List all customers, the oldest first."""
        answer: types.CustomerList = await self.call(
            Operation("GET", "/api/v1/customers", is_repeatable=True)
        )
        return answer

    async def create_customer(
        self, **body: Unpack[types.CustomerRequest]
    ) -> types.CustomerAnswer:
        """Make a customer."""
        answer: types.CustomerAnswer = await self.call(
            Operation("POST", "/api/v1/customers", is_repeatable=False), body=body
        )
        return answer

    async def upsert_customer(
        self, **body: Unpack[types.CustomerRequest]
    ) -> types.CustomerAnswer:
        """Make a customer, or change the one of this external id."""
        answer: types.CustomerAnswer = await self.call(
            Operation("PUT", "/api/v1/customers", is_repeatable=True), body=body
        )
        return answer

    async def claim_customer(
        self, **body: Unpack[types.ClaimRequest]
    ) -> types.CustomerAnswer | None:
        """Link who signed in with a provider to the customer of an address."""
        answer: types.CustomerAnswer | None = await self.call(
            Operation("POST", "/api/v1/customers/claim", is_repeatable=False), body=body
        )
        return answer

    async def show_customer_by_external_id(self, *, external_id: str) -> types.CustomerAnswer:
        """Show a customer by the project's own name for it."""
        answer: types.CustomerAnswer = await self.call(
            Operation(
                "GET", "/api/v1/customers/by-external-id/{external_id}", is_repeatable=True
            ),
            path={"external_id": external_id},
        )
        return answer

    async def show_customer(self, *, customer_id: str) -> types.CustomerAnswer:
        """Show a customer."""
        answer: types.CustomerAnswer = await self.call(
            Operation("GET", "/api/v1/customers/{customer_id}", is_repeatable=True),
            path={"customer_id": customer_id},
        )
        return answer

    async def delete_customer(self, *, customer_id: str) -> None:
        """Delete a customer, and erase everything that names it."""
        answer: None = await self.call(
            Operation("DELETE", "/api/v1/customers/{customer_id}", is_repeatable=True),
            path={"customer_id": customer_id},
        )
        return answer

    async def export_customer(self, *, customer_id: str) -> types.PersonalExport:
        """Write everything that is known of a customer."""
        answer: types.PersonalExport = await self.call(
            Operation("GET", "/api/v1/customers/{customer_id}/export", is_repeatable=True),
            path={"customer_id": customer_id},
        )
        return answer

    async def subscribe_customer(
        self, *, customer_id: str, **body: Unpack[types.SubscribeCustomerBody]
    ) -> types.CheckoutSession:
        """Start a Checkout session for a customer."""
        answer: types.CheckoutSession = await self.call(
            Operation("POST", "/api/v1/customers/{customer_id}/subscribe", is_repeatable=False),
            path={"customer_id": customer_id},
            body=body,
        )
        return answer

    async def show_customer_subscription(
        self, *, customer_id: str
    ) -> types.ShowCustomerSubscriptionAnswer:
        """Show a customer's subscription."""
        answer: types.ShowCustomerSubscriptionAnswer = await self.call(
            Operation(
                "GET", "/api/v1/customers/{customer_id}/subscription", is_repeatable=True
            ),
            path={"customer_id": customer_id},
        )
        return answer

    async def cancel_customer_subscription(self, *, customer_id: str) -> None:
        """End a customer's subscription with its period."""
        answer: None = await self.call(
            Operation(
                "DELETE", "/api/v1/customers/{customer_id}/subscription", is_repeatable=True
            ),
            path={"customer_id": customer_id},
        )
        return answer

    async def list_projects(self) -> types.ProjectList:
        """List the projects of the signed-in owner."""
        answer: types.ProjectList = await self.call(
            Operation("GET", "/api/v1/projects", is_repeatable=True)
        )
        return answer

    async def create_project(
        self, **body: Unpack[types.NewProjectRequest]
    ) -> types.ProjectAnswer:
        """Make a project."""
        answer: types.ProjectAnswer = await self.call(
            Operation("POST", "/api/v1/projects", is_repeatable=False), body=body
        )
        return answer

    async def show_project(self, *, project_id: str) -> types.ProjectAnswer:
        """Show a project."""
        answer: types.ProjectAnswer = await self.call(
            Operation("GET", "/api/v1/projects/{project_id}", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def update_project(
        self, *, project_id: str, **body: Unpack[types.ProjectRequest]
    ) -> types.ProjectAnswer:
        """Change a project; what is left out stays."""
        answer: types.ProjectAnswer = await self.call(
            Operation("PUT", "/api/v1/projects/{project_id}", is_repeatable=True),
            path={"project_id": project_id},
            body=body,
        )
        return answer

    async def archive_project(self, *, project_id: str) -> None:
        """Put a project away."""
        answer: None = await self.call(
            Operation("DELETE", "/api/v1/projects/{project_id}", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def list_project_customers(self, *, project_id: str) -> types.CustomerList:
        """List all customers of a project."""
        answer: types.CustomerList = await self.call(
            Operation("GET", "/api/v1/projects/{project_id}/customers", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def create_project_customer(
        self, *, project_id: str, **body: Unpack[types.CustomerRequest]
    ) -> types.CustomerAnswer:
        """Make a customer."""
        answer: types.CustomerAnswer = await self.call(
            Operation("POST", "/api/v1/projects/{project_id}/customers", is_repeatable=False),
            path={"project_id": project_id},
            body=body,
        )
        return answer

    async def delete_project_customer(self, *, project_id: str, customer_id: str) -> None:
        """Delete a customer."""
        answer: None = await self.call(
            Operation(
                "DELETE",
                "/api/v1/projects/{project_id}/customers/{customer_id}",
                is_repeatable=True,
            ),
            path={"project_id": project_id, "customer_id": customer_id},
        )
        return answer

    async def list_secret_keys(self, *, project_id: str) -> types.SecretKeyList:
        """List the secret keys of a project."""
        answer: types.SecretKeyList = await self.call(
            Operation("GET", "/api/v1/projects/{project_id}/keys", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def create_secret_key(
        self, *, project_id: str, **body: Unpack[types.SecretKeyRequest]
    ) -> types.NewSecretKey:
        """Make a secret key."""
        answer: types.NewSecretKey = await self.call(
            Operation("POST", "/api/v1/projects/{project_id}/keys", is_repeatable=False),
            path={"project_id": project_id},
            body=body,
        )
        return answer

    async def revoke_secret_key(self, *, project_id: str, key_id: str) -> None:
        """Revoke a secret key."""
        answer: None = await self.call(
            Operation(
                "DELETE", "/api/v1/projects/{project_id}/keys/{key_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "key_id": key_id},
        )
        return answer

    async def mint_customer_token(
        self, **body: Unpack[types.CustomerTokenRequest]
    ) -> types.CustomerToken:
        """Mint a token for one customer."""
        answer: types.CustomerToken = await self.call(
            Operation("POST", "/api/v1/auth/customer-token", is_repeatable=False), body=body
        )
        return answer

    async def list_webhooks(self, *, project_id: str) -> types.ListWebhooksAnswer:
        """Where a project's developer is told of events."""
        answer: types.ListWebhooksAnswer = await self.call(
            Operation("GET", "/api/v1/projects/{project_id}/webhooks", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def create_webhook(
        self, *, project_id: str, **body: Unpack[types.WebhookRequest]
    ) -> types.CreateWebhookAnswer:
        """Tell an endpoint of events."""
        answer: types.CreateWebhookAnswer = await self.call(
            Operation("POST", "/api/v1/projects/{project_id}/webhooks", is_repeatable=False),
            path={"project_id": project_id},
            body=body,
        )
        return answer

    async def show_webhook(
        self, *, project_id: str, webhook_id: str
    ) -> types.ShowWebhookAnswer:
        """One webhook."""
        answer: types.ShowWebhookAnswer = await self.call(
            Operation(
                "GET", "/api/v1/projects/{project_id}/webhooks/{webhook_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "webhook_id": webhook_id},
        )
        return answer

    async def change_webhook(
        self, *, project_id: str, webhook_id: str, **body: Unpack[types.WebhookUpdateRequest]
    ) -> types.ChangeWebhookAnswer:
        """Change a webhook; what is left out stays as it is."""
        answer: types.ChangeWebhookAnswer = await self.call(
            Operation(
                "PUT", "/api/v1/projects/{project_id}/webhooks/{webhook_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "webhook_id": webhook_id},
            body=body,
        )
        return answer

    async def remove_webhook(self, *, project_id: str, webhook_id: str) -> None:
        """Take a webhook away; what is on its way to it is given up."""
        answer: None = await self.call(
            Operation(
                "DELETE",
                "/api/v1/projects/{project_id}/webhooks/{webhook_id}",
                is_repeatable=True,
            ),
            path={"project_id": project_id, "webhook_id": webhook_id},
        )
        return answer

    async def list_webhook_events(
        self,
        *,
        project_id: str,
        webhook_id: str,
        limit: int | None = None,
        offset: int | None = None,
        event_type: str | None = None,
        status: str | None = None,
    ) -> types.ListWebhookEventsAnswer:
        """What was sent to a webhook in the last 30 days, the newest first; at most the newest thousand."""
        answer: types.ListWebhookEventsAnswer = await self.call(
            Operation(
                "GET",
                "/api/v1/projects/{project_id}/webhooks/{webhook_id}/events",
                is_repeatable=True,
            ),
            path={"project_id": project_id, "webhook_id": webhook_id},
            query={
                "limit": limit,
                "offset": offset,
                "event_type": event_type,
                "status": status,
            },
        )
        return answer

    async def iterate_list_webhook_events(
        self,
        *,
        project_id: str,
        webhook_id: str,
        limit: int | None = None,
        event_type: str | None = None,
        status: str | None = None,
    ) -> AsyncIterator[types.WebhookDelivery]:
        """What was sent to a webhook in the last 30 days, the newest first; at most the newest thousand. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation(
                    "GET",
                    "/api/v1/projects/{project_id}/webhooks/{webhook_id}/events",
                    is_repeatable=True,
                ),
                path={"project_id": project_id, "webhook_id": webhook_id},
                query={
                    "limit": limit,
                    "event_type": event_type,
                    "status": status,
                    "offset": at,
                },
            )
            for row in rows_of(answer, "events"):
                yield row
            at = next_page(answer, rows="events", told_by="next_cursor", is_of_last_row=False)
            if at is None:
                return

    async def test_webhook(
        self, *, project_id: str, webhook_id: str, **body: Unpack[types.WebhookTestRequest]
    ) -> types.WebhookTest:
        """Send an event that is made up, signed as any other, now."""
        answer: types.WebhookTest = await self.call(
            Operation(
                "POST",
                "/api/v1/projects/{project_id}/webhooks/{webhook_id}/test",
                is_repeatable=False,
            ),
            path={"project_id": project_id, "webhook_id": webhook_id},
            body=body,
        )
        return answer

    async def list_tiers(self) -> types.ListTiersAnswer:
        """List what the project sells, the oldest first."""
        answer: types.ListTiersAnswer = await self.call(
            Operation("GET", "/api/v1/tiers", is_repeatable=True)
        )
        return answer

    async def show_tier(self, *, tier_id: str) -> types.ShowTierAnswer:
        """Show a tier."""
        answer: types.ShowTierAnswer = await self.call(
            Operation("GET", "/api/v1/tiers/{tier_id}", is_repeatable=True),
            path={"tier_id": tier_id},
        )
        return answer

    async def checkout_tier(
        self, *, tier_id: str, **body: Unpack[types.CheckoutPages]
    ) -> types.CheckoutSession:
        """Start a Checkout session that asks who pays."""
        answer: types.CheckoutSession = await self.call(
            Operation("POST", "/api/v1/tiers/{tier_id}/checkout", is_repeatable=False),
            path={"tier_id": tier_id},
            body=body,
        )
        return answer

    async def list_project_tiers(self, *, project_id: str) -> types.ListProjectTiersAnswer:
        """List what a project sells; with the secret key only its own."""
        answer: types.ListProjectTiersAnswer = await self.call(
            Operation("GET", "/api/v1/projects/{project_id}/tiers", is_repeatable=True),
            path={"project_id": project_id},
        )
        return answer

    async def create_tier(
        self, *, project_id: str, **body: Unpack[types.TierCreate]
    ) -> types.CreateTierAnswer:
        """Make a tier, and its price at Stripe."""
        answer: types.CreateTierAnswer = await self.call(
            Operation("POST", "/api/v1/projects/{project_id}/tiers", is_repeatable=False),
            path={"project_id": project_id},
            body=body,
        )
        return answer

    async def show_project_tier(
        self, *, project_id: str, tier_id: str
    ) -> types.ShowProjectTierAnswer:
        """Show a tier; with the secret key only the project's own."""
        answer: types.ShowProjectTierAnswer = await self.call(
            Operation(
                "GET", "/api/v1/projects/{project_id}/tiers/{tier_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "tier_id": tier_id},
        )
        return answer

    async def update_tier(
        self, *, project_id: str, tier_id: str, **body: Unpack[types.TierUpdate]
    ) -> types.UpdateTierAnswer:
        """Change a tier; what is left out keeps its value."""
        answer: types.UpdateTierAnswer = await self.call(
            Operation(
                "PUT", "/api/v1/projects/{project_id}/tiers/{tier_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "tier_id": tier_id},
            body=body,
        )
        return answer

    async def delete_tier(self, *, project_id: str, tier_id: str) -> None:
        """Put a tier away, once nobody is on it."""
        answer: None = await self.call(
            Operation(
                "DELETE", "/api/v1/projects/{project_id}/tiers/{tier_id}", is_repeatable=True
            ),
            path={"project_id": project_id, "tier_id": tier_id},
        )
        return answer

    async def me(self) -> types.MeAnswer:
        """Show the customer of the token."""
        answer: types.MeAnswer = await self.call(
            Operation("GET", "/api/v1/customers/me", is_repeatable=True)
        )
        return answer

    async def me_usage(self) -> types.MeUsageAnswer:
        """Show what was used in the current window."""
        answer: types.MeUsageAnswer = await self.call(
            Operation("GET", "/api/v1/customers/me/usage", is_repeatable=True)
        )
        return answer

    async def me_balance(self) -> types.CustomerBalance:
        """Show the balance of a pay-as-you-go wallet."""
        answer: types.CustomerBalance = await self.call(
            Operation("GET", "/api/v1/customers/me/balance", is_repeatable=True)
        )
        return answer

    async def me_balance_history(
        self, *, limit: int | None = None, offset: int | None = None, cursor: str | None = None
    ) -> types.CustomerLedger:
        """Show how the balance came about."""
        answer: types.CustomerLedger = await self.call(
            Operation("GET", "/api/v1/customers/me/balance/history", is_repeatable=True),
            query={"limit": limit, "offset": offset, "cursor": cursor},
        )
        return answer

    async def iterate_me_balance_history(
        self, *, limit: int | None = None
    ) -> AsyncIterator[types.CustomerLedgerEntry]:
        """Show how the balance came about. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation("GET", "/api/v1/customers/me/balance/history", is_repeatable=True),
                query={"limit": limit, "cursor": at},
            )
            for row in rows_of(answer, "entries"):
                yield row
            at = next_page(answer, rows="entries", told_by="id", is_of_last_row=True)
            if at is None:
                return

    async def me_ledger_export(
        self, *, from_seq: int | None = None, anchors: int | None = None
    ) -> list[types.MeLedgerExportAnswer]:
        """Export a ledger with proofs, for anyone to compute again."""
        answer: list[types.MeLedgerExportAnswer] = await self.call(
            Operation("GET", "/api/v1/customers/me/ledger", is_repeatable=True),
            query={"from_seq": from_seq, "anchors": anchors},
        )
        return answer

    async def me_topup(self, **body: Unpack[types.TopupRequest]) -> types.WalletTopup:
        """Open a Stripe Checkout page that pays into the wallet."""
        answer: types.WalletTopup = await self.call(
            Operation("POST", "/api/v1/customers/me/topup", is_repeatable=False), body=body
        )
        return answer

    async def me_auto_topup(self) -> types.AutoTopup:
        """Show how the wallet tops itself up."""
        answer: types.AutoTopup = await self.call(
            Operation("GET", "/api/v1/customers/me/auto-topup", is_repeatable=True)
        )
        return answer

    async def me_set_auto_topup(
        self, **body: Unpack[types.AutoTopupRequest]
    ) -> types.AutoTopup:
        """Let the wallet top itself up, or let it stop."""
        answer: types.AutoTopup = await self.call(
            Operation("PUT", "/api/v1/customers/me/auto-topup", is_repeatable=True), body=body
        )
        return answer

    async def me_subscription(self) -> types.MeSubscriptionAnswer:
        """Show the subscription of the token's customer."""
        answer: types.MeSubscriptionAnswer = await self.call(
            Operation("GET", "/api/v1/customers/me/subscription", is_repeatable=True)
        )
        return answer

    async def me_checkout(self, **body: Unpack[types.CheckoutRequest]) -> types.TierCheckout:
        """Open a Stripe Checkout page for a tier."""
        answer: types.TierCheckout = await self.call(
            Operation("POST", "/api/v1/customers/me/checkout", is_repeatable=False), body=body
        )
        return answer

    async def me_change_tier(
        self, **body: Unpack[types.ChangeTierRequest]
    ) -> types.MeChangeTierAnswer:
        """Go over to another tier."""
        answer: types.MeChangeTierAnswer = await self.call(
            Operation("POST", "/api/v1/customers/me/change-tier", is_repeatable=False),
            body=body,
        )
        return answer

    async def account_balance(self) -> types.AccountBalance:
        """Show the balance of the developer's own account."""
        answer: types.AccountBalance = await self.call(
            Operation("GET", "/api/v1/account/balance", is_repeatable=True)
        )
        return answer

    async def account_topup(self, **body: Unpack[types.TopupRequest]) -> types.WalletTopup:
        """Open a Stripe Checkout page that pays into the developer's own account."""
        answer: types.WalletTopup = await self.call(
            Operation("POST", "/api/v1/account/topup", is_repeatable=False), body=body
        )
        return answer

    async def llm_usage(self) -> types.LlmUsageAnswer:
        """Show what the developer's own account has used."""
        answer: types.LlmUsageAnswer = await self.call(
            Operation("GET", "/api/v1/llm/usage", is_repeatable=True)
        )
        return answer

    async def customer_balance(self, *, customer_id: str) -> types.CustomerBalance:
        """Show the balance of a pay-as-you-go wallet."""
        answer: types.CustomerBalance = await self.call(
            Operation("GET", "/api/v1/customers/{customer_id}/balance", is_repeatable=True),
            path={"customer_id": customer_id},
        )
        return answer

    async def customer_balance_history(
        self,
        *,
        customer_id: str,
        limit: int | None = None,
        offset: int | None = None,
        cursor: str | None = None,
    ) -> types.CustomerLedger:
        """Show how the balance came about."""
        answer: types.CustomerLedger = await self.call(
            Operation(
                "GET", "/api/v1/customers/{customer_id}/balance/history", is_repeatable=True
            ),
            path={"customer_id": customer_id},
            query={"limit": limit, "offset": offset, "cursor": cursor},
        )
        return answer

    async def iterate_customer_balance_history(
        self, *, customer_id: str, limit: int | None = None
    ) -> AsyncIterator[types.CustomerLedgerEntry]:
        """Show how the balance came about. Row by row, from page to page."""
        at: str | None = None
        while True:
            answer: Any = await self.call(
                Operation(
                    "GET", "/api/v1/customers/{customer_id}/balance/history", is_repeatable=True
                ),
                path={"customer_id": customer_id},
                query={"limit": limit, "cursor": at},
            )
            for row in rows_of(answer, "entries"):
                yield row
            at = next_page(answer, rows="entries", told_by="id", is_of_last_row=True)
            if at is None:
                return

    async def customer_ledger_export(
        self, *, customer_id: str, from_seq: int | None = None, anchors: int | None = None
    ) -> list[types.CustomerLedgerExportAnswer]:
        """Export a ledger with proofs, for anyone to compute again."""
        answer: list[types.CustomerLedgerExportAnswer] = await self.call(
            Operation("GET", "/api/v1/customers/{customer_id}/ledger", is_repeatable=True),
            path={"customer_id": customer_id},
            query={"from_seq": from_seq, "anchors": anchors},
        )
        return answer

    async def customer_topup(
        self, *, customer_id: str, **body: Unpack[types.TopupRequest]
    ) -> types.WalletTopup:
        """Open a Stripe Checkout page that pays into the wallet."""
        answer: types.WalletTopup = await self.call(
            Operation("POST", "/api/v1/customers/{customer_id}/topup", is_repeatable=False),
            path={"customer_id": customer_id},
            body=body,
        )
        return answer

    async def customer_auto_topup(self, *, customer_id: str) -> types.AutoTopup:
        """Show how the wallet tops itself up."""
        answer: types.AutoTopup = await self.call(
            Operation("GET", "/api/v1/customers/{customer_id}/auto-topup", is_repeatable=True),
            path={"customer_id": customer_id},
        )
        return answer

    async def customer_set_auto_topup(
        self, *, customer_id: str, **body: Unpack[types.AutoTopupRequest]
    ) -> types.AutoTopup:
        """Let the wallet top itself up, or let it stop."""
        answer: types.AutoTopup = await self.call(
            Operation("PUT", "/api/v1/customers/{customer_id}/auto-topup", is_repeatable=True),
            path={"customer_id": customer_id},
            body=body,
        )
        return answer
