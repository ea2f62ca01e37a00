/** The overview: what is left, until when, and where it went. */

import { useEffect, useRef } from 'preact/hooks';
import { type Account, creditsLeft } from '../app/account';
import { api, ok, type Schemas } from '../app/api';
import { account, accountError, isLive, retryBalance } from '../app/balance';
import { CreditBar } from '../app/components/credit-bar';
import { Card, Figure, Notice, Page } from '../app/components/layout';
import { Skeleton } from '../app/components/skeleton';
import { ErrorState, When } from '../app/components/states';
import { count, credits, day, isoDay, shortDay } from '../app/format';
import { type Resource, useResource } from '../app/resource';
import { forecast } from './forecast';
import { type Offers, planName, useOffers } from './offers';
import { nextLine, PaymentProblem } from './standing';
import { UsageByDay, UsageByModel } from './usage-charts';
import './overview.css';

export type UsageDays = {
  days: Schemas['UsageDay'][];
  total_credits_used: number;
  total_requests: number;
};

const SETTLES_MS = 1_500;
const NOT_AGAIN_WITHIN_MS = 15_000;

/** The page. */
export default function Overview() {
  const { value } = account;
  const days = useUsageDays(value);
  const offers = useOffers().value;
  if (accountError.value && !value) {
    return (
      <Page title="Overview">
        <Card>
          <ErrorState error={accountError.value} retry={retryBalance} />
        </Card>
      </Page>
    );
  }
  return (
    <Page title="Overview">
      {value && <PaymentProblem account={value} />}
      {value?.frozen && (
        <Notice tone="bad">
          <strong>Your credits cannot be spent at the moment.</strong> They are kept for you; please
          get in touch.
        </Notice>
      )}
      <div class="overview-top">
        <CreditsLeft account={value} days={days} />
        <Plan account={value} offers={offers} />
      </div>
      <Card title="Usage by day" lede="The last 30 days, in UTC">
        <When resource={days} label="Loading your usage" lines={6}>
          {(usage) => <UsageByDay usage={usage} />}
        </When>
      </Card>
      <Card title="Usage by model" {...(value && { lede: `Since ${day(value.windowStart)}` })}>
        {value ? <UsageByModel models={value.models} /> : <Skeleton label="Loading your usage" />}
      </Card>
    </Page>
  );
}

/** Usage by day; asked for again a moment after calls were made, at most four times a minute. */
function useUsageDays(now: Account | undefined): Resource<UsageDays> {
  const days = useResource<UsageDays>('usage/days', () => ok(api.GET('/usage/days')));
  const { reload } = days;
  const asked = useRef({ at: 0, requests: -1 });
  const requests = now?.requests ?? -1;
  useEffect(() => {
    const last = asked.current;
    const isFirst = last.requests < 0;
    if (requests < 0 || requests === last.requests) return;
    last.requests = requests;
    if (isFirst) return;
    const wait = Math.max(SETTLES_MS, last.at + NOT_AGAIN_WITHIN_MS - Date.now());
    const timer = setTimeout(() => {
      last.at = Date.now();
      reload();
    }, wait);
    return () => clearTimeout(timer);
  }, [requests, reload]);
  return days;
}

function CreditsLeft(props: { account: Account | undefined; days: Resource<UsageDays> }) {
  const { account: now, days } = props;
  return (
    <Card title="Credits left" actions={<Live />}>
      {now ? (
        <div class="stack">
          <p class="overview-left" aria-live="polite" aria-atomic="true">
            <span class="overview-number">{count(creditsLeft(now))}</span>{' '}
            <span class="unseen">credits left</span>
          </p>
          <CreditBar monthly={now.monthly} monthlyTotal={now.monthlyTotal} topup={now.topup} />
          <Outlook account={now} days={days.value?.days} />
        </div>
      ) : (
        <Skeleton label="Loading your credits" lines={4} />
      )}
    </Card>
  );
}

function Live() {
  return isLive.value ? (
    <span class="live">
      <span class="live-dot" /> Live
    </span>
  ) : null;
}

function Outlook(props: { account: Account; days: Schemas['UsageDay'][] | undefined }) {
  const { account: now, days } = props;
  if (!days) return null;
  const expected = forecast({ ...now, renews: !now.isEnding }, days, new Date());
  const next = day(now.windowEnd);
  if (expected.kind === 'empty') {
    return (
      <p>
        <strong>Your credits are used up.</strong> <a href="/app/plans">Top up</a>
        {now.isEnding ? '' : `, or wait for new ones on ${next}`}.
      </p>
    );
  }
  if (expected.kind === 'unused') return <p class="soft">No calls in the last week.</p>;
  const rate = `about ${credits(Math.max(1, Math.round(expected.perDay)))} a day`;
  if (expected.kind === 'lasts') {
    return <p class="soft">At {rate}, your credits last for more than a year.</p>;
  }
  return (
    <p>
      At {rate}, your credits run out <strong>{dayOrToday(expected.at)}</strong>.{' '}
      <a href="/app/plans">Top up</a>
    </p>
  );
}

const dayOrToday = (at: Date): string =>
  isoDay(at) === isoDay(new Date()) ? 'today' : `on ${day(at)}`;

function Plan({
  account: now,
  offers,
}: {
  account: Account | undefined;
  offers: Offers | undefined;
}) {
  if (!now) {
    return (
      <Card title="Plan">
        <Skeleton label="Loading your plan" lines={4} />
      </Card>
    );
  }
  return (
    <Card title="Plan" actions={<a href="/app/plans">Change plan or top up</a>}>
      <dl class="figures">
        <Figure
          label="Your plan"
          value={planName(offers, now.plan)}
          note={`${credits(now.monthlyTotal)} a month`}
        />
        <Figure
          label="This period"
          value={credits(now.used)}
          note={`used by ${count(now.requests)} ${now.requests === 1 ? 'call' : 'calls'}`}
        />
        <Figure
          label="On hold"
          value={credits(now.held)}
          note={now.held ? 'kept for calls under way' : 'no call under way'}
        />
        <Figure
          label="Dates"
          value={`${shortDay(now.windowStart)} – ${shortDay(now.windowEnd)}`}
          note={nextLine(now, offers)}
        />
      </dl>
    </Card>
  );
}
