// Every error code of the hub, read by the real Firebase web SDK. Needs no stack: the server
// beside this file puts the product's own door and error table behind one address.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { deleteApp, initializeApp } from 'firebase/app';
import { getFunctions, httpsCallableFromURL } from 'firebase/functions';

const root = fileURLToPath(new URL('../..', import.meta.url));
let server;
let hello;
let app;
let refuse;

before(async () => {
  server = spawn(`${root}.venv/bin/python`, ['-m', 'tests.e2e.refusing_server'], {
    cwd: root,
    env: { ...process.env, PYTHONPATH: `${root}functions:${root}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: server.stdout });
  hello = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
  lines.on('line', () => {}); // the server's log must not fill the pipe
  app = initializeApp({ apiKey: 'local', projectId: 'demo-errors', appId: '1:1:web:1' });
  const callable = httpsCallableFromURL(getFunctions(app), hello.url);
  refuse = async (number) => {
    try {
      await callable({ number });
    } catch (error) {
      return error;
    }
    return assert.fail(`case ${number} was not refused`);
  };
});

after(async () => {
  server.stdin.end();
  await new Promise((resolve) => server.once('exit', resolve));
  await deleteApp(app);
});

test('the SDK reports every code, and the details arrive whole', async () => {
  for (const [number, expected] of hello.cases.entries()) {
    const error = await refuse(number);
    const { request_id: requestId, ...details } = error.details;

    const name = expected.firebase.toLowerCase().replaceAll('_', '-');
    assert.equal(error.code, `functions/${name}`, expected.code);
    assert.match(requestId, /^req_[0-9a-f]{24}$/);
    assert.deepEqual(details, {
      code: expected.code,
      http_status: expected.status,
      ...expected.facts,
    });
  }
});

test('all codes of the table are among them', () => {
  const codes = new Set(hello.cases.map((expected) => expected.code));

  assert.ok(codes.size >= 21, `only ${codes.size} codes`);
  for (const code of ['QUOTA_EXCEEDED', 'SUBSCRIPTION_EXISTS', 'RATE_LIMITED', 'INTERNAL']) {
    assert.ok(codes.has(code), code);
  }
});

test('no credits is told with its figures', async () => {
  const number = hello.cases.findIndex((expected) => expected.code === 'QUOTA_EXCEEDED');
  const error = await refuse(number);

  assert.equal(error.code, 'functions/resource-exhausted');
  assert.equal(error.details.credits_remaining, 1);
  assert.equal(error.details.credits_required, 3);
});
