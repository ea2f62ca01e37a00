/** Who may open a page: who may not is told why, and how to go on. */

import type { ComponentChildren } from 'preact';
import { useEffect, useErrorBoundary } from 'preact/hooks';
import { account, accountError, isAdmin, retryBalance } from './balance';
import { Card, Page } from './components/layout';
import { Skeleton } from './components/skeleton';
import { EmptyState, ErrorState } from './components/states';
import type { PageRoute } from './routes';
import { session } from './session';
import { Welcome } from './welcome';

interface Props {
  access: PageRoute['access'];
  title: string;
  children: ComponentChildren;
}

/** Show a page to whom it is for; an error inside takes the page and not the app. */
export function Guarded({ access, title, children }: Props) {
  const [broken, mend] = useErrorBoundary();
  const isAtTheDoor = access !== 'anyone' && session.value.state === 'out';
  useEffect(() => {
    document.title = isAtTheDoor ? 'Creditbase' : `${title} · Creditbase`;
  }, [title, isAtTheDoor]);
  if (broken) {
    return (
      <Framed title={title}>
        <ErrorState
          title="This page broke"
          message="Something in it did not work. Your credits are not touched by that."
          retry={mend}
        />
      </Framed>
    );
  }
  if (access === 'anyone') return <>{children}</>;
  if (session.value.state !== 'in') return <Welcome />;
  if (access === 'customer') return <>{children}</>;
  if (isAdmin.value) return <>{children}</>;
  return (
    <Framed title={title}>
      {account.value ? (
        <EmptyState title="For administrators">
          This page is for who runs the service. You are signed in as a customer.
        </EmptyState>
      ) : accountError.value ? (
        <ErrorState error={accountError.value} retry={retryBalance} />
      ) : (
        <Skeleton label="Loading" />
      )}
    </Framed>
  );
}

function Framed({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <Page title={title}>
      <Card>{children}</Card>
    </Page>
  );
}
