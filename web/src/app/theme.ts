/** Light or dark: the system's, unless somebody chose here. theme.js sets it before the paint. */

import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');

function shown(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return system.matches ? 'dark' : 'light';
}

/** The theme on the screen; charts are drawn again when it changes. */
export const theme = signal<Theme>(shown());

system.addEventListener('change', () => {
  theme.value = shown();
});

/** Take the other theme, and keep it. */
export function toggleTheme(): void {
  const chosen: Theme = theme.value === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // Storage may be forbidden: then it holds until the page is left.
  }
  theme.value = chosen;
}
