/** A dialog for what leaves a record: it asks why, and does it once however often it is pressed. */

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { asApiError } from '../app/api';
import { Button } from '../app/components/button';
import { Dialog } from '../app/components/dialog';
import { TextField } from '../app/components/field';
import { Notice } from '../app/components/layout';
import { toast } from '../app/components/toast';

const REASON_CHARACTERS_MAX = 500;

interface Props {
  title: string;
  /** What will happen. */
  lede: ComponentChildren;
  /** On the button. */
  word: string;
  /** Said when it is done. */
  said: string;
  isOpen: boolean;
  isDangerous?: boolean;
  onClose: () => void;
  /** Fields of its own, above the reason. */
  children?: ComponentChildren;
  /** Does it; `key` is the same for every press in this dialog. */
  onDo: (reason: string, key: string) => Promise<unknown>;
  onDone: () => void;
}

/** Open while `isOpen`; closes by itself when it is done. */
export function Deed(props: Props) {
  const { title, lede, word, said, isOpen, onClose, onDo, onDone } = props;
  const [reason, setReason] = useState('');
  const [key, setKey] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => {
    if (!isOpen) return;
    setReason('');
    setProblem('');
    setKey(crypto.randomUUID());
  }, [isOpen]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy) return;
    setIsBusy(true);
    setProblem('');
    try {
      await onDo(reason.trim(), key);
      toast(said);
      onClose();
      onDone();
    } catch (failure) {
      setProblem(asApiError(failure).message);
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p class="soft">{lede}</p>
        {props.children}
        <TextField
          label="Reason"
          hint="Kept in the record, beside your name."
          required
          maxLength={REASON_CHARACTERS_MAX}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        <div role="alert">{problem && <Notice tone="bad">{problem}</Notice>}</div>
        <div class="row">
          <Button type="submit" kind={props.isDangerous ? 'danger' : 'first'} isBusy={isBusy}>
            {word}
          </Button>
          <Button kind="quiet" onPress={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
