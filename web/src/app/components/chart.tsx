/** A chart with its table behind it. Chart.js comes when the first chart is on the page. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChartSpec } from '../drawing';
import { theme } from '../theme';

interface Props {
  /** What the chart shows, in one sentence: all that a screen reader hears of it. */
  label: string;
  spec: ChartSpec;
  /** The same figures as a table, which can be opened below. */
  table: ComponentChildren;
  height?: 'low' | 'high';
}

/** `spec` may be made anew at each rendering: it is drawn again only where it differs. */
export function Chart({ label, spec, table, height = 'high' }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [isBroken, setIsBroken] = useState(false);
  const written = JSON.stringify(spec);
  const shownTheme = theme.value;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is what makes colours differ
  useEffect(() => {
    let isGone = false;
    let destroy = () => {};
    import('../drawing')
      .then(({ draw }) => {
        if (isGone || !canvas.current) return;
        destroy = draw(canvas.current, JSON.parse(written) as ChartSpec);
      })
      .catch(() => setIsBroken(true));
    return () => {
      isGone = true;
      destroy();
    };
  }, [written, shownTheme]);

  return (
    <figure class="chart">
      {isBroken ? (
        <p class="soft">The chart could not be drawn; its figures are in the table.</p>
      ) : (
        <div
          class={`chart-canvas chart-${height}`}
          style={spec.isLying ? { height: lyingHeight(spec) } : {}}
        >
          <canvas ref={canvas} role="img" aria-label={label} />
        </div>
      )}
      <details>
        <summary>Show the figures</summary>
        {table}
      </details>
    </figure>
  );
}

/** As much room as the bars want. */
const lyingHeight = (spec: ChartSpec): string => `${3 + 2.25 * spec.labels.length}rem`;
