/** The days that a page is about. */

import { useState } from 'preact/hooks';
import { Choice, Field } from '../app/components/field';
import { instant, isoDay } from '../app/format';
import type { Span } from './ask';

const DAY_MS = 86_400_000;
const PRESETS = [7, 30, 90, 365];
const DEFAULT_DAYS = 30;
const CUSTOM = 'custom';

interface Range {
  span: Span;
  /** What names the answer that it gives. */
  key: string;
  /** The fields, for a row of filters. */
  fields: preact.JSX.Element;
}

function lastDays(days: number): Span {
  const now = new Date();
  return { start: isoDay(new Date(now.getTime() - (days - 1) * DAY_MS)), end: isoDay(now) };
}

/** The last 30 days until something else is chosen. */
export function useRange(): Range {
  const [preset, setPreset] = useState(String(DEFAULT_DAYS));
  const [span, setSpan] = useState<Span>(lastDays(DEFAULT_DAYS));
  const choose = (chosen: string) => {
    setPreset(chosen);
    if (chosen !== CUSTOM) setSpan(lastDays(Number(chosen)));
  };
  // The server's own default knows the server's own day.
  const asked = preset === String(DEFAULT_DAYS) ? { start: '', end: '' } : span;
  const fields = (
    <div class="filters">
      <Choice label="Days" value={preset} onChange={(event) => choose(event.currentTarget.value)}>
        {PRESETS.map((days) => (
          <option key={days} value={String(days)}>
            The last {days} days
          </option>
        ))}
        <option value={CUSTOM}>Other days</option>
      </Choice>
      {preset === CUSTOM && (
        <>
          <Field
            label="From"
            type="date"
            value={span.start}
            max={span.end}
            onChange={(event) => setSpan({ ...span, start: event.currentTarget.value })}
          />
          <Field
            label="To"
            type="date"
            value={span.end}
            min={span.start}
            onChange={(event) => setSpan({ ...span, end: event.currentTarget.value })}
          />
        </>
      )}
    </div>
  );
  return { span: asked, key: `${asked.start}:${asked.end}`, fields };
}

/** As of when the figures are the ledger's own. */
export function AsOf({ at, isExact }: { at?: string | undefined; isExact?: boolean | undefined }) {
  if (!at)
    return <p class="small soft admin-as-of">Nothing was counted yet: the roll-up has not run.</p>;
  return (
    <p class="small soft admin-as-of">
      As of {instant(at)}
      {isExact === false ? '; not exact while the roll-up catches up.' : ', exactly the ledger.'}
    </p>
  );
}
