/** What to say to somebody who comes back from Stripe's pages. Pure. */

import { type Account, isSubscribed } from '../app/account';
import { count, day } from '../app/format';
import { type Before, isChanged } from './standing-before';

export type Journey = 'subscribed' | 'topped-up' | 'left' | 'portal' | 'none';

export interface Arrival {
  kind: 'done' | 'waiting' | 'plain';
  title: string;
  text?: string;
}

interface Seen {
  now: Account;
  was: Before | undefined;
  /** Whether it has taken longer than usual. */
  isLate: boolean;
  name: (code: string) => string;
}

/** Return where somebody comes from: the server writes it into the address. */
export function journeyOf(query: Record<string, string>): Journey {
  if (query.checkout === 'success') return 'subscribed';
  if (query.topup === 'success') return 'topped-up';
  if (query.checkout || query.topup) return 'left';
  return query.portal ? 'portal' : 'none';
}

/** Return what to say. */
export function arrivalOf(journey: Journey, seen: Seen): Arrival {
  switch (journey) {
    case 'subscribed':
      return subscribed(seen);
    case 'topped-up':
      return toppedUp(seen);
    case 'left':
      return {
        kind: 'plain',
        title: 'Nothing was charged.',
        text: 'You can start again at any time.',
      };
    case 'portal':
      return fromPortal(seen);
    default:
      return { kind: 'plain', title: 'Nothing is being paid.', text: 'All is as it was.' };
  }
}

function waiting(isLate: boolean): Arrival {
  return {
    kind: 'waiting',
    title: isLate ? 'This takes longer than usual.' : 'Waiting for the payment…',
    text: isLate
      ? 'Your credits arrive by themselves as soon as the payment is confirmed. You need not stay on this page.'
      : 'Stripe confirms it within seconds.',
  };
}

function subscribed({ now, was, isLate, name }: Seen): Arrival {
  const isThere = isSubscribed(now) && (!was || now.plan !== was.plan);
  if (!isThere) return waiting(isLate);
  return {
    kind: 'done',
    title: `Welcome to ${name(now.plan)}.`,
    text: `${count(now.monthlyTotal)} credits arrived.`,
  };
}

function toppedUp({ now, was, isLate }: Seen): Arrival {
  if (!was) {
    if (now.topup <= 0) return waiting(isLate);
    return {
      kind: 'done',
      title: 'Thank you.',
      text: `Your top-ups hold ${count(now.topup)} credits.`,
    };
  }
  if (now.topup <= was.topup) return waiting(isLate);
  return {
    kind: 'done',
    title: 'Thank you.',
    text: `${count(now.topup - was.topup)} credits arrived.`,
  };
}

function fromPortal({ now, was, isLate, name }: Seen): Arrival {
  if (was && !isChanged(was, now) && !isLate) {
    return { kind: 'waiting', title: 'Looking for what has changed…' };
  }
  const plan = name(now.plan);
  const stays = 'Until then everything stays as it is.';
  if (!isSubscribed(now)) return { kind: 'plain', title: 'You are on the free plan.' };
  if (now.isEnding) {
    return { kind: 'plain', title: `${plan} ends on ${day(now.windowEnd)}.`, text: stays };
  }
  if (now.change) {
    const { plan: next, at } = now.change;
    const title = `${plan} changes to ${name(next)} on ${day(at)}.`;
    return { kind: 'plain', title, text: stays };
  }
  if (was && was.plan !== now.plan) return { kind: 'done', title: `You are on ${plan} now.` };
  if (was?.isEnding || was?.change) return { kind: 'done', title: `${plan} goes on.` };
  return { kind: 'plain', title: `You are on ${plan}.` };
}
