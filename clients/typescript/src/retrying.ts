// Whether a failed try is repeated, and after what pause: decided without clock or network.
import { type CreditbaseError, Refused, Unreachable } from './errors.js';

/**
 * How often and how patiently. Of all tries of a call, each has the same key and body.
 *
 * Pauses double from `firstPauseS`, and are spread at random between half and all of it. The
 * server's `Retry-After` is kept; one above `pauseMaxS` is left to the caller.
 */
export interface Retries {
  readonly triesMax: number;
  readonly firstPauseS: number;
  readonly pauseMaxS: number;
}

export const RETRIES: Retries = { triesMax: 5, firstPauseS: 0.2, pauseMaxS: 10 };

/**
 * Return how long to wait before the next try, or undefined where there is none.
 *
 * `tries` have been made; `chance` is in [0, 1).
 */
export function pauseS(
  retries: Retries,
  failure: CreditbaseError,
  { isRepeatable, tries, chance }: { isRepeatable: boolean; tries: number; chance: number },
): number | undefined {
  if (tries >= retries.triesMax || !mayRepeat(failure, isRepeatable)) return undefined;
  const toldS = (failure instanceof Refused ? failure.retryAfterS : undefined) ?? 0;
  if (toldS > retries.pauseMaxS) return undefined;
  const grownS = Math.min(retries.pauseMaxS, retries.firstPauseS * 2 ** (tries - 1));
  return Math.max(toldS, grownS * (0.5 + chance / 2));
}

function mayRepeat(failure: CreditbaseError, isRepeatable: boolean): boolean {
  if (!failure.retryable) return false;
  if (isRepeatable) return true;
  if (failure instanceof Unreachable) return failure.wasNeverSent;
  // A server that says when to come again has done nothing, or finishes it then.
  return failure instanceof Refused && failure.retryAfterS !== undefined;
}
