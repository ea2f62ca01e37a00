/** Labelled inputs: the label, a hint or what is wrong, and the browser's own control. */

import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

interface Words {
  label: string;
  hint?: string;
  /** What is wrong with what was typed. */
  problem?: string;
}

type FieldProps = Words & Omit<JSX.IntrinsicElements['input'], 'label'>;

/** An `<input>` with its label. */
export function Field({ label, hint, problem, ...input }: FieldProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} {...(hint && { hint })} {...(problem && { problem })}>
      <input
        {...input}
        id={id}
        class="input"
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={hint || problem ? `${id}-hint` : undefined}
      />
    </Labelled>
  );
}

type ChoiceProps = Words & Omit<JSX.IntrinsicElements['select'], 'label'>;

/** A `<select>` with its label; the options are its children. */
export function Choice({ label, hint, problem, children, ...select }: ChoiceProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} {...(hint && { hint })} {...(problem && { problem })}>
      <select
        {...select}
        id={id}
        class="input"
        aria-describedby={hint || problem ? `${id}-hint` : undefined}
      >
        {children}
      </select>
    </Labelled>
  );
}

type TextProps = Words & Omit<JSX.IntrinsicElements['textarea'], 'label'>;

/** A `<textarea>` with its label. */
export function TextField({ label, hint, problem, ...area }: TextProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} {...(hint && { hint })} {...(problem && { problem })}>
      <textarea
        {...area}
        id={id}
        class="input"
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={hint || problem ? `${id}-hint` : undefined}
      />
    </Labelled>
  );
}

type LabelledProps = Words & { id: string; children: ComponentChildren };

function Labelled({ id, label, hint, problem, children }: LabelledProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {(problem || hint) && (
        <p id={`${id}-hint`} class={problem ? 'small bad' : 'small soft'}>
          {problem ?? hint}
        </p>
      )}
    </div>
  );
}
