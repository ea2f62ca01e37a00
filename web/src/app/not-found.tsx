/** The page that is not there. */

import { useEffect } from 'preact/hooks';
import { Card, Page } from './components/layout';
import { EmptyState } from './components/states';

/** Say so, and show the way back. */
export function NotFound() {
  useEffect(() => {
    document.title = 'Not found · Creditbase';
  }, []);
  return (
    <Page title="Not found">
      <Card>
        <EmptyState title="There is no such page" action={<a href="/app">Go to the overview</a>}>
          The address may be old, or mistyped.
        </EmptyState>
      </Card>
    </Page>
  );
}
