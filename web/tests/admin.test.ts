import { describe, expect, it } from 'vitest';
import { ageS, duration, margin, nanosOf, worded } from '../src/admin/figures';

describe('figures of administrators', () => {
  it.each([
    ['1', 1_000_000],
    ['-12.5', -12_500_000],
    ['0.000001', 1],
    [' 7 ', 7_000_000],
    ['0', 0],
    ['1.0000001', null],
    ['1e3', null],
    ['--1', null],
    ['.5', null],
    ['', null],
    ['9999999999', null],
  ])('reads %s credits to the nano, or not at all', (typed, nanos) => {
    expect(nanosOf(typed)).toBe(nanos);
  });

  it('shows no margin where nothing was earned', () => {
    expect([margin(null), margin(28.57), margin(-4)]).toEqual(['–', '28.6%', '-4%']);
  });

  it('says how long something waits in one unit', () => {
    expect([0, 59, 60, 3_599, 7_200, 172_799, 172_800].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '59 min',
      '2 h',
      '47 h',
      '2 days',
    ]);
  });

  it('never says that something is younger than now', () => {
    const now = new Date('2026-03-10T12:00:00Z');
    expect([ageS('2026-03-10T11:59:00Z', now), ageS('2026-03-10T12:01:00Z', now)]).toEqual([60, 0]);
  });

  it('says names of the code in words', () => {
    expect(worded('roll_up_usage')).toBe('Roll up usage');
  });
});
