/** Plans and top-ups: what is sold, and the way to Stripe's pages. */

import { Check } from 'lucide-preact';
import { type Account, isSubscribed } from '../app/account';
import { account, accountError, retryBalance } from '../app/balance';
import { Button } from '../app/components/button';
import { CreditBar } from '../app/components/credit-bar';
import { Badge, Card, Page } from '../app/components/layout';
import { Skeleton } from '../app/components/skeleton';
import { ErrorState, When } from '../app/components/states';
import { count, day, money } from '../app/format';
import {
  buy,
  type Offers,
  openPortal,
  type Pack,
  type Plan,
  planName,
  subscribe,
  useOffers,
} from './offers';
import { hasPortal, nextLine, PaymentProblem } from './standing';
import './plans.css';

/** The page. */
export default function Plans() {
  const offers = useOffers();
  const { value: now } = account;
  return (
    <Page
      title="Plans and top-ups"
      lede="A plan brings credits every month. A top-up is bought once and does not end with the month."
    >
      {now && <PaymentProblem account={now} />}
      <Current account={now} offers={offers.value} />
      <When resource={offers} label="Loading the plans" lines={8}>
        {(sold) => <Table offers={sold} account={now} />}
      </When>
    </Page>
  );
}

function Current({
  account: now,
  offers,
}: {
  account: Account | undefined;
  offers: Offers | undefined;
}) {
  if (!now) {
    return (
      <Card>
        {accountError.value ? (
          <ErrorState error={accountError.value} retry={retryBalance} />
        ) : (
          <Skeleton label="Loading your plan" />
        )}
      </Card>
    );
  }
  return (
    <Card
      title={planName(offers, now.plan)}
      lede={nextLine(now, offers)}
      {...(hasPortal(now) && {
        actions: (
          <Button kind="second" onPress={openPortal}>
            {isSubscribed(now) ? 'Manage subscription' : 'Cards and invoices'}
          </Button>
        ),
      })}
    >
      <CreditBar monthly={now.monthly} monthlyTotal={now.monthlyTotal} topup={now.topup} />
    </Card>
  );
}

function Table({ offers, account: now }: { offers: Offers; account: Account | undefined }) {
  return (
    <>
      <section class="stack" aria-labelledby="plans-title">
        <h2 id="plans-title">Plans</h2>
        <ul class="offers">
          {offers.plans.map((plan) => (
            <PlanCard key={plan.code} plan={plan} offers={offers} account={now} />
          ))}
        </ul>
      </section>
      <section class="stack" aria-labelledby="packs-title">
        <h2 id="packs-title">Top-ups</h2>
        <ul class="offers">
          {offers.packs.map((pack) => (
            <PackCard key={pack.code} pack={pack} currency={offers.currency} />
          ))}
        </ul>
      </section>
    </>
  );
}

function PlanCard({
  plan,
  offers,
  account: now,
}: {
  plan: Plan;
  offers: Offers;
  account: Account | undefined;
}) {
  const isMine = now?.plan === plan.code;
  return (
    <li class={isMine ? 'card offer offer-mine' : 'card offer'}>
      <div class="row row-apart">
        <h3>{plan.name}</h3>
        {isMine && <Badge tone="good">Your plan</Badge>}
      </div>
      <p class="offer-price">
        {money(plan.price_cents, offers.currency)} <span>a month</span>
      </p>
      <ul class="offer-points">
        <Point>{count(plan.credits)} credits every month</Point>
        <Point>Every model, one balance</Point>
        {plan.trial_days > 0 && <Point>The first {plan.trial_days} days are free, once</Point>}
      </ul>
      {now && !isMine && <PlanAction plan={plan} account={now} />}
    </li>
  );
}

function Point({ children }: { children: preact.ComponentChildren }) {
  return (
    <li>
      <Check size={18} aria-hidden="true" /> <span>{children}</span>
    </li>
  );
}

function PlanAction({ plan, account: now }: { plan: Plan; account: Account }) {
  const begins = beginsAt(plan, now);
  if (begins) return <p class="offer-action soft">From {day(begins)}</p>;
  if (!isSubscribed(now)) {
    if (plan.price_cents === 0) return null;
    return (
      <div class="offer-action">
        <Button label={`Subscribe: ${plan.name}`} onPress={() => subscribe(plan.code)}>
          Subscribe
        </Button>
      </div>
    );
  }
  const words = plan.price_cents === 0 ? `Back to ${plan.name}` : 'Change plan';
  return (
    <div class="offer-action">
      <Button kind="second" label={`${words}: ${plan.name}`} onPress={openPortal}>
        {words}
      </Button>
    </div>
  );
}

/** When a plan will be the customer's, if that is settled: after a cancellation, or as planned. */
function beginsAt(plan: Plan, now: Account): Date | undefined {
  if (now.isEnding) return plan.price_cents === 0 ? now.windowEnd : undefined;
  return now.change?.plan === plan.code ? now.change.at : undefined;
}

function PackCard({ pack, currency }: { pack: Pack; currency: string }) {
  return (
    <li class="card offer">
      <h3>{pack.name}</h3>
      <p class="offer-price">{money(pack.price_cents, currency)}</p>
      <ul class="offer-points">
        <Point>{count(pack.credits)} credits</Point>
        <Point>On any plan</Point>
      </ul>
      <div class="offer-action">
        <Button kind="second" label={`Buy: ${pack.name}`} onPress={() => buy(pack.code)}>
          Buy
        </Button>
      </div>
    </li>
  );
}
