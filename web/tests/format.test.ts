/** What people read of money and days. */

import { describe, expect, test } from 'vitest';
import { credits, creditsDown, creditsExactly, creditsUp, dollars, money } from '../src/app/format';

describe('credits of nanos', () => {
  test('what remains rounds down, what is used rounds up', () => {
    expect([creditsDown(2_999_999), creditsUp(2_000_001)]).toEqual([2, 3]);
  });

  test('a debt rounds away from zero: it is never shown smaller than it is', () => {
    expect(creditsDown(-1)).toBe(-1);
  });

  test('the largest wallet is exact to the nano', () => {
    const most = 9_007_199_254 * 1_000_000;
    expect([creditsDown(most - 1), creditsDown(most)]).toEqual([9_007_199_253, 9_007_199_254]);
  });

  test('nothing is zero, and not minus zero', () => {
    expect(Object.is(creditsUp(0), 0)).toBe(true);
  });
});

describe('words', () => {
  test('one credit is one', () => {
    expect([credits(1), credits(1200)]).toEqual(['1 credit', '1,200 credits']);
  });

  test('a receipt shows every nano', () => {
    expect(creditsExactly(4215)).toBe('0.004215 credits');
  });

  test('whole prices have no cents, others have two', () => {
    expect([money(1000), money(450)]).toEqual(['$10', '$4.50']);
  });

  test('small amounts show what matters of them', () => {
    expect([dollars(42_000), dollars(12_340_000_000)]).toEqual(['$0.000042', '$12.34']);
  });
});
