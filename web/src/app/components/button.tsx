/** A button that shows what it is doing. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface Props {
  children: ComponentChildren;
  /** What pressing it does; while it runs the button is busy and deaf. */
  onPress?: () => unknown;
  kind?: 'first' | 'second' | 'danger' | 'quiet';
  type?: 'button' | 'submit';
  isBusy?: boolean;
  disabled?: boolean;
  /** The whole meaning for a screen reader, where the words alone are not enough. */
  label?: string;
}

/** `<Button onPress={save}>Save</Button>` */
export function Button(props: Props) {
  const { children, onPress, kind = 'first', type = 'button', label } = props;
  const [isRunning, setIsRunning] = useState(false);
  const isBusy = isRunning || Boolean(props.isBusy);
  const press = async () => {
    if (!onPress || isBusy) return;
    setIsRunning(true);
    try {
      await onPress();
    } finally {
      setIsRunning(false);
    }
  };
  return (
    <button
      type={type}
      class={`button button-${kind}`}
      aria-busy={isBusy}
      aria-disabled={isBusy || undefined}
      disabled={props.disabled}
      {...(label && { 'aria-label': label })}
      {...(onPress && { onClick: press })}
    >
      {children}
    </button>
  );
}
