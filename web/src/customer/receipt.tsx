/** A receipt: one movement, explained in words and in numbers that can be computed again. */

import { ArrowLeft } from 'lucide-preact';
import { useRoute } from 'preact-iso';
import { api, ok, type Schemas } from '../app/api';
import { Card, Figure, Page } from '../app/components/layout';
import { Skeleton } from '../app/components/skeleton';
import { ErrorState } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, creditsExactly, dollars, instant, short } from '../app/format';
import { useResource } from '../app/resource';
import { changeText, receiptAddress } from './ledger-query';
import './ledger.css';

type Entry = Schemas['LedgerReceipt'];

/** The page. */
export default function Receipt() {
  const id = useRoute().params.id ?? '';
  const receipt = useResource(`ledger/entry/${id}`, () =>
    ok(api.GET('/ledger/{entry_id}', { params: { path: { entry_id: id } } })),
  );
  const { value, error } = receipt;
  const title = value?.entry.description ?? 'Receipt';
  return (
    <Page
      title={title}
      lede={value && <time dateTime={value.entry.at}>{instant(value.entry.at)}</time>}
    >
      <p>
        <a class="row" href="/app/ledger">
          <ArrowLeft size={18} aria-hidden="true" /> All movements
        </a>
      </p>
      {value ? (
        <Parts entry={value.entry} />
      ) : (
        <Card>
          {error ? (
            <ErrorState
              error={error}
              retry={receipt.reload}
              {...(error.status === 404 && {
                title: 'There is no such receipt',
                message: 'Your ledger has no entry of this name. Perhaps the call is still open.',
              })}
            />
          ) : (
            <Skeleton label="Loading the receipt" lines={8} />
          )}
        </Card>
      )}
    </Page>
  );
}

function Parts({ entry }: { entry: Entry }) {
  return (
    <>
      <Card>
        <dl class="figures">
          <Figure
            label="Change"
            value={changeText(entry.change_nanos)}
            {...(BACK.includes(entry.kind) && { note: 'back from what was held' })}
          />
          {entry.kind === 'hold' && (
            <Figure
              label="Held"
              value={creditsExactly(entry.held_nanos ?? 0)}
              note="until the call is finished"
            />
          )}
          {Boolean(entry.captured_nanos) && (
            <Figure label="Charged" value={creditsExactly(entry.captured_nanos ?? 0)} />
          )}
          {Boolean(entry.shortfall_nanos) && (
            <Figure label="Not paid" value={creditsExactly(entry.shortfall_nanos ?? 0)} />
          )}
          <Figure label="Left after it" value={creditsExactly(entry.available_nanos ?? 0)} />
        </dl>
      </Card>
      <Card title="How it comes about">
        <ul class="receipt-words">
          {entry.explanation.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
        <Related entry={entry} />
      </Card>
      {entry.price && <Price price={entry.price} />}
      {entry.draws.length > 0 && (
        <Card title="Paid by">
          <Table
            caption="What it was taken from, in this order"
            columns={[
              { title: 'Credits', cell: (draw) => DRAWN[draw.kind] ?? draw.kind },
              {
                title: 'Amount',
                cell: (draw) => creditsExactly(draw.amount_nanos),
                isNumber: true,
              },
            ]}
            rows={entry.draws}
            keyOf={(draw) => draw.source}
          />
        </Card>
      )}
      <Postings entry={entry} />
    </>
  );
}

/** Entries that end a hold. */
const BACK: readonly Entry['kind'][] = ['capture', 'void', 'expire'];

const DRAWN: Record<string, string> = {
  plan: 'Credits of the plan',
  free: 'Free credits of the month',
  topup: 'Top-up',
  promo: 'Promotional credits',
  voucher: 'Credits of a voucher',
  adjustment: 'Adjustment',
  included: 'Limit of the plan',
};

function Related({ entry }: { entry: Entry }) {
  if (entry.kind === 'hold' && entry.hold_id) {
    return (
      <p>
        <a href={receiptAddress(`end:${entry.hold_id}`)}>How this call ended</a>
      </p>
    );
  }
  if (!entry.corrects) return null;
  return (
    <p>
      <a href={receiptAddress(entry.corrects)}>What it puts right</a>
    </p>
  );
}

function Price({ price }: { price: NonNullable<Entry['price']> }) {
  return (
    <Card title="The price" lede={`Price book ${price.price_book_version}, plan ${price.plan}`}>
      <Table
        caption="What was used, and what it costs"
        columns={[
          { title: 'Unit', cell: (line) => line.unit.replaceAll('_', ' ') },
          { title: 'Quantity', cell: (line) => count(line.quantity), isNumber: true },
          {
            title: 'Price',
            cell: (line) => `${dollars(line.price_nanos)} / ${short(line.per_units)}`,
            isNumber: true,
          },
        ]}
        rows={price.lines}
        keyOf={(line) => line.unit}
      />
      <p class="receipt-total">
        <span class="soft">
          {price.fee_nanos > 0 && `with a fee of ${dollars(price.fee_nanos)}, `}
          rounded up once to a millionth of a credit
        </span>{' '}
        <strong>{creditsExactly(price.amount_nanos)}</strong>
      </p>
    </Card>
  );
}

function Postings({ entry }: { entry: Entry }) {
  return (
    <Card>
      <details>
        <summary>For auditors: postings</summary>
        <div class="stack">
          <Table
            caption="Postings in nano-dollars; they sum to zero"
            showsCaption
            columns={[
              { title: 'Account', cell: ([name]) => <span class="mono">{name}</span> },
              { title: 'Nanos', cell: ([, nanos]) => count(nanos), isNumber: true },
            ]}
            rows={Object.entries(entry.postings)}
            keyOf={([name]) => name}
          />
          <dl class="receipt-chain">
            <dt>Entry</dt>
            <dd class="mono">{entry.id}</dd>
            <dt>Number</dt>
            <dd class="mono">{entry.seq}</dd>
          </dl>
        </div>
      </details>
    </Card>
  );
}
