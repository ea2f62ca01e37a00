/** Vouchers: credits for a code. */

import { useState } from 'preact/hooks';
import { creditsLeft } from '../app/account';
import { asApiError, call, type Schemas } from '../app/api';
import { account } from '../app/balance';
import { Button } from '../app/components/button';
import { Field } from '../app/components/field';
import { Card, Notice, Page } from '../app/components/layout';
import { credits } from '../app/format';
import { forget } from '../app/resource';
import { refusedVoucher } from './voucher-words';

const CODE_MAX = 64;

/** The page. */
export default function Vouchers() {
  const [redeemed, setRedeemed] = useState<Schemas['Redeemed'] | null>(null);
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const form = event.currentTarget as HTMLFormElement;
    setIsBusy(true);
    setProblem('');
    setRedeemed(null);
    try {
      const code = String(new FormData(form).get('code') ?? '');
      setRedeemed(await call('billing_redeem', { code }));
      form.reset();
      forget('ledger');
    } catch (refused) {
      setProblem(refusedVoucher(asApiError(refused)));
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Page
      title="Vouchers"
      lede="A code brings credits, once. They do not end with the month, unless the voucher says so."
    >
      <Card title="Redeem a code">
        <form class="stack" onSubmit={submit}>
          <Field
            label="Code"
            name="code"
            required
            maxLength={CODE_MAX}
            autocomplete="off"
            autocapitalize="characters"
            spellcheck={false}
            placeholder="WELCOME-500"
            hint="Small and capital letters are the same."
            {...(problem && { problem })}
          />
          <div>
            <Button type="submit" isBusy={isBusy}>
              Redeem
            </Button>
          </div>
        </form>
        <div class="voucher-answer" aria-live="polite">
          {problem && <span class="unseen">{problem}</span>}
          {redeemed && (
            <Notice>
              <strong>{credits(redeemed.credits_granted)}</strong> received.{' '}
              {account.value && `You have ${credits(creditsLeft(account.value))} now. `}
              <a href="/app/ledger?kind=grant">See it in the ledger</a>
            </Notice>
          )}
        </div>
      </Card>
    </Page>
  );
}
