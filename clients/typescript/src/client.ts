import type { Credential } from './credentials.js';
import { Conflict, CreditbaseError, refusal, unreachable } from './errors.js';
import { ATTEMPTS_MAX, HeldWork, keyOf } from './holding.js';
import { OPERATIONS, PAGES } from './operations.gen.js';
import type {
  Answer,
  Body,
  Given,
  OperationName,
  PagedName,
  Paging,
  Request,
  Row,
  TextName,
} from './operations.js';
import { pauseS, RETRIES, type Retries } from './retrying.js';

const TIMEOUT_MS = 30_000;

export interface Options {
  /** How long a try may take. */
  readonly timeoutMs?: number;
  readonly retries?: Partial<Retries>;
  /** What sends a request; the platform's own where none is given. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call, its pauses included. What was sent may have been done. */
  readonly signal?: AbortSignal;
}

/** A client of the hub, of the relay and of metering. */
export class Creditbase {
  readonly #retries: Retries;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;
  readonly #url: string;

  constructor(
    url: string,
    readonly credential: Credential,
    options: Options = {},
  ) {
    this.#url = url.replace(/\/+$/, '');
    this.#retries = { ...RETRIES, ...options.retries };
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#fetch = options.fetch ?? ((...asked) => fetch(...asked));
  }

  /**
   * Return what an operation answers. Its name is that of `docs/openapi.yaml`.
   *
   * Rejects with `Refused` or `Unreachable`; with the signal's reason, if that ended it.
   */
  async call<N extends OperationName>(
    name: N,
    given: Given<N>,
    options: CallOptions = {},
  ): Promise<Answer<N>> {
    const { text } = await this.#send(name, given as Request, options);
    return (text === '' ? undefined : said(text)) as Answer<N>;
  }

  /**
   * Return what an operation answers as it is: a table or lines, by `query.format`.
   *
   * Rejects as `call`.
   */
  async callForText<N extends TextName>(
    name: N,
    given: Given<N>,
    options: CallOptions = {},
  ): Promise<string> {
    return (await this.#send(name, given as Request, options)).text;
  }

  /**
   * Yield what an operation answers row by row, from page to page: `for await (const row of …)`.
   *
   * Rejects as `call`.
   */
  async *iterate<N extends PagedName>(
    name: N,
    given: Given<N>,
    options: CallOptions = {},
  ): AsyncGenerator<Row<N>, void, undefined> {
    const paging: Paging = PAGES[name];
    const asked = given as Request;
    let at: unknown;
    do {
      const query = at === undefined ? asked.query : { ...asked.query, [paging.asksBy]: at };
      const { text } = await this.#send(name, { ...asked, ...(query && { query }) }, options);
      const page = said(text) as Record<string, unknown>;
      const rows = page[paging.rows] as Row<N>[];
      yield* rows;
      at = following(page, rows, paging);
    } while (at !== undefined);
  }

  async #send(
    name: OperationName,
    asked: Request,
    { signal }: CallOptions,
  ): Promise<Sent> {
    const { method, path, isRepeatable } = OPERATIONS[name];
    const url = this.#url + addressed(path, asked);
    const body = asked.body === undefined ? null : JSON.stringify(asked.body);
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      try {
        return await this.#tryOnce(url, method, body, asked.idempotencyKey, signal);
      } catch (failure) {
        if (!(failure instanceof CreditbaseError)) throw failure;
        const chance = Math.random();
        const waitS = pauseS(this.#retries, failure, { isRepeatable, tries, chance });
        if (waitS === undefined) throw failure;
        await pause(waitS * 1000, signal);
      }
    }
  }

  async #tryOnce(
    url: string,
    method: string,
    body: string | null,
    idempotencyKey: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Sent> {
    const headers = new Headers(await this.credential());
    if (idempotencyKey !== undefined) headers.set('Idempotency-Key', idempotencyKey);
    if (body !== null) headers.set('Content-Type', 'application/json');
    const late = AbortSignal.timeout(this.#timeoutMs);
    const ended = signal === undefined ? late : AbortSignal.any([signal, late]);
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(url, { method, headers, body, signal: ended });
      text = await response.text();
    } catch (problem) {
      signal?.throwIfAborted();
      throw unreachable(problem);
    }
    if (!response.ok) throw refusal(response.status, text, response.headers);
    return { text, isReplay: response.headers.get('Idempotent-Replayed') === 'true' };
  }

  /**
   * Hold credits while `work` runs: what it says it used is captured, and if it throws the hold
   * is voided. Returns what `work` returns.
   */
  hold<T>(
    request: Body<'place_hold'> & { idempotencyKey: string },
    work: (held: HeldWork) => Promise<T>,
  ): Promise<T>;
  /** Hold credits until the end of the scope: `await using held = await client.hold(…)`. */
  hold(request: Body<'place_hold'> & { idempotencyKey: string }): Promise<HeldWork>;
  async hold<T>(
    { idempotencyKey, ...body }: Body<'place_hold'> & { idempotencyKey: string },
    work?: (held: HeldWork) => Promise<T>,
  ): Promise<T | HeldWork> {
    const placed = await this.#place(idempotencyKey, body);
    const held = new HeldWork(this, placed, body.ttl_s);
    return work === undefined ? held : await held.whileRunning(work);
  }

  /**
   * Return a hold of this action that was not voided, as it stands now.
   *
   * The answer to a key is still that of its first request, whatever became of the hold. One
   * that was voided took nothing: the action's next attempt needs a hold of its own.
   */
  async #place(first: string, body: Body<'place_hold'>): Promise<Answer<'place_hold'>> {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const asked = { idempotencyKey: keyOf(first, attempt), body };
      const { text, isReplay } = await this.#send('place_hold', asked, {});
      const placed = said(text) as Answer<'place_hold'>;
      if (!isReplay) return placed;
      const path = { hold_id: placed.hold.id };
      const { hold } = await this.call('show_hold', { path });
      if (hold.status !== 'voided') return { ...placed, hold };
    }
    const told = { code: 'CONFLICT', status: 409, requestId: '', retryAfterS: undefined, facts: {} };
    throw new Conflict(`${ATTEMPTS_MAX} attempts of ${first} have failed`, told);
  }
}

/** An answer, and whether it is that of an earlier request with the same key. */
interface Sent {
  readonly text: string;
  readonly isReplay: boolean;
}

/** Return what an answer's JSON says; where it is none, somebody between us has answered. */
function said(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (problem) {
    throw unreachable(problem);
  }
}

/** Return where the next page begins; undefined after the last. */
function following(
  page: Record<string, unknown>,
  rows: readonly unknown[],
  { toldBy, isOfLastRow }: Paging,
): unknown {
  const teller = (isOfLastRow ? rows.at(-1) : page) as Record<string, unknown> | undefined;
  return teller?.[toldBy] || undefined;
}

/** Return where a request goes: path and query. What is undefined is left out. */
function addressed(path: string, { path: named, query }: Request): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = named?.[name];
    if (value === undefined || value === '') throw new TypeError(`path.${name} is missing`);
    return encodeURIComponent(value);
  });
  const asked = Object.entries(query ?? {}).filter(([, value]) => value != null);
  const search = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]));
  return search.size > 0 ? `${filled}?${search}` : filled;
}

function pause(forMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, forMs);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
