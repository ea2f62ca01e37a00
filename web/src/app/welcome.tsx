/** Signed out: what this is, and the way in. */

import { Activity, ReceiptText, ShieldCheck } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { Button } from './components/button';
import { Field } from './components/field';
import { isLocal, resetPassword, signIn, signInWithGoogle, signUp, wordsFor } from './session';

type Wish = 'in' | 'up' | 'reset';

const TITLES: Record<Wish, string> = {
  in: 'Sign in',
  up: 'Create your account',
  reset: 'Choose a new password',
};
const ACTIONS: Record<Wish, string> = {
  in: 'Sign in',
  up: 'Create account',
  reset: 'Send me a link',
};
const WISHES: Record<Wish, string> = {
  in: 'I have an account',
  up: 'I am new here',
  reset: 'I forgot my password',
};
const OTHERS: Record<Wish, readonly Wish[]> = {
  in: ['up', 'reset'],
  up: ['in'],
  reset: ['in', 'up'],
};

/** The landing page with its form. */
export function Welcome() {
  const hasPaid = /(checkout|topup)=success/.test(location.search);
  return (
    <div class="welcome">
      <section class="welcome-words">
        <h1>Credits for AI calls, counted exactly</h1>
        <p class="lede">
          One balance for every model. See each call on a receipt, watch your credits move while
          they are used, and top up when you like.
        </p>
        <ul class="points">
          <li>
            <Activity size={20} aria-hidden="true" />
            Your balance and your usage, live
          </li>
          <li>
            <ReceiptText size={20} aria-hidden="true" />
            Every movement explained, to the fraction of a credit
          </li>
          <li>
            <ShieldCheck size={20} aria-hidden="true" />
            Never below zero: a call that costs too much is not made
          </li>
        </ul>
      </section>
      <section class="card welcome-form" aria-label="Account">
        {hasPaid && (
          <p class="notice">Thank you. Your credits arrive by themselves; sign in to see them.</p>
        )}
        <SignInForm />
      </section>
    </div>
  );
}

function SignInForm() {
  const [wish, setWish] = useState<Wish>('up');
  const [problem, setProblem] = useState('');
  const [sentTo, setSentTo] = useState('');
  const [isBusy, setIsBusy] = useState(false);

  const turnTo = (next: Wish) => {
    setWish(next);
    setProblem('');
    setSentTo('');
  };

  const attempt = async (act: () => Promise<void>) => {
    if (isBusy) return;
    setIsBusy(true);
    setProblem('');
    try {
      await act();
    } catch (error) {
      setProblem(wordsFor(error));
    } finally {
      setIsBusy(false);
    }
  };

  const submit = (form: HTMLFormElement) =>
    attempt(async () => {
      const typed = new FormData(form);
      const email = String(typed.get('email'));
      const password = String(typed.get('password'));
      if (wish === 'up') await signUp(email, password);
      else if (wish === 'in') await signIn(email, password);
      else {
        await resetPassword(email);
        setSentTo(email);
      }
    });

  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      <h2>{TITLES[wish]}</h2>
      {problem && (
        <p class="notice notice-bad" role="alert">
          {problem}
        </p>
      )}
      <div role="status">
        {sentTo && (
          <p class="notice">
            If there is an account for {sentTo}, a letter with a link is on its way.
          </p>
        )}
      </div>
      <Field label="E-mail" name="email" type="email" autocomplete="email" required />
      {wish !== 'reset' && <PasswordField isNew={wish === 'up'} />}
      <Button type="submit" isBusy={isBusy}>
        {ACTIONS[wish]}
      </Button>
      {!isLocal.value && wish !== 'reset' && (
        <Button kind="second" onPress={() => attempt(signInWithGoogle)}>
          Continue with Google
        </Button>
      )}
      <div class="row">
        {OTHERS[wish].map((other) => (
          <button key={other} type="button" class="link small" onClick={() => turnTo(other)}>
            {WISHES[other]}
          </button>
        ))}
      </div>
    </form>
  );
}

function PasswordField({ isNew }: { isNew: boolean }) {
  return (
    <Field
      label="Password"
      name="password"
      type="password"
      minLength={6}
      required
      autocomplete={isNew ? 'new-password' : 'current-password'}
      {...(isNew && { hint: 'At least six characters.' })}
    />
  );
}
