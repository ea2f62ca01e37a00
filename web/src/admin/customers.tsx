/** Find a customer, or look through all. */

import './admin.css';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { Button } from '../app/components/button';
import { Field } from '../app/components/field';
import { Card, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { day } from '../app/format';
import type { Customer } from './ask';
import * as ask from './ask';
import { More, usePages } from './more';

/** The page; what is looked for stands in the address. */
export default function Customers() {
  const { query, route } = useLocation();
  const asked = query.find ?? '';
  const project = query.project ?? '';
  const [text, setText] = useState(asked);
  const [inProject, setInProject] = useState(project);
  const pages = usePages(`admin/customers:${project}:${asked}`, (cursor) =>
    ask.customers(asked, project, cursor),
  );
  const search = (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    if (text.trim()) wanted.set('find', text.trim());
    if (inProject.trim()) wanted.set('project', inProject.trim());
    route(`/app/admin/customers${wanted.size ? `?${wanted}` : ''}`);
  };
  return (
    <Page title="Customers">
      <Card>
        <search>
          <form class="filters" onSubmit={search}>
            <div class="admin-wide">
              <Field
                label="Find"
                type="search"
                maxLength={320}
                hint="Exactly: a customer’s id, Firebase uid or e-mail; at Stripe cus_…, pi_… or cs_…"
                value={text}
                onInput={(event) => setText(event.currentTarget.value)}
              />
            </div>
            <Field
              label="Project"
              hint="By id; empty: this application"
              value={inProject}
              onInput={(event) => setInProject(event.currentTarget.value)}
            />
            <Button type="submit">Find</Button>
          </form>
        </search>
      </Card>
      <Card title={asked ? 'Found' : 'All customers'}>
        <When resource={pages} label="Loading the customers">
          {() => <Found rows={pages.all.flatMap((page) => page.customers)} asked={asked} />}
        </When>
        <More pages={pages} />
      </Card>
    </Page>
  );
}

function Found({ rows, asked }: { rows: readonly Customer[]; asked: string }) {
  if (rows.length === 0) {
    return asked ? (
      <EmptyState title="Nobody is called that">
        The search is exact: no part of a name, and no other spelling.
      </EmptyState>
    ) : (
      <EmptyState title="No customers yet">
        Whoever signs in for the first time becomes one.
      </EmptyState>
    );
  }
  return (
    <Table
      caption="Customers"
      columns={[
        {
          title: 'Customer',
          cell: (it: Customer) => <a href={addressOf(it)}>{it.email || it.external_id}</a>,
        },
        { title: 'Id', cell: (it: Customer) => <span class="mono">{it.id.slice(0, 8)}</span> },
        {
          title: 'At Stripe',
          cell: (it: Customer) =>
            it.stripe_customer_id ? <span class="mono">{it.stripe_customer_id}</span> : '–',
        },
        { title: 'Since', cell: (it: Customer) => day(it.created_at) },
      ]}
      rows={rows}
      keyOf={(it) => it.id}
    />
  );
}

/** A customer’s page; it names the project, which may be another. */
export function addressOf(it: { id: string; project_id: string }): string {
  return `/app/admin/customers/${it.id}?project=${it.project_id}`;
}
