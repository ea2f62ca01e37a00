/** On which day the credits run out, if it goes on as in the last week. Pure. */

export interface Outlook {
  /** Credits that come with the window, and what is left of them. */
  monthly: number;
  monthlyTotal: number;
  /** Credits that last. */
  topup: number;
  windowEnd: Date;
  /** Whether new credits come when the window ends. */
  renews: boolean;
}

export interface DayUse {
  date: string;
  credits_used: number;
}

export type Forecast =
  | { kind: 'unused' }
  | { kind: 'empty' }
  | { kind: 'lasts'; perDay: number }
  | { kind: 'ends'; at: Date; perDay: number };

const LOOKS_BACK_DAYS = 7;
const LOOKS_AHEAD_DAYS = 366;
const DAY_MS = 86_400_000;

/** Return the credits of an average day: of the last week, or since the first use in it. */
export function perDayOf(days: readonly DayUse[]): number {
  const recent = days.slice(-LOOKS_BACK_DAYS);
  const isOld = days.slice(0, -LOOKS_BACK_DAYS).some((day) => day.credits_used > 0);
  const first = isOld ? 0 : recent.findIndex((day) => day.credits_used > 0);
  if (first < 0) return 0;
  const counted = recent.slice(first);
  return counted.reduce((sum, day) => sum + day.credits_used, 0) / counted.length;
}

/** Return what is to be expected. Each day takes the month's credits first, then the others. */
export function forecast(outlook: Outlook, days: readonly DayUse[], now: Date): Forecast {
  const perDay = perDayOf(days);
  let { monthly, topup } = outlook;
  if (monthly + topup <= 0) return { kind: 'empty' };
  if (perDay === 0) return { kind: 'unused' };
  let windowEnd = outlook.windowEnd;
  for (let ahead = 0; ahead < LOOKS_AHEAD_DAYS; ahead += 1) {
    const at = new Date(now.getTime() + ahead * DAY_MS);
    if (at >= windowEnd) {
      monthly = outlook.renews ? outlook.monthlyTotal : 0;
      windowEnd = monthAfter(windowEnd);
    }
    const fromMonthly = Math.min(monthly, perDay);
    monthly -= fromMonthly;
    topup -= perDay - fromMonthly;
    if (topup < 0) return { kind: 'ends', at, perDay };
  }
  return { kind: 'lasts', perDay };
}

function monthAfter(at: Date): Date {
  const next = new Date(at);
  const day = next.getUTCDate();
  next.setUTCMonth(next.getUTCMonth() + 1);
  // The 31st of a short month is its last day.
  if (next.getUTCDate() !== day) next.setUTCDate(0);
  return next;
}
