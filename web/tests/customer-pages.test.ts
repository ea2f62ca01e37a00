/** What the ledger, the vouchers and the playground make of what they are told. */

import { describe, expect, test } from 'vitest';
import { addressOf, askedBy, changeText, filtersOf } from '../src/customer/ledger-query';
import { type CallEvent, eventsOf } from '../src/customer/model-call';
import { callable, IDLE, refusedCall, stepsOf } from '../src/customer/playground-call';
import { refusedVoucher } from '../src/customer/voucher-words';

describe('the address of the ledger', () => {
  test('says all that is shown, and comes back the same', () => {
    const asked = { kind: 'capture', from: '2026-11-01', to: '2026-11-30', cursor: '70' } as const;
    const query = Object.fromEntries(new URL(addressOf(asked), 'http://a').searchParams);
    expect(askedBy(query)).toEqual(asked);
  });

  test('what nobody can mean is left out', () => {
    const odd = { kind: 'toString', from: '2026-13-45', to: 'x', cursor: '-1' };
    expect(askedBy(odd)).toEqual({ kind: '', from: '', to: '', cursor: '' });
  });

  test('the last day is shown whole, also over the end of a year', () => {
    expect(filtersOf({ kind: '', from: '', to: '2026-12-31', cursor: '' })).toEqual({
      to: '2027-01-01',
    });
  });

  test('a change has its sign', () => {
    const changes = [500_000_000, -1_200_000, 0].map(changeText);
    expect(changes).toEqual(['+500 credits', '−1.2 credits', '0 credits']);
  });
});

function streamed(...pieces: string[]): Response {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece));
  const body = new ReadableStream({
    start(control) {
      for (const piece of bytes) control.enqueue(piece);
      control.close();
    },
  });
  const headers = { 'X-Creditbase-Hold-Id': 'hold_x', 'X-Creditbase-Held-Nanos': '70' };
  return new Response(body, { headers });
}

async function told(response: Response): Promise<CallEvent[]> {
  const events: CallEvent[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

const HELD = { kind: 'held', holdId: 'hold_x', heldNanos: 70 };

describe('an answer of the gateway', () => {
  test('is told word by word, wherever the network cuts it', async () => {
    const whole =
      'data: {"choices":[{"delta":{"content":"Grüß "}}]}\n\n: still working\n\n' +
      'data: {"choices":[{"delta":{"content":"dich"}}]}\n\n' +
      'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    expect(await told(streamed(...whole))).toEqual([
      HELD,
      { kind: 'word', text: 'Grüß ' },
      { kind: 'word', text: 'dich' },
      { kind: 'done', promptTokens: 3, completionTokens: 2 },
    ]);
  });

  test('that ends without its mark is no whole one', async () => {
    const events = await told(streamed('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'));
    expect(events.map((event) => event.kind)).toEqual(['held', 'word', 'broken']);
  });

  test('that the provider breaks off says so', async () => {
    const events = await told(streamed('data: {"error":{"message":"Overloaded"}}\n\n'));
    expect(events).toEqual([HELD, { kind: 'broken', message: 'Overloaded' }]);
  });
});

describe('a call and the credits', () => {
  test('goes from held to charged, and the rest comes back', () => {
    const held = stepsOf({ ...IDLE, state: 'answering', heldNanos: 100 });
    const done = stepsOf({ ...IDLE, state: 'done', heldNanos: 100, chargedNanos: 30 });
    expect(held.map((step) => step.nanos)).toEqual([100, undefined, undefined]);
    expect(done.map((step) => step.nanos)).toEqual([100, 30, 70]);
  });

  test('that is not covered says by how much, until when, and what to do', () => {
    const figures = {
      required_nanos: 9_500_000,
      available_nanos: 1_000_000,
      limit_source: 'wallet',
      next_credits_at: '2026-12-03T00:00:00Z',
    };
    const words = refusedCall({ status: 402, code: 'PAYMENT_REQUIRED', message: '', figures });
    const text = words.sentences.join(' ');
    for (const part of ['9.5 credits', '1 credit.', '3 December 2026', 'nothing was charged']) {
      expect(text).toContain(part);
    }
    expect(words.action?.address).toBe('/app/plans');
  });

  test('of another trouble never sends anybody to pay', () => {
    for (const status of [0, 400, 403, 429, 500, 503]) {
      const words = refusedCall({ status, code: '', message: 'No.', figures: {} });
      expect(words.action).toBeUndefined();
    }
  });

  test('is offered for models that talk, the local ones first', () => {
    const model = (key: string, category: string, is_custom: boolean) =>
      ({ key, category, is_custom }) as Parameters<typeof callable>[0][number];
    const listed = [
      model('gpt', 'chat', false),
      model('image', 'image', false),
      model('own', 'chat', true),
      model('local-slow', 'chat', true),
    ];
    expect(callable(listed).map((one) => one.key)).toEqual(['local-slow', 'own', 'gpt']);
  });
});

describe('a voucher that is refused', () => {
  const refusal = (code: string, more = {}) =>
    refusedVoucher({
      code,
      status: 400,
      message: 'As it is.',
      retryAfterS: 0,
      isPassing: false,
      ...more,
    });

  test('has words of its own for each reason', () => {
    const codes = [
      ...['INVALID_VOUCHER', 'VOUCHER_ALREADY_REDEEMED', 'RATE_LIMITED'],
      ...['INVALID_REQUEST', 'APP_CHECK_FAILED', 'FORBIDDEN'],
    ];
    expect(new Set(codes.map((code) => refusal(code))).size).toBe(codes.length);
  });

  test('says when to come back, rounded up', () => {
    expect(refusal('RATE_LIMITED', { retryAfterS: 61 })).toContain('in 2 minutes');
  });

  test('may be tried again where the server did not answer', () => {
    expect(refusal('INTERNAL', { isPassing: true })).toContain('never redeemed twice');
    expect(refusal('SOMETHING_NEW')).toBe('As it is.');
  });
});
