/** What is sold, and how a page leaves for Stripe and knows afterwards what came of it. */

import { api, call, ok, type Schemas } from '../app/api';
import { account } from '../app/balance';
import { toast } from '../app/components/toast';
import { titled } from '../app/format';
import { type Resource, useResource } from '../app/resource';
import { type Before, standingOf } from './standing-before';

export type Plan = Schemas['PlanOffer'];
export type Pack = Schemas['Offer'];

export interface Offers {
  currency: string;
  plans: Plan[];
  packs: Pack[];
}

/** The pricing table. */
export function useOffers(): Resource<Offers> {
  return useResource('plans', () => ok(api.GET('/plans')));
}

/** A plan's name: the catalog's, or made of its code. */
export const planName = (offers: Offers | undefined, code: string): string =>
  offers?.plans.find((plan) => plan.code === code)?.name ?? titled(code);

const BEFORE = 'billing:before';

function remember(): void {
  if (account.value) sessionStorage.setItem(BEFORE, JSON.stringify(standingOf(account.value)));
}

/** Return what was remembered; undefined in another browser or tab. */
export function before(): Before | undefined {
  const written = sessionStorage.getItem(BEFORE);
  return written ? (JSON.parse(written) as Before) : undefined;
}

/** It is known what came of it. */
export function forgetBefore(): void {
  sessionStorage.removeItem(BEFORE);
}

async function leave(opening: Promise<string>): Promise<void> {
  try {
    const address = await opening;
    remember();
    location.assign(address);
    // The button stays busy until the other page is there.
    await new Promise(() => {});
  } catch (problem) {
    toast(problem instanceof Error ? problem.message : 'That did not work.', 'bad');
  }
}

/** Go to Stripe's page to subscribe to a plan. */
export const subscribe = (plan: string): Promise<void> =>
  leave(call('billing_checkout', { plan }).then((opened) => opened.checkout_url));

/** Go to Stripe's page to buy a pack. */
export const buy = (pack: string): Promise<void> =>
  leave(call('billing_topup', { amount: pack }).then((opened) => opened.checkout_url));

/** Go to Stripe's portal: cards, invoices, change and cancellation of the plan. */
export const openPortal = (): Promise<void> =>
  leave(call('billing_portal').then((opened) => opened.portal_url));
