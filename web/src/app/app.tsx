/** The app: session, frame and the page of the address. */

import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { ErrorBoundary, LocationProvider, lazy, Route, Router, useLocation } from 'preact-iso';
import { Skeleton } from './components/skeleton';
import { ErrorState } from './components/states';
import { Guarded } from './guard';
import { NotFound } from './not-found';
import { type PageRoute, ROUTES } from './routes';
import { session } from './session';
import { Shell } from './shell';

const PAGES: readonly (PageRoute & { Component: ComponentType })[] = ROUTES.map((route) => {
  const Page = lazy(route.page);
  const Component = () => (
    <Guarded access={route.access} title={route.title}>
      <Page />
    </Guarded>
  );
  return { ...route, Component };
});

/** The whole page. */
export function App() {
  return (
    <LocationProvider scope="/app">
      <Shell>
        <Page />
      </Shell>
    </LocationProvider>
  );
}

function Page() {
  const { url, path, route } = useLocation();
  const isElsewhere = path === '/' || path === '/billing';

  useEffect(() => {
    // Addresses of before: the landing page, and where Stripe's pages used to lead back to.
    if (isElsewhere) route(path === '/' ? '/app' : url.replace('/billing', '/app/billing'), true);
  }, [isElsewhere, path, route, url]);

  const { value } = session;
  if (value.state === 'broken') return <ErrorState title="Not available" message={value.reason} />;
  if (value.state === 'starting' || isElsewhere) return <Skeleton label="Loading" />;
  return (
    <ErrorBoundary>
      <Router>
        {PAGES.map(({ path: at, Component }) => (
          <Route key={at} path={at} component={Component} />
        ))}
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}
