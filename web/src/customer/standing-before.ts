/** What was there before the page was left for Stripe's, to compare with what is. Pure. */

import type { Account } from '../app/account';

export type Before = Pick<Account, 'plan' | 'topup' | 'status' | 'isEnding'> & { change: string };

/** Return what of an account a visit to Stripe's pages may change. */
export function standingOf(now: Account): Before {
  const { plan, topup, status, isEnding, change } = now;
  return { plan, topup, status, isEnding, change: change?.plan ?? '' };
}

/** Whether the subscription is another than it was. */
export function isChanged(before: Before, now: Account): boolean {
  const { topup: _, ...is } = standingOf(now);
  const { topup: __, ...was } = before;
  return JSON.stringify(is) !== JSON.stringify(was);
}
