/**
 * Where Stripe's pages lead back to. What was paid is told by Stripe's signed event alone, so
 * after a payment this waits until the balance shows it, and then says what arrived.
 */

import { CircleCheck, Clock3, Info } from 'lucide-preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { type Account, creditsLeft, isSubscribed } from '../app/account';
import { account, accountError, isLive, retryBalance } from '../app/balance';
import { CreditBar } from '../app/components/credit-bar';
import { Card, Page } from '../app/components/layout';
import { Skeleton } from '../app/components/skeleton';
import { ErrorState } from '../app/components/states';
import { count } from '../app/format';
import { type Arrival, arrivalOf, journeyOf } from './arrival';
import { before, forgetBefore, planName, useOffers } from './offers';
import './billing.css';

const PATIENT_FOR_MS = 30_000;
const PORTAL_WAITS_MS = 4_000;

/** The page. */
export default function Billing() {
  const { value: now } = account;
  const { query } = useLocation();
  const journey = journeyOf(query);
  const was = useMemo(before, []);
  const offers = useOffers().value;
  const isLate = useLateness(journey === 'portal' ? PORTAL_WAITS_MS : PATIENT_FOR_MS);
  const arrival =
    now && arrivalOf(journey, { now, was, isLate, name: (code) => planName(offers, code) });
  const isDone = arrival !== undefined && arrival.kind !== 'waiting';

  useEffect(() => {
    if (isDone) forgetBefore();
  }, [isDone]);

  useEffect(() => {
    // Where Firestore cannot be reached nothing is pushed: then it is asked for, once.
    if (isLate && !isLive.peek()) retryBalance();
  }, [isLate]);

  return (
    <Page title="Payment">
      <Card>
        <div class="arrival" role="status">
          {arrival ? <Told arrival={arrival} /> : <Waiting />}
        </div>
        {now && isDone && <Standing account={now} />}
        <p class="row arrival-ways">
          <a class="button button-first" href="/app">
            Go to the overview
          </a>
          <a class="button button-second" href="/app/plans">
            Plans and top-ups
          </a>
        </p>
      </Card>
    </Page>
  );
}

function Waiting() {
  const { value } = accountError;
  return value ? (
    <ErrorState error={value} retry={retryBalance} />
  ) : (
    <Skeleton label="Loading your credits" />
  );
}

const ICONS = { done: CircleCheck, waiting: Clock3, plain: Info };

function Told({ arrival }: { arrival: Arrival }) {
  const Icon = ICONS[arrival.kind];
  return (
    <>
      <Icon size={36} aria-hidden="true" class={`arrival-${arrival.kind}`} />
      <h2>{arrival.title}</h2>
      {arrival.text && <p class="soft">{arrival.text}</p>}
    </>
  );
}

function Standing({ account: now }: { account: Account }) {
  return (
    <div class="arrival-standing">
      <p>
        <strong>{count(creditsLeft(now))}</strong> credits left
        {isSubscribed(now) ? '' : ' on the free plan'}
      </p>
      <CreditBar monthly={now.monthly} monthlyTotal={now.monthlyTotal} topup={now.topup} />
    </div>
  );
}

/** Whether it has taken longer than usual since the page was opened. */
function useLateness(afterMs: number): boolean {
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLate(true), afterMs);
    return () => clearTimeout(timer);
  }, [afterMs]);
  return isLate;
}
