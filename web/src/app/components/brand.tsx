/** The name with its sign. */

/** The sign is the icon's, in the theme's colours. */
export function Brand() {
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <rect width="32" height="32" rx="8" class="brand-field" />
        <path d="M21.5 20.2a7 7 0 1 1 0-8.4" class="brand-sign" />
      </svg>
      Creditbase
    </span>
  );
}
