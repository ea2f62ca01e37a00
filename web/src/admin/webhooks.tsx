/** Stripe's events that are not finished, how reconciling went, and what waits to be delivered. */

import { useState } from 'preact/hooks';
import type { Schemas } from '../app/api';
import { Button } from '../app/components/button';
import { Badge, Card, Figure, Notice, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, instant } from '../app/format';
import { forget, type Resource, useResource } from '../app/resource';
import type { EventState, Health } from './ask';
import * as ask from './ask';
import { Deed } from './deed';
import { duration, worded } from './figures';
import { More, usePages } from './more';
import { Kinds } from './tabs';
import './admin.css';

type Event = Schemas['AdminEvent'];
type Delivery = Schemas['AdminDeliveries']['deliveries'][number];
type Run = Schemas['AdminJobRun'];

const STATES: readonly EventState[] = ['waiting', 'failed', 'parked'];
const MEANINGS: { [state in EventState]: string } = {
  waiting: 'Stored and not finished; tried again by itself, each time after a longer rest.',
  failed: 'Tried as often as it may be. Once its cause is mended, have it tried again.',
  parked: 'Nothing that is handled here: another mode, another account, an unknown shape.',
};

/** The page. */
export default function Webhooks() {
  const health = useResource<Health>('admin/health', ask.health);
  return (
    <Page title="Webhooks and reconciling" lede="What Stripe told us, and what we tell others.">
      <Inbox />
      <Reconciling health={health} />
      <Deliveries />
    </Page>
  );
}

function Inbox() {
  const [state, setState] = useState<EventState>('waiting');
  const [chosen, setChosen] = useState('');
  const pages = usePages(`admin/events:${state}`, (cursor) => ask.events(state, cursor));
  const rows = pages.all.flatMap((page) => page.events);
  return (
    <Card title="Inbox of Stripe’s events" lede={MEANINGS[state]}>
      <div class="stack">
        <Kinds
          label="State of the events"
          names={STATES}
          titleOf={worded}
          counts={pages.value?.counts}
          chosen={state}
          onChoose={setState}
        />
        <When resource={pages} label="Loading the inbox">
          {() =>
            rows.length === 0 ? (
              <EmptyState title={state === 'waiting' ? 'Everything is done' : 'None'} />
            ) : (
              <Table
                caption={`Events: ${worded(state)}`}
                columns={[
                  { title: 'Event', cell: (it: Event) => it.type },
                  { title: 'Age', cell: (it: Event) => duration(it.age_s), isNumber: true },
                  { title: 'Attempts', cell: (it: Event) => count(it.attempts), isNumber: true },
                  {
                    title: state === 'parked' ? 'Why' : 'Next try',
                    cell: (it: Event) =>
                      state === 'parked'
                        ? worded(it.reason)
                        : it.next_try_at
                          ? instant(it.next_try_at)
                          : 'None',
                  },
                  { title: 'About', cell: (it: Event) => <span class="mono">{it.object_id}</span> },
                  { title: 'Id', cell: (it: Event) => <span class="mono">{it.id}</span> },
                  {
                    title: 'Action',
                    cell: (it: Event) => (
                      <Button
                        kind="second"
                        label={`Try again: ${it.type} ${it.id}`}
                        onPress={() => setChosen(it.id)}
                      >
                        Try again
                      </Button>
                    ),
                  },
                ]}
                rows={rows}
                keyOf={(it) => it.id}
              />
            )
          }
        </When>
        <More pages={pages} />
      </div>
      <Deed
        title="Have this event tried again"
        lede="It becomes due as if it had just come, and is handled within five minutes."
        word="Try again"
        said="The event is due again."
        isOpen={chosen !== ''}
        onClose={() => setChosen('')}
        onDo={(reason, key) => ask.retryEvent(chosen, reason, key)}
        onDone={() => {
          forget('admin/events');
          forget('admin/health');
          forget('admin/records');
        }}
      />
    </Card>
  );
}

function Reconciling({ health }: { health: Resource<Health> }) {
  return (
    <Card
      title="Reconciling with Stripe"
      lede="Every hour our state is held against Stripe’s own lists."
    >
      <When resource={health} label="Loading how reconciling went">
        {({ jobs }) => {
          const job = jobs.find((it) => it.name === 'reconcile_stripe');
          if (!job?.last_run) {
            return (
              <EmptyState title="It has not run yet">
                By hand: <code>python -m creditbase.admin jobs run reconcile-stripe</code>
              </EmptyState>
            );
          }
          const { last_run: last, last_trouble: trouble } = job;
          return (
            <div class="stack">
              <Reconciled run={last} />
              {trouble && trouble.at !== last.at && (
                <Notice tone="warn">
                  <strong>Last found on {instant(trouble.at)}:</strong> {found(trouble)}.
                </Notice>
              )}
            </div>
          );
        }}
      </When>
    </Card>
  );
}

const listed = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function drift(run: Run): [string, number][] {
  const kinds = Object.entries((run.facts.drift ?? {}) as { [kind: string]: number });
  return kinds.filter(([, many]) => many > 0);
}

function found(run: Run): string {
  const parts = drift(run).map(([kind, many]) => `${count(many)} of ${worded(kind).toLowerCase()}`);
  const unknown = listed(run.facts.unknown).length;
  const unfinished = listed(run.facts.unfinished).length;
  if (unknown) parts.push(`${count(unknown)} that nobody knows`);
  if (unfinished) parts.push(`${count(unfinished)} that could not be looked at`);
  return parts.join(', ') || 'nothing';
}

function Reconciled({ run }: { run: Run }) {
  const differed = drift(run).reduce((sum, [, many]) => sum + many, 0);
  return (
    <>
      <p class="row">
        {differed + run.failed === 0 ? (
          <Badge tone="good">No difference</Badge>
        ) : (
          <Badge tone="warn">Found {found(run)}</Badge>
        )}
        {!run.is_complete && <Badge tone="warn">Not complete: the next run goes on</Badge>}
      </p>
      <dl class="figures">
        <Figure label="Last run" value={<span class="admin-when">{instant(run.at)}</span>} />
        <Figure label="Differed" value={count(differed)} />
        <Figure label="Mended" value={count(run.facts.repaired ? run.done : 0)} />
        <Figure label="For a person" value={count(run.failed)} />
      </dl>
    </>
  );
}

function Deliveries() {
  const pages = usePages('admin/deliveries', ask.deliveries);
  const rows = pages.all.flatMap((page) => page.deliveries);
  return (
    <Card title="Waiting for webhooks of projects" lede="Tried for three days, with longer rests.">
      <When resource={pages} label="Loading the deliveries">
        {() =>
          rows.length === 0 ? (
            <EmptyState title="Nothing waits" />
          ) : (
            <Table
              caption="Deliveries that wait"
              columns={[
                { title: 'Event', cell: (it: Delivery) => it.event_type },
                {
                  title: 'State',
                  cell: (it: Delivery) => <Badge>{worded(it.state.toLowerCase())}</Badge>,
                },
                { title: 'Attempts', cell: (it: Delivery) => count(it.attempts), isNumber: true },
                { title: 'Since', cell: (it: Delivery) => instant(it.created_at) },
                {
                  title: 'Next try',
                  cell: (it: Delivery) => (it.due_at ? instant(it.due_at) : 'None'),
                },
                { title: 'Error', cell: (it: Delivery) => it.error || '–' },
                {
                  title: 'Webhook',
                  cell: (it: Delivery) => <span class="mono">{it.webhook_id.slice(0, 8)}</span>,
                },
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
