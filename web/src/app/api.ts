/**
 * The one way to the server. `call` runs a hub operation by the callable protocol (the Firebase
 * SDK adds both credentials); `api` is plain HTTP, typed by docs/openapi.yaml, for what has a
 * path or a query. Both throw `ApiError`.
 */

import { signal } from '@preact/signals';
import { type Functions, getFunctions, httpsCallableFromURL } from 'firebase/functions';
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.gen';
import { credentials, started } from './session';

export type Schemas = components['schemas'];

const TRIES_MAX = 3;
const WAIT_MAX_S = 65;

/** A refusal or a failure, in the server's words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterS: number;
  /** Every further field of the error's body: `field`, `credits_remaining`, … */
  readonly figures: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Record<string, unknown>) {
    const { code, message, detail, error, retry_after: retryAfter, ...figures } = body;
    super(sentence(message ?? detail ?? messageOf(error) ?? fallback(status)));
    this.name = 'ApiError';
    this.status = status;
    this.code = String(code ?? '');
    this.retryAfterS = Number(retryAfter ?? 0);
    this.figures = figures;
  }

  /** Whether the same may well work in a moment. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function messageOf(error: unknown): unknown {
  return typeof error === 'object' && error && 'message' in error ? error.message : undefined;
}

function sentence(words: unknown): string {
  const text = String(words);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function fallback(status: number): string {
  return status === 0 ? 'The server does not answer' : `The server answered with ${status}`;
}

/** Return any problem as an `ApiError`. */
export function asApiError(problem: unknown): ApiError {
  if (problem instanceof ApiError) return problem;
  const message = problem instanceof Error ? problem.message : String(problem);
  return new ApiError(0, { message });
}

/** Seconds that a request waits because there were too many; the shell says so. */
export const waitingS = signal(0);

const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Try again what may be tried again: after a moment, or when the server says. */
async function patiently<T>(isRepeatable: boolean, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (problem) {
      const error = asApiError(problem);
      const waitS = error.status === 429 ? Math.max(1, error.retryAfterS) : tries;
      if (!isRepeatable || !error.isPassing || tries >= TRIES_MAX || waitS > WAIT_MAX_S) {
        throw error;
      }
      if (error.status === 429) waitingS.value = waitS;
      await pause(waitS);
      waitingS.value = 0;
    }
  }
}

// ---- callables ---------------------------------------------------------------------------------

interface Operations {
  usage_me: { data: undefined; result: Schemas['Usage'] };
  billing_sync_balance: { data: undefined; result: Schemas['SyncedUsage'] };
  billing_checkout: { data: { plan: string }; result: Schemas['CheckoutStarted'] };
  billing_topup: { data: { amount: string }; result: Schemas['TopupStarted'] };
  billing_portal: { data: undefined; result: Schemas['PortalOpened'] };
  billing_redeem: { data: { code: string }; result: Schemas['Redeemed'] };
  api_keys: { data: { name: string } & Record<string, unknown>; result: Schemas['NewApiKey'] };
}

interface Manner {
  path: string;
  /** Whether it may be asked twice: nothing is bought before Stripe's own page. */
  isRepeatable: boolean;
  /** Whether its App Check token is used up by it, so that nobody can send it again. */
  consumesAppCheck: boolean;
}

const MANNERS: Record<keyof Operations, Manner> = {
  usage_me: { path: '/usage/me', isRepeatable: true, consumesAppCheck: false },
  billing_sync_balance: {
    path: '/billing/sync-balance',
    isRepeatable: true,
    consumesAppCheck: false,
  },
  billing_checkout: { path: '/billing/checkout', isRepeatable: true, consumesAppCheck: true },
  billing_topup: { path: '/billing/topup', isRepeatable: true, consumesAppCheck: true },
  billing_portal: { path: '/billing/portal', isRepeatable: true, consumesAppCheck: true },
  billing_redeem: { path: '/billing/redeem', isRepeatable: false, consumesAppCheck: true },
  api_keys: { path: '/api-keys', isRepeatable: false, consumesAppCheck: true },
};

let functions: Functions | undefined;

/** Run an operation of the hub. */
export async function call<Name extends keyof Operations>(
  name: Name,
  data?: Operations[Name]['data'],
): Promise<Operations[Name]['result']> {
  const { app } = await started();
  functions ??= getFunctions(app);
  const { path, isRepeatable, consumesAppCheck } = MANNERS[name];
  const url = new URL(path, location.origin).href;
  const run = httpsCallableFromURL<unknown, Operations[Name]['result']>(functions, url, {
    limitedUseAppCheckTokens: consumesAppCheck,
  });
  return patiently(isRepeatable, async () => {
    try {
      return (await run(data ?? null)).data;
    } catch (problem) {
      throw refusal(problem);
    }
  });
}

function refusal(problem: unknown): ApiError {
  const { details, message } = problem as { details?: unknown; message?: string };
  const figures = (typeof details === 'object' && details ? details : {}) as Record<
    string,
    unknown
  >;
  return new ApiError(Number(figures.http_status ?? 0), { message, ...figures });
}

// ---- plain HTTP --------------------------------------------------------------------------------

async function send(request: Request): Promise<Response> {
  const isRepeatable = request.method === 'GET';
  return patiently(isRepeatable, async () => {
    const again = request.clone();
    for (const [name, value] of Object.entries(await credentials())) again.headers.set(name, value);
    const answer = await fetch(again).catch(() => {
      throw new ApiError(0, {});
    });
    if (answer.ok) return answer;
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    throw new ApiError(answer.status, body);
  });
}

/** Every route of docs/openapi.yaml: `await ok(api.GET('/usage/days'))`. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

/** Return the body of an answer; a refusal was thrown before. */
export async function ok<T>(pending: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await pending;
  return data as T;
}

/** Fetch a path as it is, for answers that are no JSON (an export, a stream). */
export function fetchRaw(path: string, init?: RequestInit): Promise<Response> {
  return send(new Request(new URL(path, location.origin), init));
}
