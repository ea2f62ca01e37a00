/** The platform's usage: calls, credits and users, day by day. */

import './admin.css';
import type { Schemas } from '../app/api';
import { Chart } from '../app/components/chart';
import { Card, Figure, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, day, shortDay } from '../app/format';
import { useResource } from '../app/resource';
import * as ask from './ask';
import { Download } from './download';
import { AsOf, useRange } from './range';

type Usage = Schemas['AdminUsage'];
type Day = Usage['usage_trends'][number];

/** The page. */
export default function PlatformUsage() {
  const { span, key, fields } = useRange();
  const usage = useResource<Usage>(`admin/usage:${key}`, () => ask.usage(span));
  return (
    <Page
      title="Platform usage"
      lede="What all customers used, in UTC days."
      actions={<Download what="days" span={span} />}
    >
      {fields}
      <When resource={usage} label="Loading the platform’s usage" lines={8}>
        {(found) => <Shown usage={found} />}
      </When>
    </Page>
  );
}

function Shown({ usage }: { usage: Usage }) {
  const days = usage.usage_trends;
  return (
    <>
      <Card>
        <dl class="figures">
          <Figure label="Calls" value={count(usage.total_requests)} />
          <Figure label="Credits used" value={count(usage.total_credits_consumed)} />
          <Figure
            label="Active users"
            value={count(usage.active_users)}
            note="distinct over all these days"
          />
        </dl>
        <AsOf at={usage.as_of} isExact={usage.is_exact} />
      </Card>
      {usage.total_requests === 0 ? (
        <Card>
          <EmptyState title="No calls in these days">
            Days are counted every quarter of an hour; choose other days above.
          </EmptyState>
        </Card>
      ) : (
        <>
          <Card title="Credits by day">
            <Trend
              days={days}
              name="Credits"
              unit="credits"
              figureOf={(it) => it.credits_consumed}
            />
          </Card>
          <div class="grid">
            <Card title="Calls by day">
              <Trend days={days} name="Calls" unit="calls" isLow figureOf={(it) => it.requests} />
            </Card>
            <Card title="Active users by day">
              <Trend
                days={days}
                name="Active users"
                unit="users"
                isLow
                figureOf={(it) => it.active_users}
              />
            </Card>
          </div>
        </>
      )}
    </>
  );
}

interface TrendProps {
  days: readonly Day[];
  name: string;
  unit: string;
  isLow?: boolean;
  figureOf: (it: Day) => number;
}

function Trend({ days, name, unit, isLow, figureOf }: TrendProps) {
  const most = Math.max(...days.map(figureOf));
  return (
    <Chart
      label={`${name} on each of ${days.length} days, at most ${count(most)} on one`}
      height={isLow ? 'low' : 'high'}
      spec={{
        labels: days.map((it) => shortDay(it.date)),
        series: [{ name, values: days.map(figureOf) }],
        unit,
      }}
      table={
        <Table
          caption={`${name} of each day, the newest first`}
          columns={[
            { title: 'Day', cell: (it: Day) => day(it.date) },
            { title: name, cell: (it: Day) => count(figureOf(it)), isNumber: true },
          ]}
          rows={[...days].reverse()}
          keyOf={(it) => it.date}
        />
      }
    />
  );
}
