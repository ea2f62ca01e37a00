/** A button that copies a text. */

import { Check, Copy } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { Button } from './button';
import { toast } from './toast';

const SAID_FOR_MS = 2_000;

/** Copies `text`; `label` says what it is. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isDone, setIsDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setIsDone(true);
      setTimeout(() => setIsDone(false), SAID_FOR_MS);
    } catch {
      toast('The browser does not let this page copy. Select the text instead.', 'bad');
    }
  };
  return (
    <Button kind="second" label={label} onPress={copy}>
      {isDone ? <Check size={18} aria-hidden="true" /> : <Copy size={18} aria-hidden="true" />}
      {isDone ? 'Copied' : 'Copy'}
    </Button>
  );
}
