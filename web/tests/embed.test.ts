/** What the embeddable elements make of what they are told. */

import { describe, expect, test } from 'vitest';
import { Connection, type HostApp } from '../src/embed/connection';
import { readPublished, standingOf, type Usage } from '../src/embed/standing';

const ENDS_AT = new Date('2026-12-03T00:00:00Z');

describe('what a user has', () => {
  test('is the same from the API and from the published balance', () => {
    const usage = {
      monthly_credits_total: 500,
      monthly_credits_remaining: 499,
      topup_balance: -2,
      credits_held: 1,
      billing_cycle_end: ENDS_AT.toISOString(),
      payment_issue: false,
    } as Usage;
    const published = {
      terms: { allocation_nanos: 500_000_000, payment_issue: false },
      monthly_remaining_nanos: 499_999_999,
      topup_nanos: -1_000_001,
      held_nanos: 1,
      window_end_at: { toDate: () => ENDS_AT },
    };
    expect(readPublished(published)).toEqual(standingOf(usage));
  });

  test('with nothing held has no minus zero', () => {
    const { held } = readPublished({ held_nanos: 0, window_end_at: { toDate: () => ENDS_AT } });
    expect(Object.is(held, 0)).toBe(true);
  });
});

function appWith(parts: Record<string, unknown>): HostApp {
  const getProvider = (name: string) => ({ getImmediate: () => parts[name] ?? null });
  return { name: '[DEFAULT]', options: {}, container: { getProvider } };
}

const SETTINGS = { firebase: {} };

describe('the page’s own Firebase app', () => {
  test('tells who is signed in once for each, however often its token is renewed', () => {
    let uid: string | null = 'ada';
    const listeners = new Set<(token: string | null) => void>();
    const auth = {
      getUid: () => uid,
      addAuthTokenListener: (listener: () => void) => listeners.add(listener),
      removeAuthTokenListener: (listener: () => void) => listeners.delete(listener),
    };
    const seen: (string | null)[] = [];
    const connection = new Connection('', appWith({ 'auth-internal': auth }), SETTINGS);
    const stop = connection.onUser((now) => seen.push(now));
    const renew = () => {
      for (const listener of listeners) listener('token');
    };
    renew();
    renew();
    uid = null;
    renew();
    stop();
    expect(seen).toEqual(['ada', null]);
    expect(listeners.size).toBe(0);
  });

  test('without Auth is refused in words', () => {
    const connection = new Connection('', appWith({}), SETTINGS);
    expect(() => connection.onUser(() => {})).toThrow('Firebase Authentication');
  });
});
