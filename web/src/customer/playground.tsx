/** The playground: call a model, watch the answer come, and see what it does to the credits. */

import { CircleStop, Send } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { creditsLeft } from '../app/account';
import { type ApiError, api, asApiError, fetchRaw, ok, type Schemas } from '../app/api';
import { account } from '../app/balance';
import { Button } from '../app/components/button';
import { Choice, TextField } from '../app/components/field';
import { Card, Notice, Page } from '../app/components/layout';
import { EmptyState, When } from '../app/components/states';
import { count, credits, creditsExactly, dollars } from '../app/format';
import { forget, useResource } from '../app/resource';
import { loadSettings } from '../app/settings';
import { receiptAddress } from './ledger-query';
import { eventsOf, requestOf } from './model-call';
import { type Call, callable, IDLE, refusedCall, stepsOf } from './playground-call';
import './playground.css';

type Model = Schemas['ListedModel'];

const PATH = '/api/v1/chat/completions';
const PROMPT = 'Explain in three sentences why a ledger never changes what is written in it.';

/** The page. */
export default function Playground() {
  const models = useResource('models', () => ok(api.GET('/models')));
  return (
    <Page
      title="Playground"
      lede="Call a model with your own credits. The most that it can cost is held first; what it used is charged, and the rest is yours again."
    >
      <When resource={models} label="Loading the models" lines={8}>
        {({ models: listed }) => {
          const chat = callable(listed);
          return chat.length === 0 ? (
            <Card>
              <EmptyState title="No models yet">This installation sells none so far.</EmptyState>
            </Card>
          ) : (
            <Desk models={chat} />
          );
        }}
      </When>
    </Page>
  );
}

function Desk({ models }: { models: readonly Model[] }) {
  const [chosen, setChosen] = useState(models[0]?.key ?? '');
  const { now, send, stop } = useCall();
  const isRunning = now.state === 'asking' || now.state === 'answering';
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    if (!isRunning) void send(chosen, String(form.get('prompt') ?? ''));
  };
  const model = models.find((one) => one.key === chosen);
  return (
    <div class="playground">
      <Card title="Ask">
        <form class="stack" onSubmit={submit}>
          <Choice
            label="Model"
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            {...(model && { hint: priceOf(model) })}
          >
            {models.map((one) => (
              <option key={one.key} value={one.key}>
                {one.display_name}
              </option>
            ))}
          </Choice>
          <TextField
            label="Prompt"
            name="prompt"
            required
            defaultValue={PROMPT}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
              event.currentTarget.form?.requestSubmit();
            }}
          />
          <div class="row">
            <Button type="submit" isBusy={isRunning}>
              <Send size={18} aria-hidden="true" /> Send
            </Button>
            {isRunning && (
              <Button kind="second" onPress={stop}>
                <CircleStop size={18} aria-hidden="true" /> Stop
              </Button>
            )}
            <span class="small soft">or Ctrl + Enter</span>
          </div>
        </form>
      </Card>
      <Card title="Answer">
        <Answer now={now} />
      </Card>
      <Card title="What it does to your credits" lede="As it happens">
        <Movement now={now} />
      </Card>
    </div>
  );
}

function priceOf(model: Model): string {
  const { input_tokens: input, output_tokens: output } = model.prices;
  if (!input || !output) return model.provider;
  const text = (price: typeof input) =>
    `${dollars(price.price_nanos)} for ${count(price.per_units)}`;
  return `Tokens in: ${text(input)}; tokens out: ${text(output)}.`;
}

// ---- the answer --------------------------------------------------------------------------------

function Answer({ now }: { now: Call }) {
  if (now.state === 'refused') return <Refused error={now.error} />;
  return (
    <>
      {/* Read aloud when it is whole: words that come one by one would be noise. */}
      <div
        class="playground-answer"
        aria-live="polite"
        aria-busy={now.state === 'asking' || now.state === 'answering'}
      >
        {now.state === 'idle' && <p class="soft">The answer appears here while it is written.</p>}
        {now.state === 'asking' && <p class="soft">Holding credits, and asking the model…</p>}
        {now.text && <p>{now.text}</p>}
      </div>
      {now.problem && <Notice tone="warn">{now.problem}</Notice>}
    </>
  );
}

function Refused({ error }: { error: ApiError }) {
  const words = refusedCall(error);
  return (
    <div class="stack" role="alert">
      <Notice tone={error.status === 402 ? 'warn' : 'bad'}>
        <h3>{words.title}</h3>
        {words.sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </Notice>
      {words.action && (
        <div class="row">
          <a class="button button-first" href={words.action.address}>
            {words.action.label}
          </a>
        </div>
      )}
    </div>
  );
}

// ---- the credits -------------------------------------------------------------------------------

function Movement({ now }: { now: Call }) {
  const { value } = account;
  return (
    <>
      <ol class="playground-steps">
        {stepsOf(now).map((step) => (
          <li key={step.name} class={`playground-step playground-${step.state}`}>
            <span class="playground-name">{step.name}</span>
            <span class="playground-amount">
              {step.nanos === undefined ? '–' : creditsExactly(step.nanos)}
            </span>
            <span class="small soft">{step.note}</span>
          </li>
        ))}
      </ol>
      <p class="playground-left" aria-live="polite">
        <span class="soft">Left to spend</span>{' '}
        <strong>{value ? credits(creditsLeft(value)) : '…'}</strong>
        {value && value.held > 0 && <span class="soft"> and {credits(value.held)} held</span>}
      </p>
      {now.state === 'done' && now.holdId && (
        <p>
          <a href={receiptAddress(`end:${now.holdId}`)}>Open the receipt</a>
        </p>
      )}
    </>
  );
}

// ---- the call ----------------------------------------------------------------------------------

function useCall() {
  const [now, setNow] = useState<Call>(IDLE);
  const running = useRef<AbortController | null>(null);
  // Who leaves the page leaves the call: it is charged for what it has written.
  useEffect(() => () => running.current?.abort(), []);

  const send = async (model: string, prompt: string) => {
    const control = new AbortController();
    running.current = control;
    let call: Call = { ...IDLE, state: 'asking' };
    const put = (change: Partial<Call>) => {
      call = { ...call, ...change } as Call;
      if (running.current === control) setNow(call);
    };
    put({});
    try {
      const answer = await ask(model, prompt, control.signal);
      for await (const event of eventsOf(answer)) {
        if (event.kind === 'held')
          put({ state: 'answering', holdId: event.holdId, heldNanos: event.heldNanos });
        if (event.kind === 'word') put({ text: call.text + event.text });
        if (event.kind === 'broken') put({ problem: event.message });
      }
    } catch (problem) {
      if (!control.signal.aborted) {
        if (call.state === 'asking') {
          put({ state: 'refused', error: asApiError(problem) });
          return;
        }
        put({ problem: 'The connection broke off. What was written until then is charged.' });
      } else if (call.state === 'asking') {
        put(IDLE);
        return;
      } else {
        put({ problem: 'You stopped the answer. What was written until then is charged.' });
      }
    }
    await settle(call.holdId, put);
  };
  return { now, send, stop: () => running.current?.abort() };
}

async function ask(model: string, prompt: string, signal: AbortSignal): Promise<Response> {
  const { gatewayUrl } = await loadSettings();
  return fetchRaw(`${gatewayUrl ?? ''}${PATH}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(requestOf(model, prompt)),
    signal,
  });
}

const RECEIPT_WAITS_MS = [0, 1_500, 3_000];

/** Read the receipt: there at once after a whole answer, a moment later after half of one. */
async function settle(holdId: string, put: (change: Partial<Call>) => void): Promise<void> {
  const path = { entry_id: `end:${holdId}` };
  for (const waitMs of RECEIPT_WAITS_MS) {
    await new Promise((done) => setTimeout(done, waitMs));
    try {
      const { entry } = await ok(api.GET('/ledger/{entry_id}', { params: { path } }));
      put({ state: 'done', chargedNanos: entry.captured_nanos ?? 0 });
      forget('ledger');
      return;
    } catch (problem) {
      if (asApiError(problem).status !== 404) break;
    }
  }
  put({ state: 'done' });
}
