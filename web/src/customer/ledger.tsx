/** The ledger: every movement of the credits, page by page, and all of it as a table to keep. */

import { Download } from 'lucide-preact';
import { useLocation } from 'preact-iso';
import { api, fetchRaw, ok, type Schemas } from '../app/api';
import { Button } from '../app/components/button';
import { Choice, Field } from '../app/components/field';
import { Card, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { type Column, Table } from '../app/components/table';
import { toast } from '../app/components/toast';
import { creditsFigure, instant } from '../app/format';
import { useResource } from '../app/resource';
import {
  type Asked,
  addressOf,
  askedBy,
  changeFigure,
  filtersOf,
  isFiltered,
  KINDS,
  receiptAddress,
} from './ledger-query';
import { save } from './save';
import './ledger.css';

type Row = Schemas['LedgerRow'];

type Query = ReturnType<typeof filtersOf> & { cursor?: string };

/** Of the forms in which the ledger can be had, the one that is asked for here. */
type LedgerPage = { entries: Row[]; next_cursor?: string };

const COLUMNS: readonly Column<Row>[] = [
  {
    title: 'Movement',
    cell: (row) => (
      <>
        <a href={receiptAddress(row.id)}>{row.description}</a>
        <br />
        <time class="small soft" dateTime={row.at}>
          {instant(row.at)}
        </time>
      </>
    ),
  },
  { title: 'Credits', cell: (row) => changeFigure(row.change_nanos), isNumber: true },
  { title: 'Left after', cell: (row) => creditsFigure(row.available_nanos), isNumber: true },
];

/** The page. */
export default function Ledger() {
  const { query, route } = useLocation();
  const asked = askedBy(query);
  const filters = filtersOf(asked);
  const key = `ledger/page?${new URLSearchParams({ ...filters, cursor: asked.cursor })}`;
  const page = useResource(key, () =>
    load({ ...filters, ...(asked.cursor && { cursor: asked.cursor }) }),
  );
  const go = (change: Partial<Asked>) => route(addressOf({ ...asked, cursor: '', ...change }));
  return (
    <Page
      title="Ledger"
      lede="Every movement of your credits, newest first. Nothing is ever changed or removed here."
      actions={
        <Button kind="second" onPress={() => exportAs(filters)}>
          <Download size={18} aria-hidden="true" /> Download as CSV
        </Button>
      }
    >
      <Card>
        <Filters key={JSON.stringify(filters)} asked={asked} go={go} />
        <When resource={page} label="Loading the ledger" lines={10}>
          {({ entries, next_cursor: next }) =>
            entries.length === 0 ? (
              <Nothing isFiltered={isFiltered(asked)} />
            ) : (
              <>
                <Table
                  caption="Movements in credits, newest first"
                  columns={COLUMNS}
                  rows={entries}
                  keyOf={(row) => row.id}
                />
                <Pages asked={asked} next={next ?? ''} />
              </>
            )
          }
        </When>
      </Card>
    </Page>
  );
}

async function load(query: Query): Promise<LedgerPage> {
  return (await ok<unknown>(api.GET('/ledger', { params: { query } }))) as LedgerPage;
}

function Filters({ asked, go }: { asked: Asked; go: (change: Partial<Asked>) => void }) {
  return (
    <search class="filters ledger-filters">
      <Choice
        label="Kind"
        value={asked.kind}
        onChange={(event) => go({ kind: event.currentTarget.value as Asked['kind'] })}
      >
        <option value="">All kinds</option>
        {Object.entries(KINDS).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </Choice>
      <Field
        label="From (UTC)"
        type="date"
        value={asked.from}
        max={asked.to || undefined}
        onChange={(event) => go({ from: event.currentTarget.value })}
      />
      <Field
        label="To (UTC), inclusive"
        type="date"
        value={asked.to}
        min={asked.from || undefined}
        onChange={(event) => go({ to: event.currentTarget.value })}
      />
      {isFiltered(asked) && (
        <Button kind="quiet" onPress={() => go({ kind: '', from: '', to: '' })}>
          Clear filters
        </Button>
      )}
    </search>
  );
}

function Nothing({ isFiltered: narrowed }: { isFiltered: boolean }) {
  if (narrowed) {
    return (
      <EmptyState
        title="Nothing fits"
        action={
          <a class="button button-second" href="/app/ledger">
            Clear filters
          </a>
        }
      >
        No movement is of this kind and of these days.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Nothing has moved yet"
      action={
        <a class="button button-first" href="/app/playground">
          Open the playground
        </a>
      }
    >
      What you receive and what you use appears here at once.
    </EmptyState>
  );
}

/** The way on, and back to the newest; the browser's own way back is the one before. */
function Pages({ asked, next }: { asked: Asked; next: string }) {
  if (!next && !asked.cursor) return null;
  return (
    <nav class="row row-apart ledger-pages" aria-label="Pages of the ledger">
      {asked.cursor ? (
        <a class="button button-second" href={addressOf({ ...asked, cursor: '' })}>
          Newest
        </a>
      ) : (
        <span />
      )}
      {next ? (
        <a class="button button-second" href={addressOf({ ...asked, cursor: next })}>
          Older
        </a>
      ) : (
        <span class="soft">This is the beginning.</span>
      )}
    </nav>
  );
}

async function exportAs(filters: Record<string, string>): Promise<void> {
  try {
    // A long ledger comes in several tables, each with the names of its columns.
    let cursor = '';
    for (let part = 1; part === 1 || cursor; part += 1) {
      const query = new URLSearchParams({ ...filters, format: 'csv', ...(cursor && { cursor }) });
      const answer = await fetchRaw(`/ledger?${query}`);
      cursor = answer.headers.get('X-Next-Cursor') ?? '';
      save(await answer.blob(), part === 1 ? 'ledger.csv' : `ledger-${part}.csv`);
    }
  } catch (problem) {
    toast(problem instanceof Error ? problem.message : 'That did not work.', 'bad');
  }
}
