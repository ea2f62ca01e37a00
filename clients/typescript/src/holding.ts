// Work under a hold: captured with what it used, voided where it failed, extended meanwhile.
import type { Creditbase } from './client.js';
import { NothingReported } from './errors.js';
import type { Answer, Body } from './operations.js';

/** What a hold has where nobody asks for another time. */
const TTL_S = 900;
/** No extension goes beyond this after the hold was made. */
const OPEN_MS_MAX = 24 * 3_600_000;

/** How often an action may fail and be begun again under its key. */
export const ATTEMPTS_MAX = 50;

/** Return the key of an attempt, so that two that repeat an action come to the same hold. */
export function keyOf(first: string, attempt: number): string {
  return attempt === 1 ? first : `${first}~${attempt}`;
}

type HoldAnswer = Answer<'place_hold'>;

/** What was used: quantities, or their price in nanos. */
export type Used = Body<'capture_hold'>;

/** A hold, the balance after the last answer, and what was reported so far. */
export class HeldWork {
  /** Why the hold could not be extended. Capturing works after it has expired, too. */
  extensionProblem: unknown;
  readonly #client: Creditbase;
  readonly #pauseMs: number;
  #answer: HoldAnswer;
  #reported: Used | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #extending: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(client: Creditbase, answer: HoldAnswer, ttlS: number = TTL_S) {
    this.#client = client;
    this.#answer = answer;
    this.#pauseMs = Math.max(500, ttlS * 500);
    this.#keep();
  }

  /** The hold as the server last told it. */
  get hold(): HoldAnswer['hold'] {
    return this.#answer.hold;
  }

  /** The customer's balance as the server last told it. */
  get balance(): HoldAnswer['balance'] {
    return this.#answer.balance;
  }

  /** Say what was used so far, in all: the last word is what the end captures. */
  used(used: Used): void {
    this.#reported = used;
  }

  /** End the hold now and take what was used; the end of the block then does nothing. */
  async capture(used: Used): Promise<void> {
    await this.#stopKeeping();
    const path = { hold_id: this.hold.id };
    this.#answer = await this.#client.call('capture_hold', { path, body: used });
  }

  /** End the hold now and take nothing. */
  async void(): Promise<void> {
    await this.#stopKeeping();
    const path = { hold_id: this.hold.id };
    this.#answer = await this.#client.call('void_hold', { path, body: {} });
  }

  /** Run `work`, capture what it reported, void the hold if it throws. */
  async whileRunning<T>(work: (held: HeldWork) => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await work(this);
    } catch (problem) {
      await this.#voidQuietly();
      throw problem;
    }
    const isForgotten = this.#isOpen && this.#reported === undefined;
    await this[Symbol.asyncDispose]();
    if (isForgotten) {
      throw new NothingReported(`hold ${this.hold.id} was voided: call used({ usage: … })`);
    }
    return result;
  }

  /**
   * The end of an `await using` scope. It cannot see whether the scope threw: what was reported
   * is captured, so report when the work is done. Nothing reported: voided.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopKeeping();
    if (!this.#isOpen) return;
    if (this.#reported !== undefined) await this.capture(this.#reported);
    else await this.#voidQuietly();
  }

  get #isOpen(): boolean {
    return this.hold.status === 'held' || this.hold.status === 'expired';
  }

  /** Let a failed void not hide why the work failed: the hold expires by itself. */
  async #voidQuietly(): Promise<void> {
    await this.#stopKeeping();
    if (!this.#isOpen) return;
    try {
      await this.void();
    } catch {
      // Whatever it was: the caller is told why the work failed.
    }
  }

  async #stopKeeping(): Promise<void> {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    await this.#extending;
  }

  #keep(): void {
    if (this.#hasEnded || !this.#isOpen) return;
    this.#timer = setTimeout(() => {
      this.#extending = this.#extend();
    }, this.#pauseMs);
  }

  async #extend(): Promise<void> {
    const expiresAt = Date.parse(this.hold.expires_at ?? '');
    const last = Date.parse(this.hold.created_at) + OPEN_MS_MAX;
    const later = Math.min(last, expiresAt + this.#pauseMs);
    if (!(later > expiresAt)) return;
    const usage = this.#reported?.usage;
    const body = {
      expires_at: new Date(later).toISOString(),
      ...(usage === undefined ? {} : { usage }),
    };
    const path = { hold_id: this.hold.id };
    try {
      this.#answer = await this.#client.call('extend_hold', { path, body });
      this.#keep();
    } catch (problem) {
      this.extensionProblem = problem; // nobody waits for this: thrown, it would end the program
    }
  }
}
