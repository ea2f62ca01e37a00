"""A simulated customer lives: every wallet command goes through the ledger's own decision."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from command_line.simulation.population import Call, Person
from command_line.simulation.selling import Price, Seller
from command_line.simulation.sheet import Sheet
from creditbase.accounts.domain import Customer, new_customer
from creditbase.catalog.domain import Pack
from creditbase.kernel.errors import Forbidden, PaymentRequired
from creditbase.kernel.ids import operation_entry_id, topup_grant_id
from creditbase.kernel.money import worth_nanos
from creditbase.kernel.windows import Window, months_after
from creditbase.ledger.domain.commands import Charge, Command, GrantCredits, MeteredUsage, Tidy
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.draft import Known
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Wallet
from creditbase.metering.domain import OUTSIDE_PLAN
from creditbase.subscriptions.domain.commanding import commands_of
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Record, Subscription

CURRENCY = "usd"
DUNNING = timedelta(days=14)
"""How long Stripe goes on trying before a subscription ends."""
LAST = timedelta(microseconds=1)
NOTHING_KNOWN: Known = {}
"""No entry of before guards anything: no name is used twice here."""


@dataclass(slots=True)
class Bought:
    """A subscription that runs, with the bill of its period."""

    subscription: Subscription
    bill: Invoice
    price: Price
    number: int = 0
    """How many periods it has had."""
    fails_at: datetime | None = None
    """When Stripe gives up, where its bill is not paid."""

    @property
    def next_at(self) -> datetime:
        """Return when something happens to it by itself."""
        return self.fails_at or self.subscription.period.end_at


@dataclass(slots=True)
class Living:
    """One customer's life so far."""

    person: Person
    seller: Seller
    packs: dict[str, Pack]
    sheet: Sheet
    customer: Customer = field(init=False)
    wallet: Wallet = field(init=False)
    bought: Bought | None = None
    records: dict[str, Record] = field(default_factory=dict)
    plan: str = ""
    left_at: datetime | None = None
    subscriptions: int = 0
    revision: int = 0
    calls: int = 0
    refusals: int = 0

    def __post_init__(self) -> None:
        person = self.person
        self.customer, _ = new_customer(
            project_id="simulated", external_id=person.name, now=person.joined_at
        )
        self.plan = person.segment.plan
        opened = open_wallet(
            self.customer.customer_id,
            owner_uid="",
            terms=self.seller.terms(self.plan),
            now=person.joined_at,
        )
        self.wallet = opened.wallet
        self.sheet.begin(person.segment.name, person.name)
        self.sheet.read(opened.entries)
        self.subscribe(self.plan, person.joined_at)

    def live(self, months: Sequence[Window]) -> None:
        """Live through the months, from the day of joining on."""
        for number, month in enumerate(months):
            if self.person.joined_at >= month.end_at:
                continue
            if self.left_at is None:
                self._live_month(number, month)
            self._pass(month.end_at - LAST)
            self._run(Tidy(), month.end_at - LAST)

    def _live_month(self, number: int, month: Window) -> None:
        self.sheet.see(max(month.start_at, self.person.joined_at))
        luck = self.person.luck(number, month)
        if luck.leaves_at is not None and luck.leaves_at >= self.person.joined_at:
            self.left_at = luck.leaves_at
        moves_at = luck.moves_at
        for call in self.person.calls(number, month):
            if call.at < self.person.joined_at:
                continue
            if moves_at is not None and call.at >= moves_at:
                self._move(moves_at)
                moves_at = None
            if self.left_at is not None and call.at >= self.left_at:
                break
            self._pass(call.at)
            self._call(call)
        if moves_at is not None and (self.left_at is None or moves_at < self.left_at):
            self._move(moves_at)

    # ---- plans -----------------------------------------------------------------------------

    def _move(self, at: datetime) -> None:
        """Take the segment's other plan: now from a free one, else with the next period."""
        if at < self.person.joined_at or self.plan == self.person.segment.moves_to:
            return
        self._pass(at)
        self.plan = self.person.segment.moves_to
        if self.bought is None:
            self.subscribe(self.plan, at)

    def subscribe(self, plan: str, at: datetime) -> None:
        """Buy a plan that is billed; its first period is paid at once."""
        price = self.seller.price(plan)
        if price is None:
            return
        self.subscriptions += 1
        name = f"sub_{self.customer.customer_id}_{self.subscriptions}"
        one = Subscription(
            subscription_id=name,
            status="active",
            plan_code=price.code,
            price_cents=price.cents,
            period=_period(at, 0, price),
            created_at=at,
            is_yearly=price.is_yearly,
        )
        self.bought = Bought(one, _bill(one, price, 0, is_paid=True), price)
        self.sheet.earn(at, price.cents)
        self._stand(at)

    def _pass(self, until: datetime) -> None:
        """Let everything happen that is due by itself."""
        while self.bought is not None and self.bought.next_at <= until:
            self._renew(self.bought)

    def _renew(self, bought: Bought) -> None:
        at = bought.next_at
        one = bought.subscription
        if bought.fails_at is not None or self.left_at is not None:
            ended = replace(one, status="canceled", ended_at=at)
            self.bought = replace(bought, subscription=ended)
            self._stand(at)
            self.bought = None
            return
        price = self.seller.price(self.plan)
        assert price is not None
        number = bought.number + 1
        is_paid = not self.person.fails(number)
        # A plan that is billed by another interval begins its periods anew.
        begins_at, periods = (
            (one.created_at, number) if price.is_yearly == bought.price.is_yearly else (at, 0)
        )
        after = replace(
            one,
            status="active" if is_paid else "past_due",
            plan_code=price.code,
            price_cents=price.cents,
            period=_period(begins_at, periods, price),
            created_at=begins_at,
            is_yearly=price.is_yearly,
        )
        bill = _bill(after, price, number, is_paid=is_paid)
        fails_at = None if is_paid else at + DUNNING
        self.bought = Bought(after, bill, price, periods, fails_at)
        if is_paid:
            self.sheet.earn(at, price.cents)
        self._stand(at)

    def _stand(self, at: datetime) -> None:
        """Decide where the customer stands, and tell the wallet."""
        assert self.bought is not None
        one, bill = self.bought.subscription, self.bought.bill
        standing = self.seller.standing(self.customer, [one], [bill], self.records, at)
        self.records |= {it.subscription_id: it for it in standing.records}
        self.revision += 1
        terms = replace(standing.terms, revision=self.revision)
        for command in commands_of(replace(standing, terms=terms)):
            self._run(command, at)

    # ---- calls -----------------------------------------------------------------------------

    def _call(self, call: Call) -> None:
        self.calls += 1
        charge = Charge(
            entry_id=operation_entry_id(f"{self.person.name}/{self.calls}"),
            request_digest="simulated",
            cost=MeteredUsage(call.quantities, self.seller.rate, call.model),
        )
        try:
            self._charge(charge, call.at)
        except Forbidden as refusal:
            if refusal.reason != OUTSIDE_PLAN:
                raise
            self.sheet.keep_out(call.at)

    def _charge(self, charge: Charge, at: datetime) -> None:
        try:
            self._run(charge, at)
        except PaymentRequired:
            self.sheet.refuse(at)
            self.refusals += 1
            if not self.person.buys(self.refusals):
                return
            self._buy(self.packs[self.person.segment.buys], at)
            try:
                self._run(charge, at)
            except PaymentRequired:
                self.sheet.refuse(at)

    def _buy(self, pack: Pack, at: datetime) -> None:
        paid_nanos = worth_nanos(pack.price_cents, CURRENCY, face_nanos=pack.amount_nanos)
        name = topup_grant_id(f"pi_{self.customer.customer_id}_{self.refusals}")
        self._run(GrantCredits(name, "topup", pack.amount_nanos, paid_nanos=paid_nanos), at)
        self.sheet.earn(at, pack.price_cents)

    def _run(self, command: Command, at: datetime) -> Decision:
        """Decide a command as the product does, and count what it wrote."""
        decision = decide(self.wallet, NOTHING_KNOWN, command, now=at)
        broken = breach(self.wallet, decision.wallet, decision.entries)
        assert not broken, broken
        self.wallet = decision.wallet
        self.sheet.read(decision.entries)
        return decision


def _period(begins_at: datetime, number: int, price: Price) -> Window:
    months = 12 if price.is_yearly else 1
    first = number * months
    return Window(months_after(begins_at, first), months_after(begins_at, first + months))


def _bill(one: Subscription, price: Price, number: int, *, is_paid: bool) -> Invoice:
    line = InvoiceLine(
        plan_code=price.code,
        amount_cents=price.cents,
        is_proration=False,
        start_at=one.period.start_at,
        end_at=one.period.end_at,
        price_cents=price.cents,
    )
    return Invoice(
        invoice_id=f"in_{one.subscription_id}_{number}",
        subscription_id=one.subscription_id,
        status="paid" if is_paid else "open",
        created_at=one.period.start_at,
        attempts=0 if is_paid else 1,
        due_cents=price.cents,
        currency=CURRENCY,
        lines=(line,),
    )
