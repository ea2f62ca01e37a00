/** `<usage-chart days="30">`: what was used on each day, as bars and as a table. */

import type { Connection } from './connection';
import { CreditbaseElement, make } from './element';

interface Days {
  total_credits_used: number;
  total_requests: number;
  days: { date: string; credits_used: number; requests: number }[];
}

const DAYS = 30;
const DAYS_MAX = 366;

export class UsageChart extends CreditbaseElement {
  static override readonly observedAttributes = [...CreditbaseElement.observedAttributes, 'days'];
  protected readonly invitation = 'Sign in to see your usage.';

  protected async load(connection: Connection): Promise<void> {
    const asked = Number.parseInt(this.getAttribute('days') ?? '', 10);
    const count = Math.min(DAYS_MAX, Math.max(1, asked || DAYS));
    const first = new Date(Date.now() - (count - 1) * 86_400_000).toISOString().slice(0, 10);
    const [used, { drawBars }] = await Promise.all([
      connection.call<Days>('GET', `/usage/days?start_date=${first}`),
      import('./bars'),
    ]);
    if (connection !== this.connection) return;
    const number = new Intl.NumberFormat(this.language);
    const day = new Intl.DateTimeFormat(this.language, {
      day: 'numeric',
      month: 'short',
      timeZone: 'UTC',
    });
    const sum = `${number.format(used.total_credits_used)} credits, ${number.format(used.total_requests)} requests`;
    const canvas = make('canvas', {
      role: 'img',
      'aria-label': `Credits used on each of ${used.days.length} days: ${sum}`,
    });
    this.show(
      make(
        'div',
        { class: 'row' },
        make('span', { class: 'soft', part: 'label' }, `Used in ${used.days.length} days`),
        make('span', { part: 'figure' }, sum),
      ),
      used.total_requests === 0
        ? this.notice('Nothing was used on these days.', 'status')
        : make('div', { class: 'chart' }, canvas),
      make(
        'details',
        {},
        make('summary', {}, 'Show as a table'),
        make(
          'div',
          { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Usage by day' },
          table(used, day, number),
        ),
      ),
    );
    if (used.total_requests === 0) return;
    const labels = used.days.map((it) => day.format(new Date(it.date)));
    this.until(
      drawBars(
        canvas as HTMLCanvasElement,
        labels,
        used.days.map((it) => it.credits_used),
      ),
    );
  }
}

function table(used: Days, day: Intl.DateTimeFormat, number: Intl.NumberFormat): HTMLElement {
  const head = ['Day', 'Credits', 'Requests'].map((name) => make('th', { scope: 'col' }, name));
  const rows = [...used.days]
    .reverse()
    .map((it) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, day.format(new Date(it.date))),
        make('td', {}, number.format(it.credits_used)),
        make('td', {}, number.format(it.requests)),
      ),
    );
  return make('table', {}, make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows));
}
