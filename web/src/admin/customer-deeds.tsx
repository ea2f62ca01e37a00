/** What can be done about a customer; each asks why. */

import { useEffect, useState } from 'preact/hooks';
import { Choice, Field } from '../app/components/field';
import { act, type CustomerDeed } from './ask';
import { Deed } from './deed';
import { nanosOf } from './figures';

interface Props {
  id: string;
  project: string;
  isOpen: boolean;
  onClose: () => void;
  onDone: () => void;
}

const inProject = (project: string) => (project ? { project_id: project } : {});

/** Give or take credits to put something right. */
export function AdjustDeed(props: Props & { corrects: string }) {
  const { id, project, isOpen } = props;
  const [typed, setTyped] = useState('');
  const [owesRest, setOwesRest] = useState(false);
  const [corrects, setCorrects] = useState('');
  useEffect(() => {
    if (!isOpen) return;
    setTyped('');
    setOwesRest(false);
    setCorrects(props.corrects);
  }, [isOpen, props.corrects]);
  const nanos = nanosOf(typed);
  const isWrong = typed !== '' && !nanos;
  const adjust = (reason: string, key: string) => {
    if (!nanos) return Promise.reject(new Error('Type credits other than zero'));
    const body = {
      reason,
      amount_nanos: nanos,
      owes_rest: nanos < 0 && owesRest,
      ...(corrects.trim() && { corrects: corrects.trim() }),
      ...inProject(project),
    };
    return act(id, { action: 'adjust', body }, key);
  };
  return (
    <Deed
      {...props}
      title="Adjust the balance"
      lede="Credits that are taken come from what is available, never below zero."
      word="Adjust"
      said="The balance was adjusted."
      onDo={adjust}
    >
      <Field
        label="Credits"
        inputMode="decimal"
        required
        placeholder="-12.5"
        hint="Above zero they are given, below zero taken."
        {...(isWrong && { problem: 'A number with at most six decimals, and not zero.' })}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {nanos !== null && nanos < 0 && (
        <label class="row">
          <input
            type="checkbox"
            checked={owesRest}
            onChange={(event) => setOwesRest(event.currentTarget.checked)}
          />
          What cannot be taken is owed
        </label>
      )}
      <Field
        label="Corrects the entry"
        hint="Optional: its id, shown to the customer on the receipt."
        value={corrects}
        onInput={(event) => setCorrects(event.currentTarget.value)}
      />
    </Deed>
  );
}

/** Give credits as a parcel of their own. */
export function GrantDeed(props: Props) {
  const { id, project, isOpen } = props;
  const [typed, setTyped] = useState('');
  const [kind, setKind] = useState<'promo' | 'adjustment'>('promo');
  const [ends, setEnds] = useState('');
  useEffect(() => {
    if (!isOpen) return;
    setTyped('');
    setEnds('');
  }, [isOpen]);
  const grant = (reason: string, key: string) => {
    const body = {
      reason,
      kind,
      credits: Number(typed),
      ...(ends && { expires_at: `${ends}T00:00:00Z` }),
      ...inProject(project),
    };
    return act(id, { action: 'grant', body }, key);
  };
  return (
    <Deed
      {...props}
      title="Give credits"
      lede="A parcel of its own, which may end; the customer sees it on the ledger."
      word="Give"
      said="The credits were given."
      onDo={grant}
    >
      <Field
        label="Credits"
        type="number"
        min={1}
        step={1}
        required
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <Choice
        label="Kind"
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as typeof kind)}
      >
        <option value="promo">Promotion</option>
        <option value="adjustment">Adjustment</option>
      </Choice>
      <Field
        label="Ends"
        type="date"
        hint="Optional: at the start of that day, in UTC."
        value={ends}
        onInput={(event) => setEnds(event.currentTarget.value)}
      />
    </Deed>
  );
}

/** Stop a customer from spending, or let it spend again. */
export function FreezeDeed(props: Props & { isFrozen: boolean }) {
  const { id, project, isFrozen } = props;
  const action: CustomerDeed['action'] = isFrozen ? 'thaw' : 'freeze';
  const word = isFrozen ? 'Thaw' : 'Freeze';
  return (
    <Deed
      {...props}
      title={isFrozen ? 'Let this customer spend again' : 'Stop this customer from spending'}
      lede={
        isFrozen
          ? 'From then on calls are paid again from what is there.'
          : 'Every call is refused until it is undone; credits may still come, and nothing is lost.'
      }
      word={word}
      said={isFrozen ? 'The customer can spend again.' : 'The customer is frozen.'}
      isDangerous={!isFrozen}
      onDo={(reason, key) => act(id, { action, body: { reason, ...inProject(project) } }, key)}
    />
  );
}
