/** What administrators did, when and why. */

import { Card } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { creditsExactly, instant } from '../app/format';
import type { Record } from './ask';
import * as ask from './ask';
import { worded } from './figures';
import { More, usePages } from './more';

/** The records of a customer, or of all where it is empty. */
export function Records({ customerId, title }: { customerId: string; title?: string }) {
  const pages = usePages(`admin/records:${customerId}`, (cursor) =>
    ask.records(customerId, cursor),
  );
  const rows = pages.all.flatMap((page) => page.records);
  return (
    <Card {...(title && { title })}>
      <When resource={pages} label="Loading the records">
        {() =>
          rows.length === 0 ? (
            <EmptyState title="Nothing was done yet">
              Whatever an administrator does stands here, with who, when and why.
            </EmptyState>
          ) : (
            <Table
              caption="What administrators did, the newest first"
              columns={[
                { title: 'What', cell: (it: Record) => worded(it.action) },
                { title: 'When', cell: (it: Record) => instant(it.at) },
                { title: 'Why', cell: (it: Record) => it.reason },
                { title: 'About', cell: (it: Record) => <About record={it} /> },
                { title: 'Change', cell: change, isNumber: true },
                { title: 'By', cell: (it: Record) => <span class="mono">{it.actor}</span> },
              ]}
              rows={rows}
              keyOf={(it) => it.id}
            />
          )
        }
      </When>
      <More pages={pages} />
    </Card>
  );
}

function About({ record }: { record: Record }) {
  const { customer_id: id, project_id: project, asked } = record;
  if (id) {
    return (
      <a class="mono" href={`/app/admin/customers/${id}?project=${project}`}>
        {id.slice(0, 8)}
      </a>
    );
  }
  return <span class="mono">{String(asked.event ?? asked.voucher ?? '–').slice(0, 20)}</span>;
}

function change({ before, after }: Record): string {
  if (!before || !after || !('available_nanos' in before) || !('available_nanos' in after)) {
    return '–';
  }
  const nanos = Number(after.available_nanos) - Number(before.available_nanos);
  return nanos ? creditsExactly(nanos) : '–';
}
