/**
 * The signed-in customer's credits, live: `usage_me` first, which also makes the account of who
 * comes for the first time, then the published balance as Firestore pushes it.
 */

import { effect, signal } from '@preact/signals';
import { type Account, accountOfBalance, accountOfUsage } from './account';
import { type ApiError, asApiError, call } from './api';
import { planFollower } from './claims';
import { claimedPlan, uid } from './session';

/** Soon enough that what was charged is seen within five seconds. */
const SETTLE_SOON_MS = 3_500;

/** So often in a minute; a user may ask ten times. */
const SOON_IN_A_MINUTE = 8;

/** Else longer than the five seconds between two publications, so that steady use never asks. */
const SETTLE_AFTER_MS = 7_000;

/** What there is; undefined until it is known. */
export const account = signal<Account | undefined>(undefined);

/** Why it is not known. */
export const accountError = signal<ApiError | undefined>(undefined);

/** Whether Firestore pushes changes. */
export const isLive = signal(false);

/** Whether the signed-in user may use the admin's pages; the server decides at each request. */
export const isAdmin = signal(false);

let stop: (() => void) | undefined;
let settling: number | undefined;
let askedAt: number[] = [];

effect(() => {
  const current = uid.value;
  stop?.();
  stop = undefined;
  window.clearTimeout(settling);
  account.value = undefined;
  accountError.value = undefined;
  isLive.value = false;
  isAdmin.value = false;
  if (current) void follow(current);
});

/** Ask again, where asking has failed. */
export function retryBalance(): void {
  if (uid.value) void follow(uid.value);
}

async function follow(current: string): Promise<void> {
  try {
    accountError.value = undefined;
    const usage = await call('usage_me');
    if (uid.value !== current) return;
    account.value = accountOfUsage(usage);
    isAdmin.value = usage.is_admin;
    afterPaint(() => void listen(current, usage.balance_document));
  } catch (problem) {
    if (uid.value === current) accountError.value = asApiError(problem);
  }
}

/** Firestore is large: it comes when the page is on the screen. */
function afterPaint(act: () => void): void {
  requestAnimationFrame(() => setTimeout(act, 0));
}

async function listen(current: string, path: string): Promise<void> {
  const { listenTo } = await import('./firestore');
  const follow = planFollower({
    plan: claimedPlan,
    wait: (forMs) => new Promise((done) => setTimeout(done, forMs)),
  });
  const unsubscribe = await listenTo(path, {
    changed: (balance) => {
      if (uid.value !== current) return;
      // Where there is no network the next hour's token brings it.
      follow(balance.terms.plan_code).catch(() => {});
      account.value = accountOfBalance(balance);
      isLive.value = true;
      settle(balance.is_settled);
    },
    failed: () => {
      if (uid.value === current) isLive.value = false;
    },
  });
  if (uid.value !== current) return unsubscribe();
  stop?.();
  stop = unsubscribe;
}

/**
 * Of a burst of calls the last ones are not published by themselves before a minute has passed.
 * So once it is quiet after an unsettled publication, ask for the settled one: once, and only
 * where somebody looks.
 */
function settle(isSettled: boolean): void {
  window.clearTimeout(settling);
  if (isSettled) return;
  askedAt = askedAt.filter((at) => at > Date.now() - 60_000);
  const waitMs = askedAt.length < SOON_IN_A_MINUTE ? SETTLE_SOON_MS : SETTLE_AFTER_MS;
  settling = window.setTimeout(() => {
    if (document.visibilityState === 'visible') syncQuietly();
    else document.addEventListener('visibilitychange', syncQuietly, { once: true });
  }, waitMs);
}

function syncQuietly(): void {
  askedAt.push(Date.now());
  // Where it fails, the minute's publication comes all the same.
  if (uid.value) call('billing_sync_balance').catch(() => {});
}
