"""A world for a seed: processes of ours, clients that repeat themselves, jobs, and bad weather.

First comes a phase of safety, in which anything may go wrong at any RPC; then one of liveness:
the weather is calm, whoever was killed is back, and within a bounded time every client has its
answer, every hold is closed and every balance is published.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.admin import vouchers
from creditbase.admin.domain.vouchers import VoucherTerms
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import load_catalog, push_catalog
from creditbase.jobs import use_cases as jobs
from creditbase.jobs.crossings import answer_crossings
from creditbase.jobs.inbox import drain_inbox
from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.kernel.errors import BillingError, Contention, Unavailable
from creditbase.payments.selling import ensure_price
from dev.layout import ROOT
from tests.simulation.auditor import Auditor, Flaw
from tests.simulation.couriers import Couriers
from tests.simulation.deeds import VOUCHER_CREDITS, VOUCHERS, WORLD_BEGINS, Deeds
from tests.simulation.housing import housed
from tests.simulation.merchant import Merchant
from tests.simulation.network import Network, Weather
from tests.simulation.scheduler import Event, Host, Scheduler
from tests.simulation.shopping import Shopping
from tests.simulation.store import Change, Store
from tests.simulation.treasurer import Treasurer

FREE_NANOS = 500 * 1_000_000
PATIENCE_S = 12.0
RETRIES_MAX = 400
GIVE_UP_IN_A_THOUSAND = 8
STORMY = Weather(commit=60, read=30, kill=1)
CALM = Weather()
LIVENESS_S = 5 * 60
SETTLING_DAYS = (0, 1, 2)
"""How many days later the jobs run in the end, so that all that is open times out."""

ERRANDS_IN_A_THOUSAND = 20
"""How many operations have to do with Stripe; each leads to a dozen requests and events."""
TIDYING = (jobs.expire_holds, jobs.reset_cycles, jobs.sync_balances)
AT_STRIPE = (drain_inbox, answer_crossings, reconcile_stripe)
STRIPE_KILLS_MORE = 4
ROUNDS_MAX = 100

Work = Callable[[], Any]


@dataclass
class Answer:
    """What came of a request that was sent to a process."""

    event: Event
    value: Any = None
    refusal: BillingError | None = None
    asked: int = 1
    """How often it was asked in all, this time included."""


@dataclass
class World:
    """Everything of one seed."""

    seed: int
    operations: int
    clients: int = 24
    customers: int = 8
    weather: Weather = field(default_factory=lambda: STORMY)
    scheduler: Scheduler = field(init=False)
    network: Network = field(init=False)
    store: Store = field(init=False)
    auditor: Auditor = field(init=False)
    deeds: Deeds = field(init=False)
    merchant: Merchant = field(init=False)
    couriers: Couriers = field(init=False)
    treasurer: Treasurer = field(init=False)
    shopping: Shopping = field(init=False)
    errands_in_a_thousand: int = ERRANDS_IN_A_THOUSAND
    hosts: list[Host] = field(default_factory=list)
    begun: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    _busy: int = 0
    _born: int = 0

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.seed, start_at=WORLD_BEGINS)
        self.store = Store()
        self.auditor = Auditor(lambda: self.scheduler.now_us)
        self.store.watcher = self._watch
        self.network = Network(self.scheduler, self.store, kill_running=self._kill_running)
        self.deeds = Deeds(self.rng, self.customers, self.scheduler.now)
        self.couriers = Couriers(self.scheduler, self.seen, self._ask_any)
        self.merchant = Merchant(
            self.seed,
            self.scheduler,
            self.seen,
            post=self.couriers.send,
            kill_running=self._kill_running,
        )
        self.couriers.taken = self.merchant.world.account.taken
        self.treasurer = Treasurer(self.merchant.world)
        self.shopping = Shopping(
            self.scheduler,
            self.merchant.world,
            self.deeds.refs,
            partial(self._ask_patiently, gives_up=True),
            self.seen,
        )

    def _watch(self, changes: Sequence[Change]) -> None:
        self.auditor.watch(changes)
        self.treasurer.watch(changes)

    @property
    def rng(self) -> Random:
        """Return the run's one source of chance."""
        return self.scheduler.rng

    # ---- the run -------------------------------------------------------------------------

    def run(self) -> None:
        """Live through the seed.

        Raises:
            Flaw: a promise was broken.
        """
        with housed(self.scheduler, self.network), self.merchant.serving():
            try:
                self._calm(self._found)
                # Alone they decide much together, and with others they meet at the store.
                hosts = self.rng.choice((1, 2, 3))
                self.hosts = [self._bear() for _ in range(hosts)]
                self._storm()
                self._settle()
            finally:
                self.scheduler.end()
        self.auditor.close(
            self.store, free_nanos=FREE_NANOS, windows_max=self.deeds.windows_max()
        )
        self.treasurer.close(self.store, self.auditor, self.deeds.refs)
        self.shopping.tally()

    def _found(self) -> None:
        now = self.scheduler.now()
        ensure_project("hub", now=now)
        push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
        for number in range(VOUCHERS):
            terms = VoucherTerms(credits=VOUCHER_CREDITS)
            vouchers.create_voucher(self.deeds.code(number), terms, now=now)
        for number in range(self.customers):
            self.deeds.meet(number)
        catalog = load_catalog(HUB_PROJECT_ID)
        for plan in catalog.plans.values():
            if plan.can_be_bought:
                ensure_price(catalog, plan)
        # Its first look reaches back thirty days; from then on, as far as the last one saw.
        reconcile_stripe(now)

    def _storm(self) -> None:
        self._let_weather_be(self.weather)
        for _ in range(self.clients):
            self._spawn(self._client)
        self._spawn(self._fate)
        self._spawn(self._clock_work)
        self.scheduler.run(lambda: self._busy == 0)

    def _settle(self) -> None:
        """Let the weather be calm, and all that is open come to its end."""
        self._let_weather_be(CALM)
        for host in self.hosts:
            host.frozen_until_us = 0
            host.skew = timedelta(0)
        # What was still on its way arrives; a process that is dead stays so.
        self.scheduler.run(lambda: False)
        for days in SETTLING_DAYS:
            self.scheduler.leap(days * 86_400)
            # Stripe's time passes, its events arrive, and what nobody told of is found. What
            # waits for an event that was lost is left for the second round.
            self._follow_stripe(may_wait=True)
            self._follow_stripe(may_wait=False)
            self._calm(partial(self._jobs_until_done, TIDYING))
        self._calm(self._find_no_drift)

    def _follow_stripe(self, *, may_wait: bool) -> None:
        self.merchant.live()
        self.scheduler.run(lambda: False)
        self._calm(partial(self._jobs_until_done, AT_STRIPE, may_wait=may_wait))

    def _jobs_until_done(
        self, kinds: Sequence[Callable[[datetime], Any]], *, may_wait: bool = False
    ) -> None:
        for job in kinds:
            for _ in range(ROUNDS_MAX):
                report = job(self.scheduler.now())
                if report.failed and not may_wait:
                    raise Flaw(f"{report} in calm weather")
                if report.is_complete:
                    break

    def _find_no_drift(self) -> None:
        report = reconcile_stripe(self.scheduler.now(), is_dry=True, is_full=True)
        if not report.is_smooth or report.unknown:
            raise Flaw(f"{report} after it was repaired")

    def _let_weather_be(self, weather: Weather) -> None:
        self.network.weather = weather
        # It is spoken to seldom, and whoever speaks to it is killed as often as anybody.
        self.merchant.weather = replace(weather, kill=STRIPE_KILLS_MORE * weather.kill)
        self.couriers.is_stormy = weather is not CALM

    def happened(self) -> Counter[str]:
        """Return how often what went wrong, and what happened in the customers' lives."""
        return self.network.faults + self.seen

    # ---- running things --------------------------------------------------------------------

    def _calm(self, work: Work) -> None:
        """Run something alone, in a process of its own, with nothing going wrong."""
        self._let_weather_be(CALM)
        answer = self._ask(self._bear(), work)
        self.scheduler.run(answer.event.is_set)
        if answer.refusal:
            raise Flaw("refused in calm weather") from answer.refusal

    def _spawn(self, work: Work) -> None:
        """Let somebody outside our processes begin; the run waits for the end of it."""
        self._busy += 1

        def run() -> None:
            try:
                work()
            finally:
                self._busy -= 1

        self.scheduler.spawn(run)

    def _ask(self, host: Host, work: Work) -> Answer:
        """Send a request to a process. What it would answer 500 to ends the run."""
        answer = Answer(Event(self.scheduler))

        def serve() -> None:
            try:
                answer.value = work()
            except BillingError as refusal:
                answer.refusal = refusal
            answer.event.set()

        self.scheduler.spawn(serve, host)
        return answer

    # ---- processes -------------------------------------------------------------------------

    def _bear(self) -> Host:
        self._born += 1
        return Host(f"process {self._born}")

    def _kill_running(self) -> None:
        host = self.scheduler.host()
        assert host is not None
        self.scheduler.bury(host)
        self.hosts[self.hosts.index(host)] = self._bear()

    def _fate(self) -> None:
        """Freeze processes, let clocks go wrong, and let time leap, while clients work."""
        while self._busy > 2:
            self.scheduler.sleep(self.rng.uniform(0.2, 5))
            drawn = self.rng.randrange(100)
            if drawn < 30:
                # A few at once stop, and go on again in an order of their own.
                for host in self.rng.sample(
                    self.hosts, min(len(self.hosts), self.rng.randint(1, 2))
                ):
                    stop_us = self.rng.randrange(30_000_000)
                    host.frozen_until_us = self.scheduler.now_us + stop_us
                    self.seen["frozen"] += 1
            elif drawn < 50:
                skew_s = self.rng.choice((-300, -1, 0, 0, 1, 300))
                self.rng.choice(self.hosts).skew = timedelta(seconds=skew_s)
                self.seen["clock wrong"] += bool(skew_s)
            elif drawn < 53:
                self.couriers.roll()
            elif drawn < 70:
                leap_s = self.rng.choice((1, 61, 400, 901, 4_000, 86_400, 40 * 86_400))
                self.scheduler.leap(leap_s)
                self.seen["clock leapt"] += 1

    def _clock_work(self) -> None:
        """Run the jobs now and then, also two of a kind at once."""
        while self._busy > 2:
            self.scheduler.sleep(self.rng.uniform(1, 20))
            self.merchant.live()
            job = self.rng.choice((*TIDYING, *AT_STRIPE))
            for _ in range(self.rng.choice((1, 1, 2))):
                host = self.rng.choice(self.hosts)
                self._ask(host, partial(self._job, job))
                self.seen["job"] += 1

    def _job(self, job: Callable[[datetime], Any]) -> None:
        job(self.scheduler.now())

    # ---- clients ---------------------------------------------------------------------------

    def _client(self) -> None:
        while self.begun < self.operations:
            self.begun += 1
            if self.rng.randrange(1_000) < self.errands_in_a_thousand:
                self.shopping.errand()
                continue
            intent, work = self.deeds.draw(self.auditor.intents)
            if intent is None:
                self._ask_patiently(work, gives_up=True)
                continue
            has_twin = self.rng.randrange(100) < 6
            if has_twin:
                # Somebody sends the same thing at the same time to another process.
                self.seen["twins"] += 1
                self._ask(self.rng.choice(self.hosts), work)
            intent.begun_us = self.scheduler.now_us
            answer = self._ask_patiently(work, gives_up=True)
            intent.told_us = self.scheduler.now_us
            answer.asked += has_twin
            self.deeds.note(intent, work, answer)

    def _ask_any(self, work: Work) -> Answer:
        """Send a request to any process."""
        return self._ask(self.rng.choice(self.hosts), work)

    def _ask_patiently(self, work: Work, *, gives_up: bool) -> Answer:
        """Ask until there is a definite answer; now and then go away without one."""
        for number in range(RETRIES_MAX):
            answer = self._ask(self.rng.choice(self.hosts), work)
            answer.asked = number + 1
            answer.event.wait(PATIENCE_S)
            is_told = answer.event.is_set()
            if is_told and not isinstance(answer.refusal, Contention | Unavailable):
                return answer
            self.seen["repeated"] += 1
            if gives_up and self.rng.randrange(1_000) < GIVE_UP_IN_A_THOUSAND * (number + 1):
                self.seen["gave up"] += 1
                return Answer(answer.event, refusal=Unavailable())
            self.scheduler.sleep(self.rng.uniform(0, 2))
        raise Flaw("no definite answer, however often it was asked")
