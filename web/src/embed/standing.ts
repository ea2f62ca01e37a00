/** What a user has: from `/usage/me`, or from the published balance that the page listens to. */

const NANOS_PER_CREDIT = 1_000_000;

export interface Usage {
  monthly_credits_total: number;
  monthly_credits_remaining: number;
  topup_balance: number;
  credits_held: number;
  billing_cycle_end: string;
  payment_issue: boolean;
  plan: string;
  subscription_status: string;
  /** Where the balance is published, for a listener. */
  balance_document: string;
}

export interface Standing {
  monthlyTotal: number;
  monthly: number;
  topup: number;
  held: number;
  endsAt: Date;
  hasPaymentIssue: boolean;
}

export function standingOf(usage: Usage): Standing {
  return {
    monthlyTotal: usage.monthly_credits_total,
    monthly: usage.monthly_credits_remaining,
    topup: usage.topup_balance,
    held: usage.credits_held,
    endsAt: new Date(usage.billing_cycle_end),
    hasPaymentIssue: usage.payment_issue,
  };
}

/** Read the published document: whole credits, what is left rounded down, what is held up. */
export function readPublished(fields: Record<string, unknown>): Standing {
  const terms = (fields.terms ?? {}) as Record<string, unknown>;
  return {
    monthlyTotal: floorCredits(terms.allocation_nanos),
    monthly: floorCredits(fields.monthly_remaining_nanos),
    topup: floorCredits(fields.topup_nanos),
    held: -floorCredits(-Number(fields.held_nanos ?? 0)) || 0,
    endsAt: (fields.window_end_at as { toDate(): Date }).toDate(),
    hasPaymentIssue: Boolean(terms.payment_issue),
  };
}

function floorCredits(nanos: unknown): number {
  return Math.floor(Number(nanos ?? 0) / NANOS_PER_CREDIT);
}
