/** Nothing here, and something went wrong: what happened, and what to do now. */

import { CircleAlert, Inbox } from 'lucide-preact';
import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api';
import type { Resource } from '../resource';
import { Button } from './button';
import { Skeleton } from './skeleton';

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}

/** There is nothing yet. */
export function EmptyState({ title, children, action }: EmptyProps) {
  return (
    <div class="state">
      <Inbox size={28} aria-hidden="true" />
      <h2>{title}</h2>
      {children && <p class="soft">{children}</p>}
      {action}
    </div>
  );
}

interface ErrorProps {
  error?: ApiError;
  title?: string;
  message?: string;
  retry?: () => void;
}

/** It did not work. */
export function ErrorState({ error, title, message, retry }: ErrorProps) {
  const request = error?.figures.request_id;
  return (
    <div class="state state-error" role="alert">
      <CircleAlert size={28} aria-hidden="true" />
      <h2>{title ?? 'This could not be loaded'}</h2>
      <p class="soft">{message ?? error?.message}</p>
      {retry && (
        <Button kind="second" onPress={retry}>
          Try again
        </Button>
      )}
      {typeof request === 'string' && <p class="small soft">Request {request}</p>}
    </div>
  );
}

interface WhenProps<T> {
  resource: Resource<T>;
  /** What a screen reader hears while it loads. */
  label: string;
  lines?: number;
  children: (value: T) => ComponentChildren;
}

/** Show a resource in whatever state it is; what was there stays while it is asked again. */
export function When<T>({ resource, label, lines, children }: WhenProps<T>) {
  if (resource.value !== undefined) return <>{children(resource.value)}</>;
  if (resource.error) return <ErrorState error={resource.error} retry={resource.reload} />;
  return <Skeleton label={label} {...(lines && { lines })} />;
}
