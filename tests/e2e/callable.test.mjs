// The hub as a web developer uses it: the real Firebase web SDK, signed in, with App Check,
// against the running stack. Results, error codes and details, and the same through `fetch`.
//
// Needs the environment that `make up` writes (.run/env).

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { initializeApp, deleteApp } from 'firebase/app';
import { CustomProvider, initializeAppCheck } from 'firebase/app-check';
import { connectAuthEmulator, getAuth, signInAnonymously, signOut } from 'firebase/auth';
import {
  connectFunctionsEmulator,
  getFunctions,
  httpsCallable,
  httpsCallableFromURL,
} from 'firebase/functions';

const HOUR_MS = 3_600_000;

const needed = [
  'APP_CHECK_TOKEN',
  'FIREBASE_AUTH_EMULATOR_HOST',
  'FUNCTIONS_URL',
  'GCLOUD_PROJECT',
  'HUB_URL',
];
const env = Object.fromEntries(
  needed.map((name) => {
    assert.ok(process.env[name], `${name} is not set: start the stack and load its .run/env`);
    return [name, process.env[name]];
  }),
);
const REGION = env.FUNCTIONS_URL.split('/').at(-1);

/** Start an app of its own. `attestation` is what its App Check sends. */
function startApp(attestation = env.APP_CHECK_TOKEN) {
  const app = initializeApp(
    { apiKey: 'local', projectId: env.GCLOUD_PROJECT, appId: '1:210000000000:web:creditbase' },
    randomUUID(),
  );
  initializeAppCheck(app, {
    provider: new CustomProvider({
      getToken: async () => ({ token: attestation, expireTimeMillis: Date.now() + HOUR_MS }),
    }),
    isTokenAutoRefreshEnabled: false,
  });
  const auth = getAuth(app);
  connectAuthEmulator(auth, `http://${env.FIREBASE_AUTH_EMULATOR_HOST}`, {
    disableWarnings: true,
  });
  const functions = getFunctions(app, REGION);
  const { hostname, port } = new URL(env.FUNCTIONS_URL);
  connectFunctionsEmulator(functions, hostname, Number(port));
  const call = async (name, argument) => (await httpsCallable(functions, name)(argument)).data;
  return { app, auth, functions, call };
}

/** Return the error that a promise is rejected with. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('it was not refused');
}

/** Assert that a call was refused with these codes, in the SDK's words and in ours. */
function assertRefused(error, { firebase, code, http }) {
  assert.equal(error.code, `functions/${firebase}`);
  assert.equal(error.details.code, code);
  assert.equal(error.details.http_status, http);
  assert.match(error.details.request_id, /^req_[0-9a-f]{24}$/);
  assert.ok(error.message.length > 0);
}

let hub;

before(async () => {
  hub = startApp();
  await signInAnonymously(hub.auth);
});

after(async () => {
  await signOut(hub.auth);
  await deleteApp(hub.app);
});

test('a user makes, lists, uses and revokes a key', async () => {
  const made = await hub.call('api_keys', { name: 'laptop' });
  assert.match(made.key, /^inf_[\w-]{43}[0-9A-Za-z]{6}$/);
  assert.equal(made.name, 'laptop');

  const listed = await hub.call('api_keys');
  assert.deepEqual(
    listed.api_keys.map((key) => [key.id, key.name, key.last_used_at]),
    [[made.id, 'laptop', null]],
  );
  assert.ok(!JSON.stringify(listed).includes(made.key));

  const used = await fetch(`${env.HUB_URL}/usage/me`, { headers: { 'X-Api-Key': made.key } });
  assert.equal(used.status, 200);

  const revoked = await hub.call(`api_keys/${made.id}`);
  assert.deepEqual(revoked, { id: made.id, revoked: true });
  const refused = await fetch(`${env.HUB_URL}/usage/me`, { headers: { 'X-Api-Key': made.key } });
  assert.equal(refused.status, 401);
  assert.equal((await refused.json()).code, 'INVALID_API_KEY');
});

test('the callable and plain HTTP show the same balance', async () => {
  const called = await hub.call('usage_me');
  const token = await hub.auth.currentUser.getIdToken();
  const fetched = await fetch(`${env.HUB_URL}/usage/me`, {
    headers: { Authorization: `Bearer ${token}`, 'X-Firebase-AppCheck': env.APP_CHECK_TOKEN },
  });

  assert.equal(fetched.headers.get('cache-control'), 'private, no-store');
  assert.deepEqual(await fetched.json(), called);
  assert.equal(called.plan, 'free');
  assert.equal(called.monthly_credits_total, 500);
  assert.equal(called.plan_allocation, 500);
});

test('a sync is fresh, and says when it was', async () => {
  const synced = await hub.call('billing_sync_balance');

  assert.match(synced.synced_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(synced.plan, 'free');
});

test('a callable works through Hosting too', async () => {
  const listKeys = httpsCallableFromURL(hub.functions, `${env.HUB_URL}/api-keys`);

  assert.deepEqual((await listKeys()).data, { api_keys: [] });
});

test('a wrong field is an invalid argument, and is named', async () => {
  const error = await refusal(hub.call('api_keys', { name: 7 }));

  assertRefused(error, { firebase: 'invalid-argument', code: 'INVALID_REQUEST', http: 400 });
  assert.equal(error.details.field, 'name');
});

test('an argument that is no object is an invalid argument', async () => {
  for (const argument of [7, 'laptop', ['laptop'], true]) {
    const error = await refusal(hub.call('api_keys', argument));
    assertRefused(error, { firebase: 'invalid-argument', code: 'INVALID_REQUEST', http: 400 });
  }
});

test('a pack that is not sold is an invalid argument of its own', async () => {
  const error = await refusal(hub.call('billing_topup', { amount: 'huge' }));

  assertRefused(error, { firebase: 'invalid-argument', code: 'INVALID_TOPUP_TIER', http: 400 });
});

test('a pack is sold on a page of Stripe', async () => {
  const started = await hub.call('billing_topup', { amount: 'small' });

  assert.equal(started.credits, 5000);
  assert.ok(URL.canParse(started.checkout_url));
});

test('a key that is not the user’s is not found', async () => {
  const error = await refusal(hub.call('api_keys/key_000000000000000000000000'));

  assertRefused(error, { firebase: 'not-found', code: 'API_KEY_NOT_FOUND', http: 404 });
});

test('beyond twenty keys the state forbids another', async () => {
  const made = [];
  for (let number = 0; number < 20; number += 1) {
    made.push(await hub.call('api_keys', { name: `key ${number}` }));
  }

  const error = await refusal(hub.call('api_keys', { name: 'one too many' }));

  assertRefused(error, { firebase: 'failed-precondition', code: 'KEY_LIMIT_REACHED', http: 409 });
  for (const { id } of made) {
    await hub.call(`api_keys/${id}`);
  }
});

test('who is not signed in is unauthenticated', async () => {
  const stranger = startApp();
  const error = await refusal(stranger.call('usage_me'));

  assertRefused(error, { firebase: 'unauthenticated', code: 'UNAUTHENTICATED', http: 401 });
  await deleteApp(stranger.app);
});

test('a signed-in user of another app is unauthenticated', async () => {
  const stranger = startApp(env.APP_CHECK_TOKEN.slice(0, -4));
  await signInAnonymously(stranger.auth);
  const error = await refusal(stranger.call('usage_me'));

  assertRefused(error, { firebase: 'unauthenticated', code: 'APP_CHECK_FAILED', http: 401 });
  await deleteApp(stranger.app);
});

test('a page may read the answer only where its origin is listed', async () => {
  const listed = new URL(env.HUB_URL).origin;
  for (const origin of [listed, 'https://elsewhere.example']) {
    const answer = await fetch(`${env.FUNCTIONS_URL}/usage_me`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,x-firebase-appcheck',
      },
    });
    const allowed = answer.headers.get('access-control-allow-origin');
    assert.equal(allowed, origin === listed ? origin : null);
  }
});
