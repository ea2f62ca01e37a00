/** Short words at the edge of the screen: something was done, or could not be. */

import { signal } from '@preact/signals';

interface Toast {
  id: number;
  text: string;
  tone: 'good' | 'bad';
}

const SHOWN_FOR_MS = 6_000;

const toasts = signal<readonly Toast[]>([]);
let latest = 0;

/** Say something; it goes by itself. What has to stay belongs on the page. */
export function toast(text: string, tone: Toast['tone'] = 'good'): void {
  latest += 1;
  const id = latest;
  toasts.value = [...toasts.value, { id, text, tone }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id);
  }, SHOWN_FOR_MS);
}

/** Where they are shown, and said aloud. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone }) => (
        <p key={id} class={`toast toast-${tone}`}>
          {text}
        </p>
      ))}
    </div>
  );
}
