/** A customer: who it is, what is in the wallet, its ledger, and what can be done about it. */

import './admin.css';
import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { Button } from '../app/components/button';
import { Badge, Card, Figure, Notice, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, credits, creditsDown, creditsExactly, creditsUp, day, titled } from '../app/format';
import { forget, useResource } from '../app/resource';
import type { Customer, Wallet } from './ask';
import * as ask from './ask';
import { AdjustDeed, FreezeDeed, GrantDeed } from './customer-deeds';
import { CustomerLedger } from './customer-ledger';
import { worded } from './figures';
import { Records } from './records';

type Grant = Wallet['grants'][number];
type Open = '' | 'adjust' | 'grant' | 'freeze';

/** The page. */
export default function CustomerPage() {
  const { id = '' } = useRoute().params;
  const project = useLocation().query.project ?? '';
  const shown = useResource(`admin/customer:${id}`, () => ask.customer(id, project));
  const [open, setOpen] = useState<Open>('');
  const [corrects, setCorrects] = useState('');
  const close = () => setOpen('');
  const changed = () => {
    shown.reload();
    forget(`admin/ledger:${id}`);
    forget(`admin/records:${id}`);
  };
  const adjust = (entry: string) => {
    setCorrects(entry);
    setOpen('adjust');
  };
  return (
    <When resource={shown} label="Loading the customer" lines={8}>
      {({ customer }) => {
        const { wallet } = customer;
        const deed = { id, project, onClose: close, onDone: changed };
        return (
          <Page
            title={customer.email || customer.external_id}
            lede={<span class="mono">{customer.id}</span>}
            actions={wallet && <Actions wallet={wallet} onAdjust={adjust} onOpen={setOpen} />}
          >
            <Standing wallet={wallet} />
            <Profile customer={customer} />
            {wallet && <InWallet wallet={wallet} />}
            <CustomerLedger id={id} project={project} onCorrect={adjust} />
            <Records customerId={id} title="What was done about this customer" />
            <AdjustDeed {...deed} corrects={corrects} isOpen={open === 'adjust'} />
            <GrantDeed {...deed} isOpen={open === 'grant'} />
            <FreezeDeed {...deed} isFrozen={Boolean(wallet?.frozen)} isOpen={open === 'freeze'} />
          </Page>
        );
      }}
    </When>
  );
}

interface ActionsProps {
  wallet: Wallet;
  onAdjust: (entry: string) => void;
  onOpen: (deed: Open) => void;
}

function Actions({ wallet, onAdjust, onOpen }: ActionsProps) {
  return (
    <>
      <Button kind="second" onPress={() => onAdjust('')}>
        Adjust
      </Button>
      <Button kind="second" onPress={() => onOpen('grant')}>
        Give credits
      </Button>
      <Button kind={wallet.frozen ? 'second' : 'danger'} onPress={() => onOpen('freeze')}>
        {wallet.frozen ? 'Thaw' : 'Freeze'}
      </Button>
    </>
  );
}

function Standing({ wallet }: { wallet: Wallet | undefined }) {
  if (!wallet) {
    return <Notice tone="plain">This customer has no wallet yet: nothing was ever asked.</Notice>;
  }
  return (
    <>
      {wallet.parked && (
        <Notice tone="bad">
          <strong>Parked:</strong> {wallet.parked}. Nothing moves until the wallet was checked.
        </Notice>
      )}
      {wallet.frozen && (
        <Notice tone="warn">
          <strong>Frozen</strong> by {wallet.frozen}: nothing can be spent, credits may still come.
        </Notice>
      )}
      {wallet.payment_issue && <Notice tone="warn">A payment of the subscription failed.</Notice>}
    </>
  );
}

function Profile({ customer }: { customer: Customer }) {
  const rows = [
    ['Name in the project', customer.external_id],
    ['Firebase uid', customer.uid],
    ['E-mail', customer.email],
    ['At Stripe', customer.stripe_customer_id],
    ['Project', customer.project_id],
    ['Customer since', day(customer.created_at)],
    ['Tier', customer.tier ? `${customer.tier.tier_id} (${customer.tier.status})` : ''],
  ].filter(([, value]) => value);
  return (
    <Card title="Profile">
      <dl class="admin-facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function InWallet({ wallet }: { wallet: Wallet }) {
  return (
    <Card
      title="Wallet"
      lede={`${titled(wallet.plan)} plan, ${day(wallet.window_start_at)} to ${day(wallet.window_end_at)}`}
      actions={
        wallet.subscription_status !== 'none' && <Badge>{worded(wallet.subscription_status)}</Badge>
      }
    >
      <dl class="figures admin-above">
        <Figure label="Available" value={count(creditsDown(wallet.available_nanos))} />
        <Figure
          label="Held"
          value={count(creditsUp(wallet.held_nanos))}
          note={`${count(wallet.open_holds)} open ${wallet.open_holds === 1 ? 'hold' : 'holds'}`}
        />
        <Figure label="Owed" value={count(creditsUp(wallet.receivable_nanos))} />
        <Figure label="Used in this period" value={count(creditsUp(wallet.used_nanos))} />
        <Figure label="Entries" value={count(wallet.entries)} />
      </dl>
      {wallet.grants.length === 0 ? (
        <EmptyState title="No credits are live" />
      ) : (
        <Table
          caption="Credits in the order in which they burn"
          showsCaption
          columns={[
            { title: 'Kind', cell: (it: Grant) => titled(it.kind) },
            {
              title: 'Left',
              cell: (it: Grant) => creditsExactly(it.remaining_nanos),
              isNumber: true,
            },
            { title: 'Held', cell: (it: Grant) => creditsExactly(it.held_nanos), isNumber: true },
            {
              title: 'Given',
              cell: (it: Grant) => credits(creditsDown(it.granted_nanos)),
              isNumber: true,
            },
            { title: 'Ends', cell: (it: Grant) => (it.expires_at ? day(it.expires_at) : 'Never') },
          ]}
          rows={wallet.grants}
          keyOf={(it) => it.id}
        />
      )}
    </Card>
  );
}
