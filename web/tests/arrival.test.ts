/** Coming back from Stripe's pages: nothing is said to have arrived before it has. */

import { describe, expect, test } from 'vitest';
import type { Account } from '../src/app/account';
import { arrivalOf, journeyOf } from '../src/customer/arrival';
import { standingOf } from '../src/customer/standing-before';

const END = new Date('2026-04-10T12:00:00Z');

const account = (fields: Partial<Account> = {}): Account => ({
  plan: 'free',
  monthly: 500,
  monthlyTotal: 500,
  topup: 0,
  held: 0,
  windowStart: new Date('2026-03-10T12:00:00Z'),
  windowEnd: END,
  used: 0,
  requests: 0,
  models: [],
  status: 'none',
  isEnding: false,
  change: null,
  hasPaymentIssue: false,
  frozen: '',
  ...fields,
});
const pro = (fields: Partial<Account> = {}) =>
  account({ plan: 'pro', status: 'active', monthlyTotal: 55_000, ...fields });

const name = (code: string) => code.toUpperCase();
const seen = (was: Account | undefined, now: Account, isLate = false) => ({
  now,
  was: was && standingOf(was),
  isLate,
  name,
});

test.each([
  [{ checkout: 'success', session_id: 'cs_1' }, 'subscribed'],
  [{ topup: 'success' }, 'topped-up'],
  [{ topup: 'cancelled' }, 'left'],
  [{ checkout: 'cancelled' }, 'left'],
  [{ portal: 'closed' }, 'portal'],
  [{}, 'none'],
])('the address %j says where somebody comes from: %s', (query, journey) => {
  expect(journeyOf(query as Record<string, string>)).toBe(journey);
});

describe('after subscribing', () => {
  test('it waits until the subscription is there', () => {
    expect(arrivalOf('subscribed', seen(account(), account())).kind).toBe('waiting');
  });

  test('it says what arrived', () => {
    expect(arrivalOf('subscribed', seen(account(), pro()))).toEqual({
      kind: 'done',
      title: 'Welcome to PRO.',
      text: '55,000 credits arrived.',
    });
  });

  test('it also knows in another tab, where nothing is remembered', () => {
    expect(arrivalOf('subscribed', seen(undefined, pro())).kind).toBe('done');
  });

  test('it says so when it takes long, and goes on waiting', () => {
    const told = arrivalOf('subscribed', seen(account(), account(), true));
    expect(told).toMatchObject({ kind: 'waiting', title: 'This takes longer than usual.' });
  });
});

describe('after a top-up', () => {
  test('it waits until there is more than before', () => {
    const was = account({ topup: 50 });
    expect(arrivalOf('topped-up', seen(was, was)).kind).toBe('waiting');
  });

  test('it says how much more', () => {
    const told = arrivalOf('topped-up', seen(account({ topup: 50 }), account({ topup: 5_050 })));
    expect(told).toMatchObject({ kind: 'done', text: '5,000 credits arrived.' });
  });

  test('in another tab it says what there is', () => {
    const told = arrivalOf('topped-up', seen(undefined, account({ topup: 5_050 })));
    expect(told.text).toBe('Your top-ups hold 5,050 credits.');
  });
});

test('who has left the payment is told that nothing was charged', () => {
  expect(arrivalOf('left', seen(undefined, account())).title).toBe('Nothing was charged.');
});

describe('after the portal', () => {
  const later = { plan: 'guru', at: END };

  test('it looks for a change first, for a moment', () => {
    expect(arrivalOf('portal', seen(pro(), pro())).kind).toBe('waiting');
    expect(arrivalOf('portal', seen(pro(), pro(), true)).title).toBe('You are on PRO.');
  });

  test('it says that nothing changes before its time', () => {
    const told = arrivalOf('portal', seen(pro(), pro({ isEnding: true })));
    expect(told.text).toBe('Until then everything stays as it is.');
  });

  test.each([
    ['another plan', pro({ plan: 'guru' }), pro(), 'You are on PRO now.'],
    ['an end', pro(), pro({ isEnding: true }), 'PRO ends on 10 April 2026.'],
    ['a downgrade', pro(), pro({ change: later }), 'PRO changes to GURU on 10 April 2026.'],
    ['a change of mind', pro({ isEnding: true }), pro(), 'PRO goes on.'],
    ['the free plan', pro(), account(), 'You are on the free plan.'],
  ])('it tells of %s', (_, then, now, title) => {
    expect(arrivalOf('portal', seen(then, now)).title).toBe(title);
  });
});
