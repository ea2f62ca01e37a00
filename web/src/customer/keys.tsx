/** API keys: made and shown once, listed, revoked. */

import { KeyRound } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { api, asApiError, call, ok, type Schemas } from '../app/api';
import { Button } from '../app/components/button';
import { CopyButton } from '../app/components/copy';
import { Dialog } from '../app/components/dialog';
import { Field } from '../app/components/field';
import { Card, Notice, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { type Column, Table } from '../app/components/table';
import { toast } from '../app/components/toast';
import { credits, day, instant } from '../app/format';
import { forget, useResource } from '../app/resource';
import './keys.css';

type Key = Schemas['ApiKey'];

const NAME_MAX = 64;
const BUDGET_MAX = 1_000_000_000;

/** The page. */
export default function Keys() {
  const keys = useResource('api-keys', () => ok(api.GET('/api-keys')));
  const [isMaking, setIsMaking] = useState(false);
  const [leaving, setLeaving] = useState<Key | null>(null);
  const make = (
    <Button onPress={() => setIsMaking(true)}>
      <KeyRound size={18} aria-hidden="true" /> Create a key
    </Button>
  );
  return (
    <Page
      title="API keys"
      lede="With a key a program calls models and pays with your credits. It may not buy, and it may not make keys."
      actions={make}
    >
      <Card>
        <When resource={keys} label="Loading your keys">
          {({ api_keys: rows }) =>
            rows.length === 0 ? (
              <EmptyState title="No keys yet">
                Create one for each program, so that you can revoke it alone.
              </EmptyState>
            ) : (
              <Table
                caption="Your keys, newest first"
                columns={columns(setLeaving)}
                rows={rows}
                keyOf={(key) => key.id}
              />
            )
          }
        </When>
      </Card>
      <p class="soft">
        Building a web app? <a href="/app/embed">Elements for your pages</a> show these credits
        there, and need no key.
      </p>
      <Dialog title="Create a key" isOpen={isMaking} onClose={() => setIsMaking(false)}>
        <Making onDone={() => setIsMaking(false)} />
      </Dialog>
      <Dialog title="Revoke this key?" isOpen={leaving !== null} onClose={() => setLeaving(null)}>
        {leaving && <Leaving apiKey={leaving} onDone={() => setLeaving(null)} />}
      </Dialog>
    </Page>
  );
}

function columns(revoke: (key: Key) => void): readonly Column<Key>[] {
  return [
    {
      title: 'Key',
      cell: (key) => (
        <>
          {key.name}
          <br />
          <span class="mono soft keys-name">{`${key.prefix}…${key.last4}`}</span>
        </>
      ),
    },
    {
      title: 'Budget',
      cell: (key) => (key.budget_credits === null ? 'no limit' : credits(key.budget_credits)),
    },
    {
      title: 'Last used',
      cell: (key) => (key.last_used_at === null ? 'never' : instant(key.last_used_at)),
    },
    { title: 'Expires', cell: (key) => <span class="keys-name">{day(key.expires_at)}</span> },
    {
      title: 'Action',
      cell: (key) => (
        <Button kind="danger" label={`Revoke ${key.name}`} onPress={() => revoke(key)}>
          Revoke
        </Button>
      ),
    },
  ];
}

// ---- a new key ---------------------------------------------------------------------------------

function Making({ onDone }: { onDone: () => void }) {
  const [made, setMade] = useState<Schemas['NewApiKey'] | null>(null);
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const budget = String(form.get('budget') ?? '').trim();
    setIsBusy(true);
    setProblem('');
    try {
      const name = String(form.get('name') ?? '').trim();
      setMade(await call('api_keys', { name, ...(budget && { budget_credits: Number(budget) }) }));
      forget('api-keys');
    } catch (refused) {
      setProblem(wordsFor(refused));
    } finally {
      setIsBusy(false);
    }
  };
  if (made) return <Made made={made} onDone={onDone} />;
  return (
    <form class="stack" onSubmit={submit}>
      <Field
        label="Name"
        name="name"
        required
        maxLength={NAME_MAX}
        placeholder="My editor"
        hint="Whatever tells you later what it is for."
        autocomplete="off"
      />
      <Field
        label="Budget in credits (optional)"
        name="budget"
        type="number"
        inputMode="numeric"
        min={1}
        max={BUDGET_MAX}
        step={1}
        hint="The most it may spend in a billing period. Without one it may spend all you have."
      />
      {problem && (
        <div role="alert">
          <Notice tone="bad">{problem}</Notice>
        </div>
      )}
      <div class="row">
        <Button type="submit" isBusy={isBusy}>
          Create
        </Button>
        <Button kind="quiet" onPress={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

function Made({ made, onDone }: { made: Schemas['NewApiKey']; onDone: () => void }) {
  return (
    <div class="stack" role="status">
      <p>
        This is the key <strong>{made.name}</strong>. It is shown only now, and stored nowhere: copy
        it before you close this.
      </p>
      <div class="keys-secret">
        <code class="mono">{made.key}</code>
        <CopyButton text={made.key} label="Copy the key" />
      </div>
      <p class="small soft">
        It works until {day(made.expires_at)}
        {made.budget_credits !== null &&
          `, and spends at most ${credits(made.budget_credits)} in a billing period`}
        . Send it as <span class="mono">X-Api-Key</span>, or as the API key of an OpenAI client.
      </p>
      <div class="row">
        <Button onPress={onDone}>Done</Button>
      </div>
    </div>
  );
}

function wordsFor(problem: unknown): string {
  const error = asApiError(problem);
  if (error.code === 'KEY_LIMIT_REACHED') {
    return 'You have twenty keys, and there may be no more. Revoke one that is not used.';
  }
  return error.message;
}

// ---- an old key --------------------------------------------------------------------------------

function Leaving({ apiKey, onDone }: { apiKey: Key; onDone: () => void }) {
  const revoke = async () => {
    try {
      await ok(api.DELETE('/api-keys/{key_id}', { params: { path: { key_id: apiKey.id } } }));
      toast(`${apiKey.name} is revoked.`);
    } catch (problem) {
      const error = asApiError(problem);
      // Somebody was faster, perhaps this very person in another window.
      if (error.status !== 404) {
        toast(error.message, 'bad');
        return;
      }
    }
    forget('api-keys');
    onDone();
  };
  return (
    <div class="stack">
      <p>
        Whatever uses <strong>{apiKey.name}</strong> (
        <span class="mono">{`${apiKey.prefix}…${apiKey.last4}`}</span>) is refused from that moment
        on. This cannot be undone.
      </p>
      <div class="row">
        <Button kind="danger" onPress={revoke}>
          Revoke the key
        </Button>
        <Button kind="quiet" onPress={onDone}>
          Keep it
        </Button>
      </div>
    </div>
  );
}
