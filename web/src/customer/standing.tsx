/** What there is to know about the plan: what comes next, and what is wrong. */

import { type Account, isSubscribed } from '../app/account';
import { Button } from '../app/components/button';
import { Notice } from '../app/components/layout';
import { day } from '../app/format';
import { type Offers, openPortal, planName } from './offers';

/** One line: when it renews, ends or changes. */
export function nextLine(account: Account, offers: Offers | undefined): string {
  const end = day(account.windowEnd);
  if (!isSubscribed(account)) return `New credits on ${end}`;
  if (account.change) {
    return `Changes to ${planName(offers, account.change.plan)} on ${day(account.change.at)}`;
  }
  if (account.isEnding) return `Ends on ${end}`;
  return account.status === 'trialing' ? `Free trial until ${end}` : `Renews on ${end}`;
}

/** Whether Stripe knows the customer: there is something to manage. */
export const hasPortal = (account: Account): boolean =>
  isSubscribed(account) || account.status === 'canceled' || account.topup !== 0;

/** What is wrong with the payment, and the way to mend it. */
export function PaymentProblem({ account }: { account: Account }) {
  if (!account.hasPaymentIssue) return null;
  return (
    <Notice tone="bad">
      <div class="row row-apart">
        <p>
          <strong>Your last payment failed.</strong> Please check your card, so that your plan goes
          on.
        </p>
        <Button kind="danger" onPress={openPortal}>
          Update payment
        </Button>
      </div>
    </Notice>
  );
}
