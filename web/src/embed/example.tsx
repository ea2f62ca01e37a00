/** The elements as another web app would use them, live, and what it has to write for it. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { CopyButton } from '../app/components/copy';
import { Choice } from '../app/components/field';
import { Card, Notice, Page } from '../app/components/layout';
import { Skeleton } from '../app/components/skeleton';
import { started } from '../app/session';
import './example.css';

const SCRIPT = '/embed/creditbase.js';
const TAGS = ['credit-balance', 'usage-chart', 'pricing-table'] as const;
const SAID: Record<(typeof TAGS)[number], string> = {
  'credit-balance': 'What is left; it moves while credits are spent elsewhere.',
  'usage-chart': 'What was used on each day.',
  'pricing-table': 'What can be bought; a choice leads to Stripe’s page.',
};
const LOOKS = ['as this page', 'night', 'paper'] as const;

/** The page. */
export default function Example() {
  const [looks, setLooks] = useState<(typeof LOOKS)[number]>('as this page');
  const state = useElements();
  return (
    <Page
      title="Elements for your pages"
      lede="Three custom elements show a customer’s credits in any web page, with any framework or none. This page uses them as yours would."
    >
      <Card title="In your page">
        <div class="stack">
          <pre class="example-code mono">{snippet()}</pre>
          <div class="row">
            <CopyButton text={snippet()} label="Copy the lines" />
          </div>
        </div>
      </Card>
      {state === 'broken' && <Notice tone="bad">The elements could not be loaded.</Notice>}
      {state === 'loading' && <Skeleton label="Loading the elements" lines={6} />}
      {state === 'there' && (
        <>
          <div class="filters">
            <Choice
              label="Looks"
              value={looks}
              onChange={(event) => setLooks(event.currentTarget.value as typeof looks)}
              hint="Set by CSS custom properties alone."
            >
              {LOOKS.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </Choice>
          </div>
          <div class={`stack example-${looks.replaceAll(' ', '-')}`}>
            {TAGS.map((tag) => (
              <Card key={tag} title={`<${tag}>`} lede={SAID[tag]}>
                <Live tag={tag} />
              </Card>
            ))}
          </div>
        </>
      )}
    </Page>
  );
}

function snippet(): string {
  return [
    `<script type="module" src="${location.origin}${SCRIPT}"></script>`,
    '',
    ...TAGS.map((tag) => `<${tag}></${tag}>`),
    '',
    '<script type="module">',
    `  for (const element of document.querySelectorAll('${TAGS.join(', ')}')) {`,
    '    element.app = app; // your FirebaseApp, with Auth and App Check',
    '  }',
    '</script>',
  ].join('\n');
}

/** Load the script as any page would: by its address, not as a part of this app. */
function useElements(): 'loading' | 'there' | 'broken' {
  const [state, setState] = useState<'loading' | 'there' | 'broken'>('loading');
  useEffect(() => {
    const address = new URL(SCRIPT, location.origin).href;
    import(/* @vite-ignore */ address).then(
      () => setState('there'),
      () => setState('broken'),
    );
  }, []);
  return state;
}

function Live({ tag }: { tag: (typeof TAGS)[number] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = document.createElement(tag);
    void started().then(({ app }) => {
      Object.assign(element, { app });
      place.current?.replaceChildren(element);
    });
    return () => element.remove();
  }, [tag]);
  return <div ref={place} />;
}
