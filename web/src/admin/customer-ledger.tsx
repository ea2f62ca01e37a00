/** A customer's ledger with cost and margin, and an entry computed again. */

import { useState } from 'preact/hooks';
import type { Schemas } from '../app/api';
import { Button } from '../app/components/button';
import { Dialog } from '../app/components/dialog';
import { Badge, Card, Notice } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, creditsExactly, dollars, instant, percent } from '../app/format';
import { useResource } from '../app/resource';
import type { Row } from './ask';
import * as ask from './ask';
import { worded } from './figures';
import { More, usePages } from './more';

const BPS = 10_000;

type Explanation = Schemas['Explanation'];
type Line = Explanation['lines'][number];

interface Props {
  id: string;
  project: string;
  /** Asked to put an entry right. */
  onCorrect: (entry: string) => void;
}

/** The card. */
export function CustomerLedger({ id, project, onCorrect }: Props) {
  const pages = usePages(`admin/ledger:${id}`, (cursor) => ask.ledger(id, project, cursor));
  const [entry, setEntry] = useState('');
  const rows = pages.all.flatMap((page) => page.entries);
  return (
    <Card title="Ledger" lede="The newest first, with what each call cost us.">
      <When resource={pages} label="Loading the ledger" lines={5}>
        {() =>
          rows.length === 0 ? (
            <EmptyState title="No entries yet" />
          ) : (
            <Table
              caption="Entries of the ledger"
              columns={[
                {
                  title: 'What',
                  cell: (it: Row) => (
                    <button type="button" class="link" onClick={() => setEntry(it.id)}>
                      <span class="unseen">Explain {it.seq}: </span>
                      {it.description}
                    </button>
                  ),
                },
                { title: 'When', cell: (it: Row) => instant(it.at) },
                {
                  title: 'Change',
                  cell: (it: Row) => creditsExactly(it.change_nanos),
                  isNumber: true,
                },
                {
                  title: 'Cost',
                  cell: (it: Row) => (it.cost_nanos === undefined ? '–' : dollars(it.cost_nanos)),
                  isNumber: true,
                },
                {
                  title: 'Margin',
                  cell: (it: Row) =>
                    it.margin_nanos === undefined ? '–' : dollars(it.margin_nanos),
                  isNumber: true,
                },
                {
                  title: 'Available after',
                  cell: (it: Row) => creditsExactly(it.available_nanos),
                  isNumber: true,
                },
              ]}
              rows={rows}
              keyOf={(it) => it.id}
            />
          )
        }
      </When>
      <More pages={pages} />
      <Dialog title="The entry, computed again" isOpen={entry !== ''} onClose={() => setEntry('')}>
        {entry && (
          <Explained
            id={id}
            project={project}
            entry={entry}
            onCorrect={() => {
              setEntry('');
              onCorrect(entry);
            }}
          />
        )}
      </Dialog>
    </Card>
  );
}

interface ExplainedProps {
  id: string;
  project: string;
  entry: string;
  onCorrect: () => void;
}

function Explained({ id, project, entry, onCorrect }: ExplainedProps) {
  const found = useResource<Explanation>(`admin/explain:${id}:${entry}`, () =>
    ask.explain(id, project, entry),
  );
  return (
    <div class="stack">
      <p class="mono small soft">{entry}</p>
      <When resource={found} label="Computing it again">
        {(it) => (
          <>
            <Verdict found={it} />
            {it.lines.length > 0 && <Lines found={it} />}
            <div class="row">
              <Button kind="second" onPress={onCorrect}>
                Adjust to correct it
              </Button>
            </div>
          </>
        )}
      </When>
    </div>
  );
}

function Verdict({ found }: { found: Explanation }) {
  if (found.agrees) {
    return (
      <p class="row">
        <Badge tone="good">Agrees to the nano</Badge>
        {found.is_book_checked && <span class="small soft">prices held against the book</span>}
      </p>
    );
  }
  return (
    <Notice tone="bad">
      <strong>It does not agree.</strong>
      <ul>
        {found.differences.map((it) => (
          <li key={it.what}>
            {it.what}: says {it.said}, computed {it.computed}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function Lines({ found }: { found: Explanation }) {
  const { margin } = found;
  return (
    <>
      <Table
        caption="What was used, and its price"
        columns={[
          { title: 'Unit', cell: (it: Line) => worded(it.unit) },
          { title: 'Quantity', cell: (it: Line) => count(it.quantity), isNumber: true },
          {
            title: 'A million',
            cell: (it: Line) => dollars(it.nanos_per_million),
            isNumber: true,
          },
        ]}
        rows={found.lines}
        keyOf={(it) => it.unit}
      />
      <dl class="admin-facts">
        <div>
          <dt>Cost</dt>
          <dd>{dollars(found.cost_nanos ?? 0)}</dd>
        </div>
        {margin && (
          <div>
            <dt>Markup</dt>
            <dd>
              {percent(margin.bps / BPS)} ({margin.rule})
              {margin.fee_nanos > 0 && `, ${dollars(margin.fee_nanos)} a call`}
              {margin.minimum_nanos > 0 && `, at least ${dollars(margin.minimum_nanos)}`}
            </dd>
          </div>
        )}
        <div>
          <dt>Price</dt>
          <dd>{creditsExactly(found.price_nanos ?? 0)}</dd>
        </div>
      </dl>
    </>
  );
}
