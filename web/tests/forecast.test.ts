/** The day credits run out: a promise of a sort, so it is never later than the figures say. */

import { describe, expect, test } from 'vitest';
import { type DayUse, forecast, type Outlook, perDayOf } from '../src/customer/forecast';

const NOW = new Date('2026-03-10T12:00:00Z');

const outlook = (fields: Partial<Outlook> = {}): Outlook => ({
  monthly: 500,
  monthlyTotal: 500,
  topup: 0,
  windowEnd: new Date('2026-04-01T00:00:00Z'),
  renews: true,
  ...fields,
});

/** Thirty days; the last ones as given, none before. */
const days = (...used: number[]): DayUse[] =>
  [...Array(30 - used.length).fill(0), ...used].map((credits_used, index) => ({
    date: `2026-02-${index + 1}`,
    credits_used,
  }));

describe('an average day', () => {
  test('is of the last week, with its idle days', () => {
    expect(perDayOf(days(900, 7, 0, 0, 7, 0, 0, 7))).toBe(3);
  });

  test('begins with the first use, so that a newcomer is not made thrifty', () => {
    expect(perDayOf(days(40, 20))).toBe(30);
  });

  test('is nothing where nothing was used', () => {
    expect(perDayOf(days())).toBe(0);
  });
});

describe('the day that credits run out', () => {
  test('comes before the window ends where the use is fast', () => {
    expect(forecast(outlook(), days(100), NOW)).toEqual({
      kind: 'ends',
      at: new Date('2026-03-15T12:00:00Z'),
      perDay: 100,
    });
  });

  test('is put off by top-ups, which are used after the credits of the month', () => {
    const found = forecast(outlook({ topup: 200 }), days(100), NOW);
    expect(found).toMatchObject({ at: new Date('2026-03-17T12:00:00Z') });
  });

  test('never comes where each month brings more than it takes', () => {
    expect(forecast(outlook(), days(10), NOW)).toEqual({ kind: 'lasts', perDay: 10 });
  });

  test('counts the credits of months to come, and that nothing of a month is kept', () => {
    // 25 a day: March is covered, April's 500 credits end on its 21st day.
    const found = forecast(outlook({ monthly: 550 }), days(25), NOW);
    expect(found).toMatchObject({ kind: 'ends', at: new Date('2026-04-21T12:00:00Z') });
  });

  test('comes after the window where the plan ends with it', () => {
    const found = forecast(outlook({ renews: false }), days(10), NOW);
    expect(found).toMatchObject({ kind: 'ends', at: new Date('2026-04-01T12:00:00Z') });
  });

  test('is now where nothing is left', () => {
    expect(forecast(outlook({ monthly: 0 }), days(10), NOW)).toEqual({ kind: 'empty' });
  });

  test('is unknown where nothing is used', () => {
    expect(forecast(outlook(), days(), NOW)).toEqual({ kind: 'unused' });
  });

  test('knows short months', () => {
    const ends = new Date('2026-01-31T00:00:00Z');
    const found = forecast(
      outlook({ windowEnd: ends, monthly: 10, monthlyTotal: 10 }),
      days(1),
      new Date('2026-01-30T00:00:00Z'),
    );
    // ten credits from 31 January; the next come on 28 February, ten days' worth each time
    expect(found).toMatchObject({ kind: 'ends', at: new Date('2026-02-10T00:00:00Z') });
  });
});
