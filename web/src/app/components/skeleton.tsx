/** Something is on its way. */

const WIDTHS = ['w-60', 'w-100', 'w-80'];

/** Grey lines, and one sentence for a screen reader. */
export function Skeleton({ label, lines = 3 }: { label: string; lines?: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">{label}…</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class={`skeleton-line ${WIDTHS[index % WIDTHS.length]}`} />
      ))}
    </div>
  );
}
