/** A customer's credits as pages show them, from `usage_me` or the published balance. Pure. */

import type { Schemas } from './api';
import { creditsDown, creditsUp } from './format';

const NANOS_PER_CREDIT = 1_000_000;

export interface ModelUse {
  model: string;
  credits: number;
  requests: number;
}

export interface Account {
  plan: string;
  monthly: number;
  monthlyTotal: number;
  topup: number;
  held: number;
  windowStart: Date;
  windowEnd: Date;
  used: number;
  requests: number;
  models: ModelUse[];
  status: Schemas['Usage']['subscription_status'];
  isEnding: boolean;
  change: { plan: string; at: Date } | null;
  hasPaymentIssue: boolean;
  /** Why nothing can be spent; empty where it can. Known from the published balance alone. */
  frozen: string;
}

/** The fields of `projects/{p}/balances/{c}` that are shown; docs/data-model.md has them all. */
export interface PublishedBalance {
  terms: {
    plan_code: string;
    allocation_nanos: number;
    subscription_status: Account['status'];
    cancel_at_period_end: boolean;
    payment_issue: boolean;
    next_plan_code: string;
    next_plan_at: Date | null;
  };
  window_start_at: Date;
  window_end_at: Date;
  monthly_remaining_nanos: number;
  topup_nanos: number;
  held_nanos: number;
  frozen: string;
  models: Record<string, { amount_nanos: number; requests: number }>;
  seq: number;
  is_settled: boolean;
}

/** All that can be spent: what is owed after a refund is taken off. */
export const creditsLeft = (account: Account): number =>
  Math.max(0, account.monthly + account.topup);

/** Whether there is a subscription that Stripe knows of. */
export const isSubscribed = (account: Account): boolean =>
  account.status !== 'none' && account.status !== 'canceled';

/** Return what `usage_me` says. */
export function accountOfUsage(usage: Schemas['Usage']): Account {
  return {
    plan: usage.plan,
    monthly: usage.monthly_credits_remaining,
    monthlyTotal: usage.monthly_credits_total,
    topup: usage.topup_balance,
    held: usage.credits_held,
    windowStart: new Date(usage.billing_cycle_start),
    windowEnd: new Date(usage.billing_cycle_end),
    used: usage.usage.total_credits_used,
    requests: usage.usage.total_requests,
    models: usage.usage.breakdown_by_model.map((row) => ({
      model: row.model,
      credits: row.credits_used,
      requests: row.requests,
    })),
    status: usage.subscription_status,
    isEnding: usage.cancel_at_period_end,
    change: usage.scheduled_change
      ? { plan: usage.scheduled_change.plan, at: new Date(usage.scheduled_change.at) }
      : null,
    hasPaymentIssue: usage.payment_issue,
    frozen: '',
  };
}

/** Return the same from the published balance: rounded as the server rounds. */
export function accountOfBalance(balance: PublishedBalance): Account {
  const { terms } = balance;
  const uses = Object.entries(balance.models);
  const amounts = uses.map(([, use]) => use.amount_nanos);
  const isChanging = terms.next_plan_code && terms.next_plan_at && !terms.cancel_at_period_end;
  return {
    plan: terms.plan_code,
    monthly: creditsDown(balance.monthly_remaining_nanos),
    monthlyTotal: creditsDown(terms.allocation_nanos),
    topup: creditsDown(balance.topup_nanos),
    held: creditsUp(balance.held_nanos),
    windowStart: balance.window_start_at,
    windowEnd: balance.window_end_at,
    used: creditsUp(amounts.reduce((sum, nanos) => sum + nanos, 0)),
    requests: uses.reduce((sum, [, use]) => sum + use.requests, 0),
    models: modelRows(balance.models),
    status: terms.subscription_status,
    isEnding: terms.cancel_at_period_end,
    change:
      isChanging && terms.next_plan_at
        ? { plan: terms.next_plan_code, at: terms.next_plan_at }
        : null,
    hasPaymentIssue: terms.payment_issue,
    frozen: balance.frozen,
  };
}

/** Return a row a model, the dearest first; by largest remainder, so that they add up. */
function modelRows(models: PublishedBalance['models']): ModelUse[] {
  const rows = Object.entries(models)
    .map(([model, use]) => ({
      model,
      requests: use.requests,
      nanos: use.amount_nanos,
      credits: creditsDown(use.amount_nanos),
      rest: use.amount_nanos % NANOS_PER_CREDIT,
    }))
    .sort((one, other) => other.nanos - one.nanos || order(one.model, other.model));
  const total = creditsUp(rows.reduce((sum, row) => sum + row.nanos, 0));
  const missing = total - rows.reduce((sum, row) => sum + row.credits, 0);
  const byRest = [...rows].sort((one, other) => other.rest - one.rest);
  for (const row of byRest.slice(0, missing)) row.credits += 1;
  return rows
    .sort((one, other) => other.credits - one.credits || order(one.model, other.model))
    .map(({ model, credits, requests }) => ({ model, credits, requests }));
}

const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
