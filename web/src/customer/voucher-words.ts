/** Why a code gave nothing, in words that say what to do. Pure. */

import type { ApiError } from '../app/api';

const SECONDS = 60;

type Refusal = Pick<ApiError, 'code' | 'status' | 'message' | 'retryAfterS' | 'isPassing'>;

/** Return them. The server does not say which of its reasons a wrong code has, so that nobody can try codes out. */
export function refusedVoucher(error: Refusal): string {
  switch (error.code) {
    case 'INVALID_VOUCHER':
      return 'This code gives no credits. It may be mistyped, not valid yet, no longer valid, used up, or for another plan.';
    case 'VOUCHER_ALREADY_REDEEMED':
      return 'You have redeemed this code before. Its credits are on your account already.';
    case 'RATE_LIMITED':
    case 'IP_RATE_LIMITED':
      return `Five codes may be tried in an hour. Please try again in ${minutes(error.retryAfterS)}.`;
    case 'INVALID_REQUEST':
      return 'A code has between 1 and 64 characters, and no line breaks.';
    case 'UNAUTHENTICATED':
    case 'APP_CHECK_FAILED':
      return 'The server does not recognise this page any more. Load it again, and sign in if you are asked to.';
    case 'FORBIDDEN':
      return 'This account may not receive credits at the moment. Please ask for help.';
  }
  if (error.isPassing) {
    return 'The server did not answer. Try the same code again: it is never redeemed twice.';
  }
  return error.message;
}

function minutes(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds / SECONDS));
  return whole === 1 ? 'a minute' : `${whole} minutes`;
}
