/** Customers whose payments want looking after. */

import { useState } from 'preact/hooks';
import type { Schemas } from '../app/api';
import { Card, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { type Column, Table } from '../app/components/table';
import { count, credits, creditsUp, day, instant, money, titled } from '../app/format';
import type { ProblemKind } from './ask';
import * as ask from './ask';
import { addressOf } from './customers';
import { worded } from './figures';
import { More, usePages } from './more';
import { Kinds } from './tabs';
import './admin.css';

type Problem = Schemas['PaymentProblem'];

const KINDS: readonly ProblemKind[] = [
  'past_due',
  'unpaid',
  'incomplete',
  'paused',
  'disputed',
  'owing',
  'parked',
];

const MEANINGS: { [kind in ProblemKind]: string } = {
  past_due: 'A renewal was not paid; Stripe tries again. What is left of the paid period stays.',
  unpaid: 'Stripe gave up on the invoice. Top-ups can still be spent, the plan brings nothing.',
  incomplete: 'The first payment was never completed. Nothing was given for it.',
  paused: 'The subscription is paused at Stripe and brings nothing.',
  disputed: 'A bank took the money back, or is about to. Its credits are gone or owed.',
  owing: 'Credits were taken back after they had been spent. The next top-up pays them first.',
  parked: 'A rule of the ledger was about to be broken, so nothing moves. See the runbook.',
};

/** The page. */
export default function Payments() {
  const [kind, setKind] = useState<ProblemKind>('past_due');
  const pages = usePages(`admin/payments:${kind}`, (cursor) => ask.payments(kind, cursor));
  const rows = pages.all.flatMap((page) => page.problems);
  return (
    <Page title="Payment problems" lede="From what is kept of Stripe; nothing is asked there.">
      <Kinds
        label="Kind of problem"
        names={KINDS}
        titleOf={worded}
        counts={pages.value?.counts}
        chosen={kind}
        onChoose={setKind}
      />
      <Card title={worded(kind)} lede={MEANINGS[kind]}>
        <When resource={pages} label="Loading the problems">
          {() =>
            rows.length === 0 ? (
              <EmptyState title="Nobody">No customer has this problem.</EmptyState>
            ) : (
              <Table
                caption={`Customers: ${worded(kind)}`}
                columns={columnsOf(kind)}
                rows={rows}
                keyOf={(it) => it.subscription_id ?? it.payment_id ?? it.customer_id}
              />
            )
          }
        </When>
        <More pages={pages} />
      </Card>
    </Page>
  );
}

const WHO: Column<Problem> = {
  title: 'Customer',
  cell: (it) =>
    it.customer ? (
      <a href={addressOf(it.customer)}>{it.customer.email || it.customer.external_id}</a>
    ) : (
      <span class="mono">{it.customer_id.slice(0, 8)} (deleted)</span>
    ),
};

const MONEY = (cents: number | undefined, currency?: string) =>
  cents === undefined ? '–' : money(cents, currency);

function columnsOf(kind: ProblemKind): Column<Problem>[] {
  if (kind === 'disputed') {
    return [
      WHO,
      {
        title: 'Disputed',
        cell: (it) => MONEY(it.disputed_cents, it.currency),
        isNumber: true,
      },
      { title: 'Of', cell: (it) => MONEY(it.paid_cents, it.currency), isNumber: true },
      { title: 'Paid', cell: (it) => (it.paid_at ? day(it.paid_at) : '–') },
      { title: 'Payment', cell: (it) => <span class="mono">{it.payment_id}</span> },
    ];
  }
  if (kind === 'owing') {
    const owed = (it: Problem) => credits(creditsUp(it.receivable_nanos ?? 0));
    return [WHO, { title: 'Owes', cell: owed, isNumber: true }];
  }
  if (kind === 'parked') return [WHO, { title: 'Rule', cell: (it) => it.reason }];
  return [
    WHO,
    { title: 'Plan', cell: (it) => (it.plan ? titled(it.plan) : '–') },
    { title: 'Price', cell: (it) => MONEY(it.price_cents), isNumber: true },
    {
      title: 'Since',
      cell: (it) => (it.payment_issue ? day(it.payment_issue.since_at) : '–'),
    },
    {
      title: 'Tries',
      cell: (it) => (it.payment_issue ? count(it.payment_issue.attempts) : '–'),
      isNumber: true,
    },
    {
      title: 'Next try',
      cell: (it) =>
        it.payment_issue?.next_attempt_at ? instant(it.payment_issue.next_attempt_at) : 'None',
    },
    {
      title: 'Invoice',
      cell: (it) => <span class="mono">{it.payment_issue?.invoice_id ?? '–'}</span>,
    },
  ];
}
