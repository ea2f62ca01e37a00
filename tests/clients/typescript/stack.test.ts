// The client against the running stack, as a back end, a signed-in user and a customer.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';
import {
  Conflict,
  Creditbase,
  customerToken,
  firebaseUser,
  IdempotencyConflict,
  NotFound,
  NothingReported,
  PaymentRequired,
  Refused,
  secretKey,
  ServerFailed,
  Unauthenticated,
  Unreachable,
} from 'creditbase-client';

const env = process.env as Record<string, string>;
const customer_external_id = env.CUSTOMER;
const backEnd = new Creditbase(env.METER_URL, secretKey(env.HUB_SECRET_KEY));
const key = () => `test:${randomUUID()}`;

async function available(): Promise<number> {
  const body = { customer_external_id, model: 'gpt-5-mini', prompt_tokens: 1 };
  return (await backEnd.call('make_quote', { body })).balance.available_nanos;
}

async function shown(hold_id: string) {
  return (await backEnd.call('show_hold', { path: { hold_id } })).hold;
}

before(async () => {
  const user = new Creditbase(
    env.HUB_URL,
    firebaseUser(env.ID_TOKEN, () => env.APP_CHECK_TOKEN),
  );
  const usage = await user.call('usage_me', {});
  assert.equal(usage.monthly_credits_total, 500);
});

test('a charge is the same by the same key, and the price is the quoted one', async () => {
  const usage = { input_tokens: 1000, output_tokens: 100 };
  const model = 'gpt-5-mini';
  const quoted = await backEnd.call('make_quote', {
    body: { customer_external_id, model, usage_max: usage },
  });
  const asked = { idempotencyKey: key(), body: { customer_external_id, model, usage } };

  const first = await backEnd.call('charge', asked);
  const again = await backEnd.call('charge', asked);

  assert.deepEqual(again, first);
  assert.equal(first.charge.captured_nanos, quoted.quote.amount_nanos);
});

test('a lost reply is asked for again by the same key, and charged once', async () => {
  const sent: (string | null)[] = [];
  const losing = new Creditbase(env.METER_URL, secretKey(env.HUB_SECRET_KEY), {
    retries: { firstPauseS: 0.01 },
    fetch: async (url, init) => {
      sent.push(new Headers(init?.headers).get('Idempotency-Key'));
      const answer = await fetch(url, init);
      if (sent.length === 1) throw new TypeError('the reply was lost');
      return answer;
    },
  });
  const beforeNanos = await available();
  const idempotencyKey = key();

  const { balance } = await losing.call('charge', {
    idempotencyKey,
    body: { customer_external_id, amount_nanos: 1_000_000 },
  });

  assert.deepEqual(sent, [idempotencyKey, idempotencyKey]);
  assert.equal(balance.available_nanos, beforeNanos - 1_000_000);
});

test('what a block used is captured, also after its hold was extended', async () => {
  const request = { idempotencyKey: key(), customer_external_id, amount_nanos: 5_000_000 };

  const id = await backEnd.hold({ ...request, ttl_s: 2 }, async (held) => {
    const first = held.hold.expires_at;
    held.used({ amount_nanos: 2_000_000 });
    while (held.hold.expires_at === first) {
      assert.equal(held.extensionProblem, undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return held.hold.id;
  });

  const { status, captured_nanos } = await shown(id);
  assert.deepEqual({ status, captured_nanos }, { status: 'captured', captured_nanos: 2_000_000 });
});

test('a block that throws, or says nothing, takes nothing', async () => {
  const beforeNanos = await available();
  const ids: string[] = [];
  const held = (end: () => void) =>
    backEnd.hold(
      { idempotencyKey: key(), customer_external_id, amount_nanos: 3_000_000 },
      async ({ hold }) => {
        ids.push(hold.id);
        end();
      },
    );

  await assert.rejects(
    held(() => {
      throw new RangeError('the model failed');
    }),
    RangeError,
  );
  await assert.rejects(
    held(() => {}),
    NothingReported,
  );

  const statuses = await Promise.all(ids.map(async (id) => (await shown(id)).status));
  assert.deepEqual(statuses, ['voided', 'voided']);
  assert.equal(await available(), beforeNanos);
});

test('an action that is repeated is paid once, and an attempt that failed is none', async () => {
  const beforeNanos = await available();
  const request = { idempotencyKey: key(), customer_external_id, amount_nanos: 3_000_000 };
  const fails = backEnd.hold(request, async () => {
    throw new RangeError('the model failed');
  });
  const pay = () =>
    backEnd.hold(request, async (held) => {
      held.used({ amount_nanos: 1_000_000 });
      return held.hold.id;
    });

  await assert.rejects(fails, RangeError);
  const first = await pay();
  const again = await pay();

  assert.equal(again, first);
  assert.equal((await shown(first)).status, 'captured');
  assert.equal(await available(), beforeNanos - 1_000_000);
});

test('what cannot be extended is captured all the same', async () => {
  let isSignedOut = false;
  const forgetful = new Creditbase(env.METER_URL, async () => {
    if (isSignedOut) throw new RangeError('no token');
    return await secretKey(env.HUB_SECRET_KEY)();
  });
  const request = { idempotencyKey: key(), customer_external_id, amount_nanos: 3_000_000 };

  const id = await forgetful.hold({ ...request, ttl_s: 2 }, async (held) => {
    isSignedOut = true;
    while (held.extensionProblem === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    isSignedOut = false;
    held.used({ amount_nanos: 2_000_000 });
    return held.hold.id;
  });

  assert.equal((await shown(id)).captured_nanos, 2_000_000);
});

test('the end of a scope captures what was reported, and voids where nothing was', async () => {
  const ids: string[] = [];
  const use = async (amount_nanos?: number) => {
    const request = { idempotencyKey: key(), customer_external_id, amount_nanos: 3_000_000 };
    await using held = await backEnd.hold(request);
    ids.push(held.hold.id);
    if (amount_nanos === undefined) throw new RangeError('the model failed');
    held.used({ amount_nanos });
  };

  await use(1_000_000);
  await assert.rejects(use(), RangeError);

  const ended = await Promise.all(ids.map(shown));
  assert.deepEqual(
    ended.map(({ status, captured_nanos }) => [status, captured_nanos]),
    [
      ['captured', 1_000_000],
      ['voided', 0],
    ],
  );
});

test('a refusal has its code, its status and the figures', async () => {
  const availableNanos = await available();
  const asked = backEnd.call('charge', {
    idempotencyKey: key(),
    body: { customer_external_id, amount_nanos: 10 ** 15 },
  });

  await assert.rejects(asked, (refused) => {
    assert.ok(refused instanceof PaymentRequired);
    assert.equal(refused.code, 'PAYMENT_REQUIRED');
    assert.equal(refused.status, 402);
    assert.equal(refused.retryable, false);
    assert.equal(refused.availableNanos, availableNanos);
    assert.equal(refused.requiredNanos, 10 ** 15);
    assert.equal(refused.facts.limit_source, 'wallet');
    assert.notEqual(refused.requestId, '');
    return true;
  });
});

test('a customer sees its own balance with its token, and nobody without', async () => {
  const relay = new Creditbase(env.HUB_URL, secretKey(env.RELAY_SECRET_KEY));
  const external_id = `ts/${randomUUID()}`;
  const email = `${randomUUID()}@example.com`;
  await relay.call('upsert_customer', { body: { external_id, email } });
  const minted = await relay.call('mint_customer_token', {
    body: { customer_external_id: external_id, tier_code: 'free' },
  });

  const itself = new Creditbase(
    env.HUB_URL,
    customerToken(() => minted.token),
  );
  const { customer } = await itself.call('me', {});
  const nobody = new Creditbase(env.HUB_URL, customerToken('mr_ct_no'));

  assert.equal(customer.customer.external_id, external_id);
  await assert.rejects(
    nobody.call('me', {}),
    (refused) => refused instanceof Refused && refused.status === 401,
  );
});

test('pages follow each other row by row, and a ledger is a table too', async () => {
  const user = new Creditbase(
    env.HUB_URL,
    firebaseUser(env.ID_TOKEN, () => env.APP_CHECK_TOKEN),
  );
  const charge = { customer_external_id, amount_nanos: 1_000_000 };
  for (let count = 0; count < 3; count += 1) {
    await backEnd.call('charge', { idempotencyKey: key(), body: charge });
  }

  const seqs: number[] = [];
  for await (const row of user.iterate('ledger', { query: { limit: 2 } })) seqs.push(row.seq);
  const table = await user.callForText('ledger', { query: { format: 'csv' } });

  assert.ok(seqs.length > 3);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => seqs.length - index),
  );
  assert.equal(table.trim().split('\n').length, seqs.length + 1);
});

test('a refusal has the class of its status', async () => {
  const idempotencyKey = key();
  const body = { customer_external_id, amount_nanos: 1_000 };
  const { hold } = await backEnd.call('place_hold', { idempotencyKey, body });
  const path = { hold_id: hold.id };
  await backEnd.call('void_hold', { path });
  const stranger = new Creditbase(env.METER_URL, secretKey('mr_sk_wrong'));
  const fetch = async () => new Response('{"code": "CONTENTION"}', { status: 503 });
  const failing = new Creditbase(env.METER_URL, secretKey('k'), {
    fetch,
    retries: { triesMax: 1 },
  });

  const other = { idempotencyKey, body: { ...body, amount_nanos: 2_000 } };
  await assert.rejects(backEnd.call('place_hold', other), IdempotencyConflict);
  const late = { path, body: { amount_nanos: 1 } };
  await assert.rejects(backEnd.call('capture_hold', late), Conflict);
  await assert.rejects(
    backEnd.call('show_customer_by_external_id', { path: { external_id: key() } }),
    NotFound,
  );
  await assert.rejects(stranger.call('show_hold', { path }), Unauthenticated);
  await assert.rejects(failing.call('show_hold', { path }), ServerFailed);
  const page = async () => new Response('<h1>Sign in</h1>');
  const proxied = new Creditbase(env.METER_URL, secretKey('k'), { fetch: page });
  await assert.rejects(proxied.call('show_hold', { path }), Unreachable);
});
