/** The published balance shows the same figures as `usage_me`: live and loaded never differ. */

import { describe, expect, test } from 'vitest';
import {
  accountOfBalance,
  accountOfUsage,
  creditsLeft,
  isSubscribed,
  type PublishedBalance,
} from '../src/app/account';
import type { Schemas } from '../src/app/api';

const CREDIT = 1_000_000;
const START = new Date('2026-03-10T12:00:00Z');
const END = new Date('2026-04-10T12:00:00Z');

const balance = (fields: Partial<PublishedBalance> = {}): PublishedBalance => ({
  terms: {
    plan_code: 'free',
    allocation_nanos: 500 * CREDIT,
    subscription_status: 'none',
    cancel_at_period_end: false,
    payment_issue: false,
    next_plan_code: '',
    next_plan_at: null,
  },
  window_start_at: START,
  window_end_at: END,
  monthly_remaining_nanos: 495_200_000,
  topup_nanos: 5_000 * CREDIT + 1,
  held_nanos: 2_500_000,
  frozen: '',
  models: {
    'gpt-5': { amount_nanos: 2_000_000, requests: 4 },
    sonar: { amount_nanos: 300_000, requests: 1 },
  },
  seq: 7,
  is_settled: true,
  ...fields,
});

// What the server answers for this balance: tests/hub/test_usage.py has the same figures.
const usage: Schemas['Usage'] = {
  plan: 'free',
  monthly_credits_total: 500,
  monthly_credits_remaining: 495,
  topup_balance: 5_000,
  credits_held: 3,
  billing_cycle_start: '2026-03-10T12:00:00Z',
  billing_cycle_end: '2026-04-10T12:00:00Z',
  usage: {
    total_credits_used: 3,
    total_requests: 5,
    breakdown_by_model: [
      { model: 'gpt-5', credits_used: 2, requests: 4 },
      { model: 'sonar', credits_used: 1, requests: 1 },
    ],
  },
  plan_allocation: 500,
  plan_credits_remaining: 495,
  this_month: { credits_used: 3, requests: 5 },
  by_model: {},
  subscription_status: 'none',
  cancel_at_period_end: false,
  scheduled_change: null,
  payment_issue: false,
  balance_document: 'projects/hub/balances/x',
  is_admin: false,
};

describe('an account', () => {
  test('is the same from the answer and from the published balance', () => {
    expect(accountOfBalance(balance())).toEqual(accountOfUsage(usage));
  });

  test('has rows that add up, whatever was used', () => {
    const models = { a: 1, b: 1_500_000, c: 999_999, d: 2 };
    const used = Object.fromEntries(
      Object.entries(models).map(([name, amount_nanos]) => [name, { amount_nanos, requests: 1 }]),
    );
    const found = accountOfBalance(balance({ models: used }));
    expect(found.models.reduce((sum, row) => sum + row.credits, 0)).toBe(found.used);
    expect(found.used).toBe(3);
    expect(found.models.map((row) => row.model)).toEqual(['b', 'c', 'a', 'd']);
  });

  test('tells of the plan that follows, unless the running one ends', () => {
    const terms = { ...balance().terms, next_plan_code: 'guru', next_plan_at: END };
    expect(accountOfBalance(balance({ terms })).change).toEqual({ plan: 'guru', at: END });
    const ending = { ...terms, cancel_at_period_end: true };
    expect(accountOfBalance(balance({ terms: ending })).change).toBeNull();
  });

  test('that owes something shows it, and has nothing to spend', () => {
    const found = accountOfBalance(balance({ monthly_remaining_nanos: 0, topup_nanos: -1 }));
    expect([found.topup, creditsLeft(found)]).toEqual([-1, 0]);
  });

  test('is subscribed as long as Stripe bills it', () => {
    const account = accountOfUsage(usage);
    const states = [
      'none',
      'canceled',
      'trialing',
      'active',
      'past_due',
      'unpaid',
      'paused',
    ] as const;
    expect(states.filter((status) => isSubscribed({ ...account, status }))).toEqual(
      states.slice(2),
    );
  });
});
