/** Usage as charts, each with its table. */

import type { ModelUse } from '../app/account';
import type { Schemas } from '../app/api';
import { Chart } from '../app/components/chart';
import { EmptyState } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, credits, day, shortDay } from '../app/format';
import type { UsageDays } from './overview';

const MODELS_SHOWN = 5;
const OTHER = 'other';

type Day = Schemas['UsageDay'];

/** A bar a day, in parts by model. */
export function UsageByDay({ usage }: { usage: UsageDays }) {
  if (usage.total_requests === 0) {
    return (
      <EmptyState title="No calls yet">
        As soon as a model is called, this shows the credits of each day.
      </EmptyState>
    );
  }
  const models = dearest(usage.days);
  const series = models.map((model) => ({
    name: model,
    values: usage.days.map((one) => creditsOf(one, model, models)),
  }));
  return (
    <Chart
      label={`Credits used on each of ${usage.days.length} days, ${credits(usage.total_credits_used)} in all`}
      spec={{
        labels: usage.days.map((one) => shortDay(one.date)),
        series,
        unit: 'credits',
        isStacked: true,
      }}
      table={
        <Table
          caption="Credits and calls of each day, the newest first"
          columns={[
            { title: 'Day', cell: (one: Day) => day(one.date) },
            { title: 'Credits', cell: (one: Day) => count(one.credits_used), isNumber: true },
            { title: 'Calls', cell: (one: Day) => count(one.requests), isNumber: true },
            {
              title: 'Tokens',
              cell: (one: Day) => count(one.input_tokens + one.output_tokens),
              isNumber: true,
            },
          ]}
          rows={usage.days.filter((one) => one.requests > 0).reverse()}
          keyOf={(one) => one.date}
        />
      }
    />
  );
}

/** The models that used most; one part for all others. */
function dearest(days: readonly Day[]): string[] {
  const totals = new Map<string, number>();
  for (const row of days.flatMap((one) => one.breakdown_by_model)) {
    totals.set(row.model, (totals.get(row.model) ?? 0) + row.credits_used);
  }
  const sorted = [...totals].sort(([, one], [, other]) => other - one).map(([model]) => model);
  return sorted.length > MODELS_SHOWN + 1 ? [...sorted.slice(0, MODELS_SHOWN), OTHER] : sorted;
}

function creditsOf(one: Day, model: string, models: readonly string[]): number {
  return one.breakdown_by_model
    .filter((row) => row.model === model || (model === OTHER && !models.includes(row.model)))
    .reduce((sum, row) => sum + row.credits_used, 0);
}

/** A bar a model; live. */
export function UsageByModel({ models }: { models: readonly ModelUse[] }) {
  if (models.length === 0) {
    return (
      <EmptyState title="No calls in this period">
        Each model you call gets a bar of its own here.
      </EmptyState>
    );
  }
  const shown = models.slice(0, MODELS_SHOWN);
  const rest = models.slice(MODELS_SHOWN).reduce((sum, use) => sum + use.credits, 0);
  const rows = rest
    ? [...shown.map((use) => [use.model, use.credits] as const), [OTHER, rest] as const]
    : shown.map((use) => [use.model, use.credits] as const);
  return (
    <Chart
      label={`Credits by model: ${rows.map(([name, used]) => `${name} ${count(used)}`).join(', ')}`}
      spec={{
        labels: rows.map(([name]) => name),
        series: [{ name: 'Credits', values: rows.map(([, used]) => used) }],
        unit: 'credits',
        isLying: true,
      }}
      table={
        <Table
          caption="Credits and calls of each model"
          columns={[
            { title: 'Model', cell: (use: ModelUse) => use.model },
            { title: 'Credits', cell: (use: ModelUse) => count(use.credits), isNumber: true },
            { title: 'Calls', cell: (use: ModelUse) => count(use.requests), isNumber: true },
          ]}
          rows={models}
          keyOf={(use) => use.model}
        />
      }
    />
  );
}
