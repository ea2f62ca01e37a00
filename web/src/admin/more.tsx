/** Lists that come in pages: the first by itself, each next when it is asked for. */

import './admin.css';
import { useEffect, useState } from 'preact/hooks';
import { asApiError } from '../app/api';
import { Button } from '../app/components/button';
import { toast } from '../app/components/toast';
import { type Resource, useResource } from '../app/resource';

interface Page {
  next_cursor?: string;
}

export interface Pages<P> extends Resource<P> {
  /** All pages so far; none before the first is there. */
  all: readonly P[];
  /** Asks for the next page; absent at the end. */
  more?: () => Promise<void>;
}

/** Ask for a list by pages; `key` says all that it depends on. */
export function usePages<P extends Page>(
  key: string,
  load: (cursor: string) => Promise<P>,
): Pages<P> {
  const first = useResource<P>(key, () => load(''));
  const [rest, setRest] = useState<readonly P[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another first page begins another list
  useEffect(() => setRest([]), [key, first.value]);
  const all = first.value ? [first.value, ...rest] : [];
  const cursor = all.at(-1)?.next_cursor;
  if (!cursor) return { ...first, all };
  const more = async () => {
    try {
      const page = await load(cursor);
      setRest((before) => [...before, page]);
    } catch (problem) {
      toast(asApiError(problem).message, 'bad');
    }
  };
  return { ...first, all, more };
}

/** The button below a list that goes on. */
export function More<P>({ pages }: { pages: Pages<P> }) {
  return pages.more ? (
    <p class="admin-more">
      <Button kind="second" onPress={pages.more}>
        Show more
      </Button>
    </p>
  ) : null;
}
