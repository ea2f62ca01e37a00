"""What clients do: charge, hold, end holds, buy, redeem; and operators: adjust, give."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from random import Random
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import acting
from creditbase.admin.domain.audit import Deed
from creditbase.admin.vouchers import redeem_voucher
from creditbase.kernel.errors import Contention, Unavailable
from creditbase.kernel.ids import topup_grant_id
from creditbase.ledger.domain.commands import GrantCredits
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import load_balance, run, sync_balance
from creditbase.metering import use_cases as metering
from creditbase.metering.models import CaptureRequest, ChargeRequest, HoldRequest
from creditbase.metering.use_cases import Request
from creditbase.subscriptions.use_cases import first_touch
from tests.simulation.auditor import Intent

WORLD_BEGINS = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
VOUCHERS = 60
VOUCHER_CREDITS = 7
CREDIT = 1_000_000
HOLD_TTLS_S = (1, 60, 900, 900, 86_400)

DEEDS = {
    "charge": 34,
    "hold": 22,
    "capture": 18,
    "void": 5,
    "again": 4,
    "buy": 4,
    "redeem": 1,
    "adjust": 2,
    "give": 1,
    "look": 7,
    "sync": 2,
}
DRAWN_FROM = tuple(DEEDS)
WEIGHTS = tuple(accumulate(DEEDS.values()))

Drawn = tuple[Intent | None, Callable[[], Any]]


@dataclass
class Deeds:
    """What may be done next, drawn from the run's source of chance."""

    rng: Random
    customers: int
    now: Callable[[], datetime]
    refs: list[CustomerRef] = field(default_factory=list)
    holds: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """Holds that were placed: whose intent, for how much, whose wallet."""
    done: list[Callable[[], Any]] = field(default_factory=list)
    vouchers: int = 0
    gift_credits_max: int = 300

    def __post_init__(self) -> None:
        # In half of all worlds customers are poor, and are refused as often as not.
        self.gift_credits_max = self.rng.choice((20, 300))

    def meet(self, number: int) -> None:
        """Let a customer come for the first time."""
        self.refs.append(first_touch(f"user{number}", now=self.now()))

    def code(self, number: int) -> str:
        """Return a voucher's code."""
        return f"GIFT-{number:04}"

    def windows_max(self) -> int:
        """Return in how many months anybody can have been, free credits in each."""
        later = self.now() - WORLD_BEGINS
        return later.days // 28 + 2

    def draw(self, intents: list[Intent]) -> Drawn:
        """Return the next deed: what the client wants, and the request that asks for it."""
        deed = self.rng.choices(DRAWN_FROM, cum_weights=WEIGHTS)[0]
        # Half of everything is about one customer.
        ref = self.refs[0 if self.rng.random() < 0.5 else self.rng.randrange(self.customers)]
        if deed in {"look", "sync"}:
            return None, self._look(ref) if deed == "look" else self._sync(ref)
        if deed == "again" and self.done:
            # Asked once more for what was answered long ago.
            return None, self.rng.choice(self.done)
        if deed in {"capture", "void"} and self.holds:
            return self._end(deed, intents)
        intent = Intent(len(intents), deed, ref.customer_id, 0)
        if deed == "redeem" and self.vouchers == VOUCHERS:
            deed = "charge"
        intent.deed = deed if deed in {"hold", "buy", "redeem", "adjust", "give"} else "charge"
        intents.append(intent)
        intent.amount_nanos, work = getattr(self, f"_{intent.deed}")(ref, intent.number)
        return intent, work

    def note(self, intent: Intent, work: Callable[[], Any], answer: Any) -> None:
        """Write down what a client was told."""
        value, refusal = answer.value, answer.refusal
        if isinstance(refusal, Contention | Unavailable):
            return
        intent.told = "done" if refusal is None else "refused"
        if refusal is not None:
            if answer.asked > 1:
                # A refusal leaves no trace: an earlier request, slow or given up, may still
                # be let in, and the same key tells (P10).
                intent.told = "unknown"
            intent.refusal = type(refusal).__name__
            return
        self.done.append(work)
        entry = getattr(value, "entry", None)
        if intent.deed == "hold":
            assert isinstance(entry, Entry)
            self.holds[entry.hold_id] = (intent.number, intent.amount_nanos, intent.customer)
        if intent.deed == "capture":
            assert isinstance(entry, Entry)
            intent.captured_nanos = entry.captured_nanos
            before = entry.cause.get("before", {})
            intent.captured_nanos += before.get("captured_nanos", 0)

    # ---- deeds -----------------------------------------------------------------------------

    def _amount(self) -> int:
        return self.rng.choice(
            (0, 1, self.rng.randrange(CREDIT), self.rng.randrange(120 * CREDIT))
        )

    def _request(self, route: str, body: dict[str, Any], key: str) -> Request:
        return Request(HUB_PROJECT_ID, route, body, key, self.now())

    def _charge(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        amount = self._amount()
        body = {
            "customer_id": ref.customer_id,
            "amount_nanos": amount,
            "metadata": {"intent": f"intent {number}"},
        }
        asked = ChargeRequest.model_validate(body)
        return amount, lambda: metering.charge(
            self._request("charge", body, f"k{number}"), asked
        )

    def _hold(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        amount = self._amount()
        body = {
            "customer_id": ref.customer_id,
            "amount_nanos": amount,
            "ttl_s": self.rng.choice(HOLD_TTLS_S),
            "metadata": {"intent": f"intent {number}"},
        }
        asked = HoldRequest.model_validate(body)
        return amount, lambda: metering.place_hold(
            self._request("hold", body, f"k{number}"), asked
        )

    def _end(self, deed: str, intents: list[Intent]) -> Drawn:
        hold_id = self.rng.choice(list(self.holds))
        hold, held_nanos, customer = self.holds[hold_id]
        if self.rng.random() < 0.8:
            del self.holds[hold_id]
        amount = self.rng.choice((0, held_nanos, held_nanos // 3, held_nanos + CREDIT))
        intent = Intent(len(intents), deed, customer, amount, hold=hold)
        intents.append(intent)
        body = {"amount_nanos": amount} if deed == "capture" else {}
        key = f"k{intent.number}"
        if deed == "void":
            return intent, lambda: metering.void_hold(self._request("void", body, key), hold_id)
        asked = CaptureRequest(amount_nanos=amount)
        return intent, lambda: metering.capture_hold(
            self._request("capture", body, key), hold_id, asked
        )

    def _buy(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        amount = self.rng.randrange(1, self.gift_credits_max) * CREDIT
        wallet = WalletRef(ref.project_id, ref.customer_id)
        grant = GrantCredits(
            topup_grant_id(f"pi_{number}"),
            "topup",
            amount,
            cause={"intent": f"intent {number}"},
            paid_nanos=amount,
        )
        return amount, lambda: run(wallet, grant, now=self.now())

    def _redeem(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        wallet = WalletRef(ref.project_id, ref.customer_id)
        code = self.code(self.vouchers)
        self.vouchers += 1
        return VOUCHER_CREDITS * CREDIT, lambda: redeem_voucher(
            wallet, code, request_id=f"intent {number}", now=self.now()
        )

    def _adjust(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        amount = self.rng.randrange(1, 1 + self.gift_credits_max // 10) * CREDIT
        deed = self._deed("adjust", ref, number, amount)
        return amount, lambda: acting.adjust(deed, amount_nanos=amount, now=self.now())

    def _give(self, ref: CustomerRef, number: int) -> tuple[int, Callable[[], Any]]:
        amount = self.rng.randrange(1, 1 + self.gift_credits_max // 10) * CREDIT
        deed = self._deed("grant", ref, number, amount)
        return amount, lambda: acting.give(
            deed, kind="promo", amount_nanos=amount, now=self.now()
        )

    def _deed(self, action: Any, ref: CustomerRef, number: int, amount: int) -> Deed:
        return Deed(
            action=action,
            actor="ada",
            key=f"k{number}",
            reason=f"intent {number}",
            project_id=ref.project_id,
            customer_id=ref.customer_id,
            asked={"amount_nanos": amount},
        )

    # ---- what moves nothing ----------------------------------------------------------------

    def _look(self, ref: CustomerRef) -> Callable[[], Any]:
        wallet = WalletRef(ref.project_id, ref.customer_id)
        return lambda: load_balance(wallet, now=self.now())

    def _sync(self, ref: CustomerRef) -> Callable[[], Any]:
        wallet = WalletRef(ref.project_id, ref.customer_id)
        return lambda: sync_balance(wallet, now=self.now())
