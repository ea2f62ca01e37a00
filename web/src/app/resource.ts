/** What a page has asked the server for: loading, there, or failed; kept while pages change. */

import { type Signal, signal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';
import { type ApiError, asApiError } from './api';
import { uid } from './session';

const FRESH_FOR_MS = 30_000;

export interface Loaded<T> {
  value?: T;
  error?: ApiError;
  isLoading: boolean;
}

export interface Resource<T> extends Loaded<T> {
  reload: () => void;
}

interface Kept<T> {
  now: Signal<Loaded<T>>;
  asked: number;
}

const kept = new Map<string, Kept<unknown>>();

// What one user has seen is never shown to the next.
uid.subscribe(() => kept.clear());

/** Forget what begins so, and ask again where it is shown: after it was changed. */
export function forget(prefix: string): void {
  for (const [key, { now }] of kept) {
    if (!key.startsWith(prefix)) continue;
    kept.delete(key);
    now.value = { isLoading: true };
  }
}

/**
 * Ask for something under a name that says all it depends on; `null` asks for nothing yet.
 * What was asked less than half a minute ago is not asked again: a free user has ten requests
 * a minute.
 */
export function useResource<T>(key: string | null, load: () => Promise<T>): Resource<T> {
  const entry = key === null ? undefined : entryOf<T>(key);
  const loaded: Loaded<T> = entry ? entry.now.value : { isLoading: true };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all that `load` depends on
  useEffect(() => {
    if (!entry) return;
    const isStale = Date.now() - entry.asked > FRESH_FOR_MS;
    if (isStale || entry.now.peek().error) void ask(entry, load);
  }, [entry]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const reload = useCallback(() => {
    if (entry) void ask(entry, load);
  }, [entry]);
  return { ...loaded, reload };
}

function entryOf<T>(name: string): Kept<T> {
  let found = kept.get(name) as Kept<T> | undefined;
  if (!found) {
    found = { now: signal<Loaded<T>>({ isLoading: true }), asked: 0 };
    kept.set(name, found as Kept<unknown>);
  }
  return found;
}

async function ask<T>(entry: Kept<T>, load: () => Promise<T>): Promise<void> {
  const { value } = entry.now.peek();
  entry.asked = Date.now();
  entry.now.value = value === undefined ? { isLoading: true } : { value, isLoading: true };
  try {
    entry.now.value = { value: await load(), isLoading: false };
  } catch (problem) {
    entry.now.value = { error: asApiError(problem), isLoading: false };
  }
}
