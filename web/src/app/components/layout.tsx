/** How pages are laid out. */

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PageProps {
  title: string;
  lede?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page: its heading, what can be done with all of it, and its parts. */
export function Page({ title, lede, actions, children }: PageProps) {
  return (
    <div class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lede && <p class="lede">{lede}</p>}
        </div>
        {actions && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  title?: string;
  lede?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A part of a page. */
export function Card({ title, lede, actions, children }: CardProps) {
  const id = useId();
  return (
    <section class="card" {...(title && { 'aria-labelledby': id })}>
      {title && (
        <header class="card-head">
          <div>
            <h2 id={id}>{title}</h2>
            {lede && <p class="small soft">{lede}</p>}
          </div>
          {actions}
        </header>
      )}
      {children}
    </section>
  );
}

interface FigureProps {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
}

/** Figures side by side; in a `<dl class="figures">`. */
export function Figure({ label, value, note }: FigureProps) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd class="figure-value">{value}</dd>
      {note && <dd class="small soft">{note}</dd>}
    </div>
  );
}

type Tone = 'plain' | 'good' | 'warn' | 'bad';

/** A word about the state of something. */
export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge badge-${tone}`}>{children}</span>;
}

/** Something to know on this page. */
export function Notice({ tone = 'good', children }: { tone?: Tone; children: ComponentChildren }) {
  return <div class={`notice notice-${tone === 'warn' ? 'wait' : tone}`}>{children}</div>;
}
