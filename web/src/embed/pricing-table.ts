/** `<pricing-table>`: plans and top-ups from the catalog; a choice leads to the hosted Checkout. */

import type { Connection } from './connection';
import { CreditbaseElement, make } from './element';
import type { Usage } from './standing';

interface Offer {
  code: string;
  name: string;
  price_cents: number;
  credits: number;
  trial_days?: number;
}

interface Offers {
  currency: string;
  plans: Offer[];
  packs: Offer[];
}

const OWNED = ['active', 'trialing', 'past_due', 'unpaid', 'paused'];

export class PricingTable extends CreditbaseElement {
  protected readonly invitation = 'Sign in to see plans and prices.';

  protected async load(connection: Connection): Promise<void> {
    const [usage, offers] = await Promise.all([
      connection.call<Usage>('GET', '/usage/me'),
      connection.call<Offers>('GET', '/plans'),
    ]);
    if (connection !== this.connection) return;
    const plans = offers.plans.map((plan) =>
      this.card(plan, offers.currency, ' a month', plan.code === usage.plan, this.way(plan, usage)),
    );
    const packs = offers.packs.map((pack) =>
      this.card(pack, offers.currency, '', false, ['Buy', '/billing/topup', { amount: pack.code }]),
    );
    this.show(
      make('h3', { class: 'title' }, 'Plans'),
      make('ul', { class: 'offers', part: 'plans' }, ...plans),
      packs.length > 0 && make('h3', { class: 'title' }, 'Top-ups'),
      packs.length > 0 && make('ul', { class: 'offers', part: 'packs' }, ...packs),
    );
  }

  /** What can be done about a plan: its words, the path that it is asked at, and the body. */
  private way(plan: Offer, usage: Usage): [string, string, object] | null {
    if (plan.code === usage.plan) return null;
    if (OWNED.includes(usage.subscription_status)) return ['Change plan', '/billing/portal', {}];
    return plan.price_cents > 0 ? ['Subscribe', '/billing/checkout', { plan: plan.code }] : null;
  }

  private card(
    offer: Offer,
    currency: string,
    rhythm: string,
    isMine: boolean,
    way: [string, string, object] | null,
  ): HTMLElement {
    const digits = offer.price_cents % 100 === 0 ? 0 : 2;
    const price = new Intl.NumberFormat(this.language, {
      style: 'currency',
      currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    const credits = new Intl.NumberFormat(this.language).format(offer.credits);
    return make(
      'li',
      { class: 'offer', part: 'offer', 'data-mine': isMine },
      make('h4', {}, offer.name),
      make(
        'p',
        { class: 'price' },
        price.format(offer.price_cents / 100),
        make('span', { class: 'soft' }, rhythm),
      ),
      make('p', {}, `${credits} credits${rhythm && ' every month'}`),
      Boolean(offer.trial_days) &&
        make('p', { class: 'soft' }, `The first ${offer.trial_days} days are free, once.`),
      isMine && make('p', { class: 'soft' }, 'Your plan'),
      way && this.button(offer, way),
    );
  }

  private button(offer: Offer, [label, path, body]: [string, string, object]): HTMLElement {
    const made = make(
      'button',
      { part: 'button', type: 'button', 'aria-label': `${label}: ${offer.name}` },
      label,
    ) as HTMLButtonElement;
    made.addEventListener('click', () => void this.choose(made, offer, path, body));
    return made;
  }

  private async choose(
    pressed: HTMLButtonElement,
    offer: Offer,
    path: string,
    body: object,
  ): Promise<void> {
    const event = new CustomEvent('creditbase-choose', {
      detail: { code: offer.code, path },
      bubbles: true,
      composed: true,
      cancelable: true,
    });
    if (!this.dispatchEvent(event) || !this.connection) return;
    pressed.disabled = true;
    try {
      const answer = await this.connection.call<{ checkout_url?: string; portal_url?: string }>(
        'POST',
        path,
        body,
      );
      const url = answer.checkout_url ?? answer.portal_url;
      if (url) location.assign(url);
    } catch (error) {
      this.fail(error);
    }
    pressed.disabled = false;
  }
}
