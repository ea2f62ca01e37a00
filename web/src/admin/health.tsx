/** How the house is: wallets that stand still, what waits, and what the jobs did. */

import type { Schemas } from '../app/api';
import { Button } from '../app/components/button';
import { Badge, Card, Page } from '../app/components/layout';
import { When } from '../app/components/states';
import { Table } from '../app/components/table';
import { count, instant } from '../app/format';
import { useResource } from '../app/resource';
import type { Health } from './ask';
import * as ask from './ask';
import { ageS, duration, worded } from './figures';
import './admin.css';

type Job = Health['jobs'][number];
type Wallet = Schemas['AdminWalletsNamed']['wallets'][number];

const LAG_S_MAX = 3_600;
const WAITS_S_MAX = 900;

interface Check {
  name: string;
  /** What was found, in words. */
  found: string;
  isGood: boolean;
  meaning: string;
}

/** The page. */
export default function HealthPage() {
  const health = useResource<Health>('admin/health', ask.health);
  return (
    <Page
      title="Invariants and jobs"
      lede="Each commit is held against the rules of the ledger; what would break one is parked."
      actions={
        <Button kind="second" onPress={health.reload}>
          Look again
        </Button>
      }
    >
      <When resource={health} label="Looking at the house" lines={10}>
        {(found) => <Shown health={found} />}
      </When>
    </Page>
  );
}

function Shown({ health }: { health: Health }) {
  const now = new Date(health.generated_at);
  const checks = checksOf(health, now);
  const bad = checks.filter((it) => !it.isGood).length;
  return (
    <>
      <Card
        title="Checks"
        lede={`Looked at on ${instant(health.generated_at)}.`}
        actions={
          bad === 0 ? (
            <Badge tone="good">All good</Badge>
          ) : (
            <Badge tone="bad">{bad} to look at</Badge>
          )
        }
      >
        <Table
          caption="Checks"
          columns={[
            {
              title: 'Check',
              cell: (it: Check) => (
                <>
                  {it.name}
                  <div class="soft check-meaning">{it.meaning}</div>
                </>
              ),
            },
            {
              title: 'State',
              cell: (it: Check) => (
                <Badge tone={it.isGood ? 'good' : 'bad'}>{it.isGood ? 'Good' : 'Look'}</Badge>
              ),
            },
            { title: 'Found', cell: (it: Check) => it.found },
          ]}
          rows={checks}
          keyOf={(it) => it.name}
        />
      </Card>
      <Named title="Parked wallets" named={health.parked_wallets} detail={(it) => it.reason} />
      <Named
        title="Wallets with holds that nobody ended"
        named={health.overdue_holds}
        detail={(it) => (it.due_at ? `since ${instant(it.due_at)}` : '')}
      />
      <Card title="Jobs" lede="What each did last, and when it last met trouble.">
        <Table
          caption="Jobs"
          columns={[
            { title: 'Job', cell: (it: Job) => worded(it.name) },
            {
              title: 'Last run',
              cell: (it: Job) => (it.last_run ? instant(it.last_run.at) : 'Never'),
            },
            {
              title: 'Done',
              cell: (it: Job) => (it.last_run ? count(it.last_run.done) : '–'),
              isNumber: true,
            },
            {
              title: 'Failed',
              cell: (it: Job) => (it.last_run ? count(it.last_run.failed) : '–'),
              isNumber: true,
            },
            {
              title: 'Last trouble',
              cell: (it: Job) => (it.last_trouble ? instant(it.last_trouble.at) : 'None'),
            },
          ]}
          rows={health.jobs}
          keyOf={(it) => it.name}
        />
      </Card>
    </>
  );
}

const waits = (many: number) => (many === 0 ? 'Nothing waits' : `${count(many)} wait`);

function since(at: string | undefined, now: Date): string {
  return at ? `, the longest due for ${duration(ageS(at, now))}` : '';
}

const isLate = (at: string | undefined, now: Date) =>
  Boolean(at) && ageS(at ?? '', now) > WAITS_S_MAX;

function verified(found: Health['verification'], now: Date): string {
  if (!found.looked_at) return 'Never verified';
  const looked = `What changed, ${duration(ageS(found.looked_at, now))} ago`;
  if (!found.rounded_at) return `${looked}; the first round of all is under way`;
  const round = `all ${count(found.wallets)}, ${duration(ageS(found.rounded_at, now))} ago`;
  return `${looked}; ${round}${found.broken ? `, ${count(found.broken)} broken` : ''}`;
}

function checksOf(health: Health, now: Date): Check[] {
  const { roll_up: rollUp, verification, inbox, outboxes } = health;
  const parked = health.parked_wallets.wallets.length;
  const overdue = health.overdue_holds.wallets.length;
  return [
    {
      name: 'No wallet is parked',
      found: parked ? `${many(parked, health.parked_wallets.are_all)} parked` : 'None is',
      isGood: parked === 0,
      meaning: 'A rule was about to be broken there; nothing moves until a person has looked.',
    },
    {
      name: 'Ledgers are verified',
      found: verified(verification, now),
      isGood:
        verification.broken === 0 &&
        Boolean(verification.looked_at) &&
        ageS(verification.looked_at ?? '', now) <= LAG_S_MAX,
      meaning: 'What changed is proved within the hour, and every wallet within a week.',
    },
    {
      name: 'Holds end in time',
      found: overdue ? `${many(overdue, health.overdue_holds.are_all)} overdue` : 'All do',
      isGood: overdue === 0,
      meaning: 'Balances are right all the same; the job that tidies them stands still.',
    },
    {
      name: 'Platform days are fresh',
      found: rollUp.as_of ? `${duration(rollUp.lag_s ?? 0)} old` : 'Never counted',
      isGood: Boolean(rollUp.as_of) && (rollUp.lag_s ?? 0) <= LAG_S_MAX,
      meaning: 'Usage and margins are exact as of then.',
    },
    {
      name: 'Stripe’s events are handled',
      found: `${waits(inbox.waiting)}${since(inbox.due_since, now)}; ${count(inbox.failed)} failed`,
      isGood: inbox.failed === 0 && !isLate(inbox.due_since, now),
      meaning: 'Somebody may have paid and not been credited.',
    },
    ...outboxes.map((box) => ({
      name: OUTBOXES[box.name],
      found: `${waits(box.waiting)}${since(box.due_since, now)}`,
      isGood: !isLate(box.due_since, now),
      meaning: MEANINGS[box.name],
    })),
  ];
}

type Outbox = Health['outboxes'][number]['name'];

const OUTBOXES: { [name in Outbox]: string } = {
  mail: 'Mail is sent',
  crossings: 'Low balances are answered',
  events: 'Events are handed on',
  deliveries: 'Webhooks of projects take them',
};

const MEANINGS: { [name in Outbox]: string } = {
  mail: 'Customers hear of failed payments and refunds by it.',
  crossings: 'Reminders, and top-ups that wallets make by themselves.',
  events: 'Developers are told by their webhooks.',
  deliveries: 'What waits here is an endpoint of theirs that does not answer.',
};

const many = (shown: number, areAll: boolean) => (areAll ? count(shown) : `more than ${shown}`);

interface NamedProps {
  title: string;
  named: Schemas['AdminWalletsNamed'];
  detail: (wallet: Wallet) => string | undefined;
}

function Named({ title, named, detail }: NamedProps) {
  if (named.wallets.length === 0) return null;
  return (
    <Card title={title} {...(!named.are_all && { lede: 'The first of them.' })}>
      <Table
        caption={title}
        columns={[
          {
            title: 'Customer',
            cell: (it: Wallet) => (
              <a
                class="mono"
                href={`/app/admin/customers/${it.customer_id}?project=${it.project_id}`}
              >
                {it.customer_id}
              </a>
            ),
          },
          { title: 'Detail', cell: (it: Wallet) => detail(it) ?? '' },
        ]}
        rows={named.wallets}
        keyOf={(it) => `${it.project_id}/${it.customer_id}`}
      />
    </Card>
  );
}
