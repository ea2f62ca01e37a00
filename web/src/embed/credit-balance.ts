/** `<credit-balance>`: what the signed-in user has left, moving while it is spent elsewhere. */

import type { Connection } from './connection';
import { CreditbaseElement, make } from './element';
import { readPublished, type Standing, standingOf, type Usage } from './standing';

export class CreditBalance extends CreditbaseElement {
  protected readonly invitation = 'Sign in to see your credits.';
  private told = '';

  protected async load(connection: Connection): Promise<void> {
    // The first look makes the account; only then there is a balance to listen to.
    const usage = await connection.call<Usage>('GET', '/usage/me');
    if (connection !== this.connection) return;
    this.draw(standingOf(usage));
    if (!usage.balance_document) return;
    this.until(
      connection.watch(
        usage.balance_document,
        (fields) => this.draw(readPublished(fields)),
        // The figures that are there stay, and no longer move.
        (error) => this.tellError(error),
      ),
    );
  }

  private draw(now: Standing): void {
    const number = new Intl.NumberFormat(this.language);
    const day = new Intl.DateTimeFormat(this.language, {
      day: 'numeric',
      month: 'long',
      timeZone: 'UTC',
    });
    const topup = Math.max(0, now.topup);
    const whole = Math.max(1, now.monthlyTotal + topup, now.monthly + topup);
    const left = Math.max(0, now.monthly + now.topup);
    const bar = make('div', { class: 'bar', part: 'bar', 'aria-hidden': 'true' });
    for (const [kind, share] of [
      ['monthly', now.monthly],
      ['topup', topup],
    ] as const) {
      const piece = make('i', { class: kind, part: `bar-${kind}` });
      piece.style.width = `${(Math.max(0, share) * 100) / whole}%`;
      bar.append(piece);
    }
    this.show(
      make('p', { class: 'soft', part: 'label' }, 'Credits left'),
      make('p', { class: 'figure', part: 'figure' }, number.format(left)),
      bar,
      make(
        'div',
        { class: 'row soft' },
        make(
          'span',
          {},
          make('span', { class: 'key monthly' }),
          `${number.format(now.monthly)} of ${number.format(now.monthlyTotal)} this month`,
        ),
        make(
          'span',
          {},
          make('span', { class: 'key topup' }),
          `${number.format(now.topup)} from top-ups`,
        ),
        now.held > 0 && make('span', { part: 'held' }, `${number.format(now.held)} held`),
        make('span', {}, `until ${day.format(now.endsAt)}`),
      ),
      now.hasPaymentIssue &&
        make(
          'p',
          { class: 'bad', role: 'alert' },
          'The last payment failed. Please check your card.',
        ),
    );
    const said = JSON.stringify(now);
    if (said === this.told) return;
    this.told = said;
    const detail = { credits: left, monthly: now.monthly, topup: now.topup, held: now.held };
    this.dispatchEvent(
      new CustomEvent('creditbase-balance', { detail, bubbles: true, composed: true }),
    );
  }
}
