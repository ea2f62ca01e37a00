"""What goes over the wire, from `docs/openapi.yaml` by `python -m dev.clients`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Usage(TypedDict):
    balance_document: str
    is_admin: bool
    plan: str
    monthly_credits_total: int
    monthly_credits_remaining: int
    topup_balance: int
    credits_held: int
    billing_cycle_start: str
    billing_cycle_end: str
    usage: UsageUsage
    plan_allocation: int
    plan_credits_remaining: int
    this_month: Used
    by_model: dict[str, Used]
    subscription_status: Literal[
        "none", "trialing", "active", "past_due", "unpaid", "paused", "canceled"
    ]
    cancel_at_period_end: bool
    scheduled_change: UsageScheduledChange | None
    payment_issue: bool


class UsageUsage(TypedDict):
    total_credits_used: int
    total_requests: int
    breakdown_by_model: list[UsageUsageBreakdownByModel]


class UsageUsageBreakdownByModel(TypedDict):
    model: str
    credits_used: int
    requests: int


class Used(TypedDict):
    credits_used: int
    requests: int


class UsageScheduledChange(TypedDict):
    r"""The plan that follows the running one, and when: a downgrade that was chosen in the portal waits for the end of the period. Null where the plan goes on, or ends."""

    plan: str
    at: str


class UsageDaysAnswer(TypedDict):
    start_date: str
    end_date: str
    total_credits_used: int
    total_requests: int
    days: list[UsageDay]


class UsageDay(TypedDict):
    date: str
    credits_used: int
    requests: int
    input_tokens: int
    output_tokens: int
    images: int
    breakdown_by_model: list[UsageDayBreakdownByModel]


class UsageDayBreakdownByModel(TypedDict):
    model: str
    credits_used: int
    requests: int
    input_tokens: int
    output_tokens: int
    images: int


class LedgerAnswer(TypedDict):
    entries: list[LedgerRow]
    next_cursor: NotRequired[str]


class LedgerRow(TypedDict):
    r"""One entry. Amounts are nanos (1e-9 USD); 1 000 000 are a credit."""

    id: str
    seq: int
    kind: Literal[
        "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
    ]
    at: str
    description: str
    change_nanos: int
    credits: str
    held_nanos: int
    captured_nanos: int
    shortfall_nanos: int
    available_nanos: int
    model: NotRequired[str]
    hold_id: NotRequired[str]


class LedgerEntryAnswer(TypedDict):
    entry: LedgerReceipt


class LedgerReceipt(TypedDict):
    id: str
    seq: int
    kind: Literal[
        "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
    ]
    at: str
    description: NotRequired[str]
    change_nanos: int
    credits: NotRequired[str]
    held_nanos: NotRequired[int]
    captured_nanos: NotRequired[int]
    shortfall_nanos: NotRequired[int]
    available_nanos: NotRequired[int]
    model: NotRequired[str]
    hold_id: NotRequired[str]
    draws: list[LedgerReceiptDraws]
    postings: dict[str, int]
    usage: NotRequired[dict[str, int]]
    price: NotRequired[LedgerReceiptPrice]
    expires_at: NotRequired[str]
    corrects: NotRequired[str]
    explanation: list[str]


class LedgerReceiptDraws(TypedDict):
    source: str
    kind: str
    amount_nanos: int


class LedgerReceiptPrice(TypedDict):
    r"""The sum of quantity x price over all lines, rounded up once to the nano, plus the
    fee for each request; at least the minimum where it costs anything."""

    lines: list[LedgerReceiptPriceLines]
    fee_nanos: int
    minimum_nanos: int
    rounding: Literal["up"]
    amount_nanos: int
    plan: str
    price_book_version: str
    variant: NotRequired[str]
    priced_at: NotRequired[str]


class LedgerReceiptPriceLines(TypedDict):
    unit: str
    quantity: int
    price_nanos: int
    per_units: int


class LedgerExportAnswer(TypedDict):
    record: Literal["ledger", "day", "period", "entry", "told", "bridge", "proof", "end"]


class AnchorsAnswer(TypedDict):
    anchors: list[Anchor]
    next_before: NotRequired[str]


class Anchor(TypedDict):
    r"""`digest` is the SHA-256 of the canonical JSON of the other fields. The heads are as of
    instants between `from_at` and `until_at`, each project's of one."""

    version: Literal[1]
    date: str
    root: str
    from_at: str
    until_at: str
    previous_date: str
    previous_digest: str
    digest: str


class ModelsAnswer(TypedDict):
    models: list[ListedModel]


class ListedModel(TypedDict):
    r"""A call costs the sum of its units by `prices`, rounded up once to the nano, plus
    `fee_nanos` for each request; at least `minimum_nanos` where it costs anything."""

    key: str
    display_name: str
    provider: str
    category: Literal["chat", "image", "audio", "other"]
    context_window: int
    is_custom: bool
    supports_tools: bool
    prices: dict[str, UnitPrice]
    long_context: list[ListedModelLongContext]
    fee_nanos: int
    minimum_nanos: int


class UnitPrice(TypedDict):
    r"""Exactly so many nanos for so many units, markup included."""

    price_nanos: int
    per_units: int


class ListedModelLongContext(TypedDict):
    above_input_tokens: int
    prices: dict[str, UnitPrice]


class PlansAnswer(TypedDict):
    currency: str
    plans: list[PlanOffer]
    packs: list[Offer]


class PlanOffer(TypedDict):
    code: str
    name: str
    price_cents: int
    credits: int
    trial_days: int


class Offer(TypedDict):
    code: str
    name: str
    price_cents: int
    credits: int


class BillingCheckoutBody(TypedDict):
    plan: Literal["guru", "pro"]


class CheckoutStarted(TypedDict):
    checkout_url: str
    session_id: str


class BillingTopupBody(TypedDict):
    amount: Literal["small", "medium", "large"]


class TopupStarted(TypedDict):
    checkout_url: str
    session_id: str
    amount: Literal["small", "medium", "large"]
    credits: int


class PortalOpened(TypedDict):
    portal_url: str


class BillingRedeemBody(TypedDict):
    code: str


class Redeemed(TypedDict):
    status: Literal["redeemed"]
    credits_granted: int
    redemption_id: str
    topup_balance: int
    monthly_credits_remaining: int


class SyncedUsage(TypedDict):
    synced_at: str
    balance_document: str
    is_admin: bool
    plan: str
    monthly_credits_total: int
    monthly_credits_remaining: int
    topup_balance: int
    credits_held: int
    billing_cycle_start: str
    billing_cycle_end: str
    usage: SyncedUsageUsage
    plan_allocation: int
    plan_credits_remaining: int
    this_month: Used
    by_model: dict[str, Used]
    subscription_status: Literal[
        "none", "trialing", "active", "past_due", "unpaid", "paused", "canceled"
    ]
    cancel_at_period_end: bool
    scheduled_change: SyncedUsageScheduledChange | None
    payment_issue: bool


class SyncedUsageUsage(TypedDict):
    total_credits_used: int
    total_requests: int
    breakdown_by_model: list[SyncedUsageUsageBreakdownByModel]


class SyncedUsageUsageBreakdownByModel(TypedDict):
    model: str
    credits_used: int
    requests: int


class SyncedUsageScheduledChange(TypedDict):
    r"""The plan that follows the running one, and when: a downgrade that was chosen in the portal waits for the end of the period. Null where the plan goes on, or ends."""

    plan: str
    at: str


class ListApiKeysAnswer(TypedDict):
    api_keys: list[ApiKey]


class ApiKey(TypedDict):
    id: str
    budget_credits: int | None
    name: str
    prefix: str
    last4: str
    created_at: str
    expires_at: str
    last_used_at: str | None


class CreateApiKeyBody(TypedDict):
    name: NotRequired[str | None]
    budget_credits: NotRequired[int | None]


class NewApiKey(TypedDict):
    id: str
    budget_credits: int | None
    name: str
    key: str
    prefix: str
    last4: str
    created_at: str
    expires_at: str


class RevokeApiKeyAnswer(TypedDict):
    id: str
    revoked: Literal[True]


class AdminCustomers(TypedDict):
    customers: list[AdminCustomer]
    next_cursor: NotRequired[str]


class AdminCustomer(TypedDict):
    id: str
    project_id: str
    external_id: str
    uid: str
    email: str
    stripe_customer_id: str
    created_at: str
    tier: NotRequired[AdminCustomerTier]
    wallet: NotRequired[AdminWallet]


class AdminCustomerTier(TypedDict):
    tier_id: str
    status: str


class AdminWallet(TypedDict):
    r"""What is in a wallet; absent where the customer has none yet."""

    plan: str
    subscription_status: str
    payment_issue: bool
    window_start_at: str
    window_end_at: str
    available_nanos: int
    held_nanos: int
    receivable_nanos: int
    balance_nanos: int
    used_nanos: int
    frozen: str
    parked: str
    entries: int
    open_holds: int
    grants: list[AdminWalletGrants]


class AdminWalletGrants(TypedDict):
    id: str
    kind: Literal["plan", "free", "topup", "promo", "voucher", "adjustment"]
    priority: int
    granted_nanos: int
    remaining_nanos: int
    held_nanos: int
    created_at: str
    expires_at: NotRequired[str]


class AdminShownCustomer(TypedDict):
    customer: AdminCustomer


class AdminLedger(TypedDict):
    entries: list[AdminLedgerEntries]
    next_cursor: NotRequired[str]


class AdminLedgerEntries(TypedDict):
    r"""A `LedgerRow`; of what took credits for work also what that cost us."""

    provider: NotRequired[str]
    cost_nanos: NotRequired[int]
    margin_nanos: NotRequired[int]


class Explanation(TypedDict):
    entry: LedgerReceipt
    prev: str
    hash: str
    agrees: bool
    is_book_checked: bool
    differences: list[ExplanationDifferences]
    lines: list[ExplanationLines]
    margin: NotRequired[ExplanationMargin]
    cost_nanos: NotRequired[int]
    price_nanos: NotRequired[int]


class ExplanationDifferences(TypedDict):
    what: str
    said: str
    computed: str


class ExplanationLines(TypedDict):
    unit: str
    quantity: int
    nanos_per_million: int


class ExplanationMargin(TypedDict):
    rule: str
    bps: int
    fee_nanos: int
    minimum_nanos: int


class AdminAdjust(TypedDict):
    reason: str
    project_id: NotRequired[str]
    amount_nanos: int
    owes_rest: NotRequired[bool]
    corrects: NotRequired[str]


class AuditAnswer(TypedDict):
    audit: AuditRecord


class AuditRecord(TypedDict):
    r"""What an operator did, written in the very commit of its effect."""

    id: str
    at: str
    action: Literal[
        "adjust",
        "grant",
        "freeze",
        "thaw",
        "shadow_on",
        "shadow_off",
        "voucher_create",
        "voucher_disable",
        "refund",
        "refund_outcome",
        "plan",
        "plan_outcome",
        "role_give",
        "role_take",
        "event_retry",
        "erase",
        "erase_outcome",
        "park",
        "unpark",
    ]
    actor: str
    reason: str
    project_id: str
    customer_id: NotRequired[str]
    entry_id: NotRequired[str]
    asked: dict[str, Any]
    before: NotRequired[AuditFigures | AuditBefore2 | AuditBefore3]
    after: NotRequired[AuditFigures | AuditBefore2 | AuditBefore3]
    follows: NotRequired[str]
    stripe: NotRequired[dict[str, Any]]


class AuditFigures(TypedDict):
    available_nanos: int
    held_nanos: int
    receivable_nanos: int
    balance_nanos: int
    plan: str
    frozen: str


class AuditBefore2(TypedDict):
    status: Literal["stored", "dead", "quarantined"]
    attempts: int


class AuditBefore3(TypedDict):
    shadow_default: bool


class AdminGrant(TypedDict):
    reason: str
    project_id: NotRequired[str]
    kind: Literal["promo", "adjustment"]
    credits: int
    expires_at: NotRequired[str | None]


class AdminDeed(TypedDict):
    reason: str
    project_id: NotRequired[str]


class AdminShowShadowAnswer(TypedDict):
    shadow: ShadowReport


class ShadowReport(TypedDict):
    r"""What was compared in the newest `days`. `agreed_days` have passed without a difference,
    the running one among them, but no more than `days`. `is_ready`: that is all of them, the
    customer was in the mode for as long, and something was decided."""

    customer_id: str
    since: str | None
    days: int
    agreed_days: int
    is_ready: bool
    total: ShadowReportTotal
    lines: list[ShadowReportLines]


class ShadowReportTotal(TypedDict):
    decided: int
    refused: int
    lowered: int
    beyond_nanos: int
    told: int
    charge_differs: int
    charge_difference_nanos: int
    balance_differs: int
    different: int


class ShadowReportLines(TypedDict):
    decided: int
    refused: int
    lowered: int
    beyond_nanos: int
    told: int
    charge_differs: int
    charge_difference_nanos: int
    balance_differs: int
    different: int
    date: str
    model: str


class AdminShadow(TypedDict):
    reason: str
    project_id: NotRequired[str]
    is_on: bool


class AdminListShadowsAnswer(TypedDict):
    customers: list[ShadowReport]
    next_cursor: NotRequired[str]


class AdminRefund(TypedDict):
    reason: str
    project_id: NotRequired[str]
    payment: str
    amount_cents: NotRequired[int | None]


class AdminPlan(TypedDict):
    reason: str
    project_id: NotRequired[str]
    plan: str
    when: NotRequired[Literal["now", "period_end", None]]


class AdminErase(TypedDict):
    reason: str
    project_id: NotRequired[str]
    force: NotRequired[bool]


class PersonalExport(TypedDict):
    r"""Every document about one person, but digests of secrets, what calls cost us, and who of us
    did something and why. It is whole where `is_complete` ends it."""

    format: Literal["creditbase-export-1"]
    exported_at: str
    project_id: str
    customer_id: str
    stripe_customer_ids: list[str]
    documents: list[PersonalExportDocuments]
    is_complete: Literal[True]


class PersonalExportDocuments(TypedDict):
    collection: str
    id: NotRequired[str]
    fields: dict[str, Any]


class EraseMeAnswer(TypedDict):
    status: Literal["erased", "erasing"]


class AdminVoucher(TypedDict):
    reason: str
    code: str
    credits: int
    max_uses: NotRequired[int | None]
    starts_at: NotRequired[str | None]
    expires_at: NotRequired[str | None]
    plans: NotRequired[list[str]]
    credits_expire_days: NotRequired[int | None]


class AdminVoucherEnd(TypedDict):
    reason: str
    code: str


class AdminAuditAnswer(TypedDict):
    records: list[AuditRecord]
    next_cursor: NotRequired[str]


class AdminUsage(TypedDict):
    period: Period
    total_requests: int
    total_credits_consumed: int
    active_users: int
    usage_trends: list[AdminUsageUsageTrends]
    as_of: NotRequired[str]
    is_exact: NotRequired[bool]
    generated_at: str


class Period(TypedDict):
    r"""Half-open."""

    start: str
    end: str


class AdminUsageUsageTrends(TypedDict):
    date: str
    requests: int
    credits_consumed: int
    active_users: int


class ModelEconomics(TypedDict):
    period: Period
    models: list[EconomicsOfModel]
    totals: Earned
    as_of: NotRequired[str]
    is_exact: NotRequired[bool]
    generated_at: str


class EconomicsOfModel(TypedDict):
    model: str
    provider: str
    total_input_tokens: int
    total_output_tokens: int
    total_requests: int
    provider_cost_usd: float
    revenue_credits: int
    revenue_usd: float
    margin_pct: float | None
    received_usd: float
    received_margin_pct: float | None
    is_below_cost: bool
    provider_cost_nanos: int
    revenue_nanos: int
    received_nanos: int


class Earned(TypedDict):
    total_requests: int
    provider_cost_usd: float
    revenue_credits: int
    revenue_usd: float
    margin_pct: float | None
    received_usd: float
    received_margin_pct: float | None
    is_below_cost: bool
    provider_cost_nanos: int
    revenue_nanos: int
    received_nanos: int


class CustomerEconomics(TypedDict):
    month: str
    customers: list[EconomicsOfCustomer]
    next_cursor: NotRequired[str]
    as_of: NotRequired[str]
    is_exact: NotRequired[bool]
    generated_at: str


class EconomicsOfCustomer(TypedDict):
    customer_id: str
    total_requests: int
    provider_cost_usd: float
    revenue_credits: int
    revenue_usd: float
    margin_pct: float | None
    received_usd: float
    received_margin_pct: float | None
    is_below_cost: bool
    provider_cost_nanos: int
    revenue_nanos: int
    received_nanos: int


class AdminPayments(TypedDict):
    kind: Literal["past_due", "unpaid", "incomplete", "paused", "disputed", "owing", "parked"]
    counts: AdminPaymentsCounts
    problems: list[PaymentProblem]
    next_cursor: NotRequired[str]


class AdminPaymentsCounts(TypedDict):
    past_due: int
    unpaid: int
    incomplete: int
    paused: int
    disputed: int
    owing: int
    parked: int


class PaymentProblem(TypedDict):
    customer_id: str
    customer: NotRequired[AdminCustomer]
    subscription_id: NotRequired[str]
    plan: NotRequired[str]
    price_cents: NotRequired[int]
    period_end_at: NotRequired[str]
    payment_id: NotRequired[str]
    paid_cents: NotRequired[int]
    disputed_cents: NotRequired[int]
    currency: NotRequired[str]
    paid_at: NotRequired[str]
    receivable_nanos: NotRequired[int]
    reason: NotRequired[str]
    payment_issue: NotRequired[PaymentProblemPaymentIssue]


class PaymentProblemPaymentIssue(TypedDict):
    r"""Of the invoice that was not paid."""

    invoice_id: str
    since_at: str
    attempts: int
    next_attempt_at: NotRequired[str | None]


class AdminEvents(TypedDict):
    state: Literal["waiting", "failed", "parked"]
    counts: AdminEventsCounts
    events: list[AdminEvent]
    next_cursor: NotRequired[str]


class AdminEventsCounts(TypedDict):
    waiting: int
    failed: int
    parked: int


class AdminEvent(TypedDict):
    id: str
    type: str
    object_id: str
    object_type: str
    received_at: str
    age_s: int
    attempts: int
    reason: str
    next_try_at: NotRequired[str]


class AdminDeliveries(TypedDict):
    deliveries: list[AdminDeliveriesDeliveries]
    next_cursor: NotRequired[str]


class AdminDeliveriesDeliveries(TypedDict):
    id: str
    project_id: str
    webhook_id: str
    event_type: str
    created_at: str
    state: Literal["PENDING", "PROCESSING", "RETRY", "SUCCESS", "ERROR"]
    attempts: int
    error: str
    due_at: NotRequired[str]


class AdminEventRetry(TypedDict):
    reason: str


class AdminHealth(TypedDict):
    generated_at: str
    jobs: list[AdminHealthJobs]
    roll_up: AdminHealthRollUp
    anchors: AdminHealthAnchors
    verification: AdminHealthVerification
    inbox: AdminHealthInbox
    outboxes: list[AdminHealthOutboxes]
    parked_wallets: AdminWalletsNamed
    overdue_holds: AdminWalletsNamed


class AdminHealthJobs(TypedDict):
    name: str
    last_run: NotRequired[AdminJobRun]
    last_trouble: NotRequired[AdminJobRun]


class AdminJobRun(TypedDict):
    at: str
    done: int
    failed: int
    is_complete: bool
    facts: dict[str, Any]


class AdminHealthRollUp(TypedDict):
    r"""How far the platform's days are counted; `as_of` is absent before the first."""

    is_under_way: bool
    as_of: NotRequired[str]
    lag_s: NotRequired[int]


class AdminHealthAnchors(TypedDict):
    r"""The newest day whose ledgers were anchored; absent before the first."""

    newest: NotRequired[str]


class AdminHealthVerification(TypedDict):
    r"""How far `verify_ledger` has come. Wallets that changed until `looked_at` were
    proved; the last round of all wallets ended at `rounded_at`, with so many of them.
    Both are absent before the first."""

    is_under_way: bool
    looked_at: NotRequired[str]
    rounded_at: NotRequired[str]
    wallets: int
    broken: int


class AdminHealthInbox(TypedDict):
    r"""Stripe's events that are not finished; `due_since` is absent where none is due."""

    waiting: int
    failed: int
    parked: int
    due_since: NotRequired[str]


class AdminHealthOutboxes(TypedDict):
    name: Literal["mail", "crossings", "events", "deliveries"]
    waiting: int
    due_since: NotRequired[str]


class AdminWalletsNamed(TypedDict):
    r"""At most twenty of them; `are_all` says whether there are no more."""

    are_all: bool
    wallets: list[AdminWalletsNamedWallets]


class AdminWalletsNamedWallets(TypedDict):
    project_id: str
    customer_id: str
    reason: NotRequired[str]
    due_at: NotRequired[str]


class ChargeRequest(TypedDict):
    r"""One customer (`customer_id` or `customer_external_id`), and either `amount_nanos` or
    `model` with `usage`."""

    customer_id: NotRequired[str]
    customer_external_id: NotRequired[str]
    amount_nanos: NotRequired[int]
    model: NotRequired[str]
    metadata: NotRequired[dict[str, Any]]
    usage: NotRequired[UsageFields]
    counter: NotRequired[CounterFields]


class UsageFields(TypedDict):
    r"""Exclusive pools of what a call used; they do not overlap."""

    input_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    cached_input_tokens: NotRequired[int]
    cache_write_tokens: NotRequired[int]
    cache_write_1h_tokens: NotRequired[int]
    reasoning_tokens: NotRequired[int]
    audio_input_tokens: NotRequired[int]
    cached_audio_tokens: NotRequired[int]
    audio_output_tokens: NotRequired[int]
    image_input_tokens: NotRequired[int]
    cached_image_tokens: NotRequired[int]
    image_output_tokens: NotRequired[int]
    video_input_tokens: NotRequired[int]
    video_output_tokens: NotRequired[int]
    images: NotRequired[int]
    searches: NotRequired[int]
    file_searches: NotRequired[int]
    requests: NotRequired[int]


class CounterFields(TypedDict):
    r"""What the caller's own counter says of this work. Noted in shadow mode; ignored else."""

    charged_nanos: NotRequired[int]
    balance_nanos: NotRequired[int]


class ChargeAnswer(TypedDict):
    charge: Charge
    balance: Balance


class Charge(TypedDict):
    id: str
    customer_id: str
    status: Literal["captured"]
    model: NotRequired[str]
    amount_nanos: int
    captured_nanos: int
    shortfall_nanos: int
    draws: list[Draw]
    created_at: str


class Draw(TypedDict):
    kind: str
    amount_nanos: int


class Balance(TypedDict):
    available_nanos: int
    held_nanos: int
    receivable_nanos: int
    included_remaining_nanos: NotRequired[int]


class QuoteRequest(TypedDict):
    customer_id: NotRequired[str]
    customer_external_id: NotRequired[str]
    model: str
    usage_max: NotRequired[UsageFields]
    prompt_tokens: NotRequired[int]


class MakeQuoteAnswer(TypedDict):
    quote: Quote
    balance: Balance


class Quote(TypedDict):
    customer_id: str
    model: str
    amount_nanos: int
    is_affordable: bool
    max_output_tokens: int
    affordable_nanos: int
    draws: list[Draw]


class HoldRequest(TypedDict):
    r"""As a charge, with `usage_max` instead of `usage`, and a time."""

    customer_id: NotRequired[str]
    customer_external_id: NotRequired[str]
    amount_nanos: NotRequired[int]
    model: NotRequired[str]
    metadata: NotRequired[dict[str, Any]]
    usage_max: NotRequired[UsageFields]
    ttl_s: NotRequired[int]


class HoldAnswer(TypedDict):
    hold: Hold
    balance: Balance


class Hold(TypedDict):
    id: str
    customer_id: str
    status: Literal["held", "captured", "voided", "expired"]
    model: NotRequired[str]
    amount_nanos: int
    captured_nanos: int
    shortfall_nanos: int
    draws: list[Draw]
    expires_at: str
    created_at: str


class ShowHoldAnswer(TypedDict):
    hold: Hold


class CaptureRequest(TypedDict):
    amount_nanos: NotRequired[int]
    usage: NotRequired[UsageFields]
    counter: NotRequired[CounterFields]


class ExtendRequest(TypedDict):
    expires_at: str
    usage: NotRequired[UsageFields]


class CustomerList(TypedDict):
    customers: list[ListedCustomer]


class ListedCustomer(TypedDict):
    r"""As a customer alone, with two flat names beside it."""

    customer: Customer
    subscription: NotRequired[TierSubscription]
    billing_customer_id: NotRequired[str]
    external_id: str
    tier_code: NotRequired[str]


class Customer(TypedDict):
    id: str
    project_id: str
    external_id: str
    email: str
    metadata: dict[str, Any]
    created_at: str
    updated_at: str


class TierSubscription(TypedDict):
    id: str
    project_id: str
    customer_id: str
    tier_id: str
    tier_code: str
    billing_provider: NotRequired[Literal["stripe", "crypto", "app_store", "external"]]
    billing_subscription_id: NotRequired[str]
    subscription_status: Literal[
        "active",
        "trialing",
        "past_due",
        "canceled",
        "unpaid",
        "incomplete",
        "incomplete_expired",
        "paused",
    ]
    status: Literal[
        "active",
        "trialing",
        "past_due",
        "canceled",
        "unpaid",
        "incomplete",
        "incomplete_expired",
        "paused",
    ]
    active: bool
    current_period_start: NotRequired[str]
    current_period_end: NotRequired[str]
    cancel_at_period_end: bool
    created_at: str
    updated_at: str


class CustomerRequest(TypedDict):
    r"""What a project knows of a customer."""

    external_id: str
    email: str
    metadata: NotRequired[dict[str, Any]]


class CustomerAnswer(TypedDict):
    customer: CustomerWithSubscription


class CustomerWithSubscription(TypedDict):
    customer: Customer
    subscription: NotRequired[TierSubscription]
    billing_customer_id: NotRequired[str]


class ClaimRequest(TypedDict):
    r"""Link who signed in with a provider to the customer of an address."""

    email: str
    provider: Literal["github", "google", "oidc"]
    subject: str


class SubscribeCustomerBody(TypedDict):
    tier_id: str
    success_url: str
    cancel_url: str


class CheckoutSession(TypedDict):
    session_id: str
    url: str


class ShowCustomerSubscriptionAnswer(TypedDict):
    subscription: TierSubscription | ShowCustomerSubscriptionAnswerSubscription2


class ShowCustomerSubscriptionAnswerSubscription2(TypedDict):
    active: Literal[False]
    customer_id: str
    project_id: str


class ProjectList(TypedDict):
    projects: list[Project]


class Project(TypedDict):
    id: str
    owner_id: str
    created_at: str
    updated_at: str
    name: str
    description: str
    billing_mode: Literal["managed"]
    markup_percentage: int
    allowed_origins: list[str]
    low_balance_threshold_cents: int
    topup_min_cents: int


class NewProjectRequest(TypedDict):
    r"""A project to be made; it needs a name."""

    name: str
    description: NotRequired[str]
    billing_mode: NotRequired[Literal["managed"]]
    markup_percentage: NotRequired[int]
    allowed_origins: NotRequired[list[str]]
    low_balance_threshold_cents: NotRequired[int]
    topup_min_cents: NotRequired[int]


class ProjectAnswer(TypedDict):
    project: Project


class ProjectRequest(TypedDict):
    r"""What an owner says of a project; what is left out stays, or is as usual."""

    name: NotRequired[str]
    description: NotRequired[str]
    billing_mode: NotRequired[Literal["managed"]]
    markup_percentage: NotRequired[int]
    allowed_origins: NotRequired[list[str]]
    low_balance_threshold_cents: NotRequired[int]
    topup_min_cents: NotRequired[int]


class SecretKeyList(TypedDict):
    keys: list[SecretKey]


class SecretKey(TypedDict):
    id: str
    name: str
    kind: Literal["secret"]
    prefix: str
    last4: str
    created_at: str
    budget_cents: NotRequired[int]


class SecretKeyRequest(TypedDict):
    r"""A secret key to be made."""

    name: NotRequired[str]
    budget_cents: NotRequired[int]


class NewSecretKey(TypedDict):
    key: NewSecretKeyKey


class NewSecretKeyKey(TypedDict):
    id: str
    name: str
    kind: Literal["secret"]
    prefix: str
    last4: str
    created_at: str
    budget_cents: NotRequired[int]
    secret_key: str


class CustomerTokenRequest(TypedDict):
    r"""Mint a token for one customer."""

    customer_id: NotRequired[str]
    customer_external_id: NotRequired[str]
    ttl_seconds: NotRequired[int]
    tier_code: NotRequired[str]
    budget_cents: NotRequired[int]


class CustomerToken(TypedDict):
    token: str
    expires_at: str
    expires_in: int
    token_type: Literal["Bearer"]
    project_id: str
    customer_id: str
    billing_profile_id: str
    customer_external_id: str
    tier_code: NotRequired[str]


class ListWebhooksAnswer(TypedDict):
    webhooks: list[Webhook]


class Webhook(TypedDict):
    id: str
    project_id: str
    endpoint_url: str
    events: list[
        Literal[
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "usage.threshold_exceeded",
            "request.completed",
            "billing.subscription_changed",
            "billing.balance_low",
        ]
    ]
    enabled: bool
    disabled_reason: NotRequired[str]
    signing_secret: str
    created_at: str
    updated_at: str


class WebhookRequest(TypedDict):
    endpoint_url: str
    events: list[
        Literal[
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "usage.threshold_exceeded",
            "request.completed",
            "billing.subscription_changed",
            "billing.balance_low",
        ]
    ]
    enabled: NotRequired[bool]


class CreateWebhookAnswer(TypedDict):
    webhook: Webhook


class ShowWebhookAnswer(TypedDict):
    webhook: Webhook


class WebhookUpdateRequest(TypedDict):
    endpoint_url: NotRequired[str]
    events: NotRequired[
        list[
            Literal[
                "customer.created",
                "customer.updated",
                "customer.deleted",
                "usage.threshold_exceeded",
                "request.completed",
                "billing.subscription_changed",
                "billing.balance_low",
            ]
        ]
    ]
    enabled: NotRequired[bool]
    rotate_secret: NotRequired[bool]


class ChangeWebhookAnswer(TypedDict):
    webhook: Webhook


class ListWebhookEventsAnswer(TypedDict):
    events: list[WebhookDelivery]
    next_cursor: NotRequired[str]


class WebhookDelivery(TypedDict):
    id: str
    webhook_config_id: str
    event_id: str
    event_type: Literal[
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "usage.threshold_exceeded",
        "request.completed",
        "billing.subscription_changed",
        "billing.balance_low",
    ]
    payload: WebhookDeliveryPayload
    status: Literal["pending", "delivered", "failed"]
    attempt_count: int
    last_attempt_at: NotRequired[str]
    next_attempt_at: NotRequired[str]
    response_status: NotRequired[int]
    response_body: NotRequired[str]
    latency_ms: NotRequired[int]
    error: NotRequired[str]
    created_at: str
    updated_at: str


class WebhookDeliveryPayload(TypedDict):
    id: str
    type: Literal[
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "usage.threshold_exceeded",
        "request.completed",
        "billing.subscription_changed",
        "billing.balance_low",
    ]
    timestamp: str
    project_id: str
    data: dict[str, Any]


class WebhookTestRequest(TypedDict):
    event_type: Literal[
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "usage.threshold_exceeded",
        "request.completed",
        "billing.subscription_changed",
        "billing.balance_low",
    ]


class WebhookTest(TypedDict):
    status: Literal["delivered", "failed"]
    response_status: NotRequired[int]
    response_body: NotRequired[str]
    latency_ms: NotRequired[int]
    error: NotRequired[str]


class ListTiersAnswer(TypedDict):
    tiers: list[Tier]


class Tier(TypedDict):
    id: str
    project_id: str
    tier_code: str
    display_name: str
    spend_limit_cents: int
    billing_mode: Literal["subscription", "paygo"]
    billing_provider: Literal["stripe", "external"]
    billing_price_ref: NotRequired[str]
    price_amount_cents: NotRequired[int]
    price_currency: NotRequired[Literal["usd"]]
    price_interval: NotRequired[Literal["month", "year"]]
    trial_days: NotRequired[int]
    promo_credits_cents: NotRequired[int]
    overage_enabled: bool
    customer_token_max_ttl_seconds: NotRequired[int]
    markup_percentage: NotRequired[int]
    models: list[TierModel]
    created_at: str
    updated_at: str


class TierModel(TypedDict):
    id: str
    tier_id: str
    model_id: str
    model_display_name: str
    description: str
    capabilities: list[
        Literal[
            "text_generation",
            "tools",
            "vision",
            "document",
            "audio",
            "video",
            "computer_use",
            "code_execution",
            "image_generation",
        ]
    ]
    context_window: int
    max_output_tokens: int
    deprecated: bool
    model_input_cost_cents: int
    model_output_cost_cents: int
    is_default: bool
    markup_percentage: NotRequired[int]
    created_at: str
    updated_at: str


class ShowTierAnswer(TypedDict):
    tier: Tier


class CheckoutPages(TypedDict):
    success_url: str
    cancel_url: str


class ListProjectTiersAnswer(TypedDict):
    tiers: list[Tier]


class TierCreate(TypedDict):
    tier_code: str
    display_name: str
    spend_limit_cents: NotRequired[int]
    billing_mode: NotRequired[Literal["subscription", "paygo"]]
    billing_provider: NotRequired[Literal["stripe", "external"]]
    price_amount_cents: NotRequired[int]
    price_currency: NotRequired[Literal["usd"]]
    price_interval: NotRequired[Literal["month", "year"]]
    trial_days: NotRequired[int]
    promo_credits_cents: NotRequired[int]
    overage_enabled: NotRequired[bool]
    customer_token_max_ttl_seconds: NotRequired[int]
    markup_percentage: NotRequired[int]
    models: list[TierModelRequest]


class TierModelRequest(TypedDict):
    model_id: str
    is_default: NotRequired[bool]
    markup_percentage: NotRequired[int]


class CreateTierAnswer(TypedDict):
    tier: Tier


class ShowProjectTierAnswer(TypedDict):
    tier: Tier


class TierUpdate(TypedDict):
    tier_code: str
    display_name: str
    spend_limit_cents: NotRequired[int]
    billing_mode: NotRequired[Literal["subscription", "paygo"]]
    billing_provider: NotRequired[Literal["stripe", "external"]]
    price_amount_cents: NotRequired[int]
    price_currency: NotRequired[Literal["usd"]]
    price_interval: NotRequired[Literal["month", "year"]]
    trial_days: NotRequired[int]
    promo_credits_cents: NotRequired[int]
    overage_enabled: NotRequired[bool]
    customer_token_max_ttl_seconds: NotRequired[int]
    markup_percentage: NotRequired[int]
    models: NotRequired[list[TierModelRequest]]


class UpdateTierAnswer(TypedDict):
    tier: Tier


class MeAnswer(TypedDict):
    customer: CustomerMe


class CustomerMe(TypedDict):
    customer: Customer
    subscription: NotRequired[TierSubscription]
    tier: NotRequired[Tier]
    tier_code: NotRequired[str]


class MeUsageAnswer(TypedDict):
    usage: CustomerMeUsage


class CustomerMeUsage(TypedDict):
    window_start: str
    window_end: str
    requests: int
    tokens: int
    images: int
    total_cost_cents: int
    spend_limit_cents: NotRequired[int]
    spend_remaining_cents: NotRequired[int]
    percentage_used: NotRequired[int]
    low: NotRequired[bool]
    wallet_balance_cents: NotRequired[int]
    wallet_reserved_cents: NotRequired[int]
    overage_enabled: NotRequired[bool]
    daily: list[CustomerMeUsageDaily]


class CustomerMeUsageDaily(TypedDict):
    day: str
    requests: int
    tokens: int
    images: int


class CustomerBalance(TypedDict):
    customer_id: str
    billing_profile_id: str
    balance_cents: int
    reserved_cents: int
    available_cents: int
    currency: Literal["usd"]


class CustomerLedger(TypedDict):
    entries: list[CustomerLedgerEntry]


class CustomerLedgerEntry(TypedDict):
    id: str
    direction: Literal["credit", "debit"]
    reason: str
    reason_code: Literal[
        "topup",
        "promo_credit",
        "voucher",
        "adjustment",
        "subscription_payment",
        "free_credit",
        "usage",
        "refund",
        "expired",
    ]
    amount_cents: int
    description: str
    created_at: str
    occurred_at: str
    balance_after_cents: int
    gross_amount_cents: NotRequired[int]
    credit_amount_cents: NotRequired[int]
    owner_revenue_cents: NotRequired[int]
    platform_fee_cents: NotRequired[int]
    model_id: NotRequired[str]
    input_tokens: NotRequired[int]
    output_tokens: NotRequired[int]
    stripe_checkout_session_id: NotRequired[str]
    stripe_invoice_id: NotRequired[str]
    stripe_payment_intent_id: NotRequired[str]


class MeLedgerExportAnswer(TypedDict):
    record: Literal["ledger", "day", "period", "entry", "told", "bridge", "proof", "end"]


class TopupRequest(TypedDict):
    r"""Pay an amount into a wallet; it has two names, of which one is enough."""

    success_url: str
    cancel_url: str
    amount_cents: NotRequired[int]
    credit_amount_cents: NotRequired[int]


class WalletTopup(TypedDict):
    session_id: str
    checkout_url: str
    url: str
    gross_amount_cents: int
    credit_amount_cents: int
    owner_revenue_cents: int
    platform_fee_cents: int
    status: Literal["open"]


class AutoTopup(TypedDict):
    enabled: bool
    threshold_cents: NotRequired[int]
    amount_cents: NotRequired[int]
    monthly_cap_cents: NotRequired[int]
    month: NotRequired[str]
    month_charged_cents: int
    is_in_flight: bool
    failure: NotRequired[
        Literal[
            "declined", "authentication_required", "no_payment_method", "refunded", "disputed"
        ]
    ]
    failed_at: NotRequired[str]


class AutoTopupRequest(TypedDict):
    r"""Let a wallet top itself up, or let it stop; the figures are needed to let it."""

    enabled: bool
    threshold_cents: NotRequired[int]
    amount_cents: NotRequired[int]
    monthly_cap_cents: NotRequired[int]


class MeSubscriptionAnswer(TypedDict):
    subscription: CustomerMeSubscription


class CustomerMeSubscription(TypedDict):
    tier_code: str
    tier_display_name: str
    price_amount_cents: NotRequired[int]
    price_currency: NotRequired[Literal["usd"]]
    price_interval: NotRequired[Literal["month", "year"]]
    subscription_status: NotRequired[
        Literal[
            "active",
            "trialing",
            "past_due",
            "canceled",
            "unpaid",
            "incomplete",
            "incomplete_expired",
            "paused",
        ]
    ]
    current_period_start: NotRequired[str]
    current_period_end: NotRequired[str]


class CheckoutRequest(TypedDict):
    r"""Buy a tier as its customer, by the tier's code."""

    success_url: str
    cancel_url: str
    tier_code: str


class TierCheckout(TypedDict):
    session_id: str
    url: str


class ChangeTierRequest(TypedDict):
    r"""Go over to another tier."""

    tier_code: str


class MeChangeTierAnswer(TypedDict):
    subscription: CustomerMeSubscription
    action: Literal["upgraded", "downgraded", "scheduled_cancellation", "changed"]


class AccountBalance(TypedDict):
    balance_cents: int
    currency: Literal["usd"]
    low_balance_threshold_cents: int
    balance_formatted: str


class LlmUsageAnswer(TypedDict):
    summary: UsageSummary


class UsageSummary(TypedDict):
    window_start: str
    window_end: str
    limit: int
    used: int
    remaining: int
    state: Literal["allowed", "exhausted"]
    images: int


class CustomerLedgerExportAnswer(TypedDict):
    record: Literal["ledger", "day", "period", "entry", "told", "bridge", "proof", "end"]
