/** What each model cost and earned, and which customers cost more than they pay. */

import { useState } from 'preact/hooks';
import type { Schemas } from '../app/api';
import { Chart } from '../app/components/chart';
import { Field } from '../app/components/field';
import { Badge, Card, Figure, Notice, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { type Column, Table } from '../app/components/table';
import { count, dollars } from '../app/format';
import { useResource } from '../app/resource';
import * as ask from './ask';
import { Download } from './download';
import { margin } from './figures';
import { More, usePages } from './more';
import { AsOf, useRange } from './range';

type Report = Schemas['ModelEconomics'];
type Model = Report['models'][number];
type Earned = Schemas['Earned'];
type Customer = Schemas['CustomerEconomics']['customers'][number];

const CHARTED_MAX = 8;
const NANOS_PER_DOLLAR = 1_000_000_000;

/** The page. */
export default function ModelEconomics() {
  const { span, key, fields } = useRange();
  const report = useResource<Report>(`admin/models:${key}`, () => ask.modelEconomics(span));
  return (
    <Page
      title="Models and margins"
      lede="Revenue at the face of the credits, and the money that was really paid for them."
      actions={<Download what="days" span={span} />}
    >
      {fields}
      <When resource={report} label="Loading the models" lines={8}>
        {(found) => <Models report={found} />}
      </When>
      <Customers />
    </Page>
  );
}

function Models({ report }: { report: Report }) {
  const { models, totals } = report;
  const losing = models.filter((it) => it.is_below_cost);
  if (models.length === 0) {
    return (
      <Card>
        <EmptyState title="No model was called in these days">
          Days are counted every quarter of an hour; choose other days above.
        </EmptyState>
        <AsOf at={report.as_of} isExact={report.is_exact} />
      </Card>
    );
  }
  return (
    <>
      {losing.length > 0 && (
        <Notice tone="bad">
          <strong>Below cost:</strong> {losing.map((it) => it.model).join(', ')}. What was charged
          or paid for {losing.length === 1 ? 'it' : 'them'} is less than the provider’s price.
        </Notice>
      )}
      <Card>
        <dl class="figures">
          <Figure label="Provider cost" value={dollars(totals.provider_cost_nanos)} />
          <Figure
            label="Revenue, at face"
            value={dollars(totals.revenue_nanos)}
            note={`margin ${margin(totals.margin_pct)}`}
          />
          <Figure
            label="Money received for it"
            value={dollars(totals.received_nanos)}
            note={`margin ${margin(totals.received_margin_pct)}`}
          />
          <Figure label="Calls" value={count(totals.total_requests)} />
        </dl>
        <AsOf at={report.as_of} isExact={report.is_exact} />
      </Card>
      <Card title="Cost, revenue and money received">
        <ModelChart models={models.slice(0, CHARTED_MAX)} all={models.length} />
      </Card>
      <Card title="By model">
        <Table
          caption="What each model cost and earned, the largest revenue first"
          columns={[
            { title: 'Model', cell: (it: Model) => <Named name={it.model} of={it} /> },
            { title: 'Provider', cell: (it: Model) => it.provider },
            { title: 'Calls', cell: (it: Model) => count(it.total_requests), isNumber: true },
            {
              title: 'Tokens in',
              cell: (it: Model) => count(it.total_input_tokens),
              isNumber: true,
            },
            {
              title: 'Tokens out',
              cell: (it: Model) => count(it.total_output_tokens),
              isNumber: true,
            },
            ...EARNED,
          ]}
          rows={models}
          keyOf={(it) => `${it.provider}/${it.model}`}
        />
      </Card>
    </>
  );
}

const EARNED: Column<Earned>[] = [
  { title: 'Cost', cell: (it) => dollars(it.provider_cost_nanos), isNumber: true },
  { title: 'Revenue', cell: (it) => dollars(it.revenue_nanos), isNumber: true },
  { title: 'Margin', cell: (it) => margin(it.margin_pct), isNumber: true },
  { title: 'Received', cell: (it) => dollars(it.received_nanos), isNumber: true },
  { title: 'Real margin', cell: (it) => margin(it.received_margin_pct), isNumber: true },
];

function Named({ name, of }: { name: string; of: Earned }) {
  return (
    <span class="row">
      {name}
      {of.is_below_cost && <Badge tone="bad">Below cost</Badge>}
    </span>
  );
}

function ModelChart({ models, all }: { models: readonly Model[]; all: number }) {
  const inDollars = (nanos: number) => nanos / NANOS_PER_DOLLAR;
  return (
    <Chart
      label={`Cost, revenue and money received in dollars, of ${models.length} of ${all} models`}
      spec={{
        labels: models.map((it) => it.model),
        series: [
          { name: 'Cost', values: models.map((it) => inDollars(it.provider_cost_nanos)) },
          { name: 'Revenue at face', values: models.map((it) => inDollars(it.revenue_nanos)) },
          { name: 'Received', values: models.map((it) => inDollars(it.received_nanos)) },
        ],
        unit: 'dollars',
        isLying: true,
      }}
      table={
        <Table
          caption="Cost, revenue and money received of each model"
          columns={[{ title: 'Model', cell: (it: Model) => it.model }, ...EARNED]}
          rows={models}
          keyOf={(it) => `${it.provider}/${it.model}`}
        />
      }
    />
  );
}

function Customers() {
  const [month, setMonth] = useState(new Date().toISOString().slice(0, 7));
  const pages = usePages(`admin/customer-economics:${month}`, (cursor) =>
    ask.customerEconomics(month, cursor),
  );
  return (
    <Card
      title="Customers by profit"
      lede="Those that cost us the most first, by the money they paid."
      actions={<Download what="customers" month={month} />}
    >
      <div class="filters admin-above">
        <Field
          label="Month"
          type="month"
          value={month}
          required
          onChange={(event) => event.currentTarget.value && setMonth(event.currentTarget.value)}
        />
      </div>
      <When resource={pages} label="Loading the customers">
        {() => {
          const rows = pages.all.flatMap((page) => page.customers);
          if (rows.length === 0) {
            return <EmptyState title="Nobody used anything in this month" />;
          }
          return (
            <>
              <Table
                caption="What each customer cost and paid"
                columns={[
                  {
                    title: 'Customer',
                    cell: (it: Customer) => (
                      <span class="row">
                        <a class="mono" href={`/app/admin/customers/${it.customer_id}`}>
                          {it.customer_id.slice(0, 8)}
                        </a>
                        {it.is_below_cost && <Badge tone="bad">Below cost</Badge>}
                      </span>
                    ),
                  },
                  {
                    title: 'Calls',
                    cell: (it: Customer) => count(it.total_requests),
                    isNumber: true,
                  },
                  ...EARNED,
                ]}
                rows={rows}
                keyOf={(it) => it.customer_id}
              />
              <More pages={pages} />
            </>
          );
        }}
      </When>
    </Card>
  );
}
