/**
 * All figures, prices and dates that a person reads. Money is an integer (nanos, credits, cents)
 * until it is shown here; days are UTC, as in the ledger.
 */

const LOCALE = 'en-US';
const NANOS_PER_CREDIT = 1_000_000;
const NANOS_PER_CENT = 10_000_000;
const CENTS_PER_DOLLAR = 100;

const whole = new Intl.NumberFormat(LOCALE);
const fine = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 6 });
const compact = new Intl.NumberFormat(LOCALE, {
  notation: 'compact',
  maximumSignificantDigits: 3,
});
const inPercent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });

/** A count: `12,345`. */
export const count = (value: number): string => whole.format(value);

/** A count where there is little room: `12.3K`. */
export const short = (value: number): string => compact.format(value);

/** A ratio: `0.125` is `12.5%`. */
export const percent = (ratio: number): string => inPercent.format(ratio);

/** Whole credits of an amount, rounded down: what remains. */
export function creditsDown(nanos: number): number {
  const rest = ((nanos % NANOS_PER_CREDIT) + NANOS_PER_CREDIT) % NANOS_PER_CREDIT;
  return (nanos - rest) / NANOS_PER_CREDIT;
}

/** Whole credits of an amount, rounded up: what was used. */
export const creditsUp = (nanos: number): number => 0 - creditsDown(-nanos);

/** `1 credit`, `1,200 credits`. */
export const credits = (value: number): string =>
  `${count(value)} ${Math.abs(value) === 1 ? 'credit' : 'credits'}`;

/** An amount of the ledger in credits, to the nano: `0.004215 credits`. */
export function creditsExactly(nanos: number): string {
  const shown = fine.format(nanos / NANOS_PER_CREDIT);
  return `${shown} ${shown === '1' || shown === '-1' ? 'credit' : 'credits'}`;
}

/** The same without its unit, for columns that name it: `0.004215`. */
export const creditsFigure = (nanos: number): string => fine.format(nanos / NANOS_PER_CREDIT);

/** A price: `$10`, `$4.50`. */
export function money(cents: number, currency = 'usd'): string {
  const digits = cents % CENTS_PER_DOLLAR === 0 ? 0 : 2;
  return new Intl.NumberFormat(LOCALE, {
    style: 'currency',
    currency: currency.toUpperCase(),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(cents / CENTS_PER_DOLLAR);
}

/** An amount of the ledger in dollars; small ones with all that matters: `$0.000042`. */
export function dollars(nanos: number): string {
  const isSmall = nanos !== 0 && Math.abs(nanos) < NANOS_PER_CENT;
  return new Intl.NumberFormat(LOCALE, {
    style: 'currency',
    currency: 'USD',
    ...(isSmall ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 }),
  }).format(nanos / (NANOS_PER_CENT * CENTS_PER_DOLLAR));
}

const LONG = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
const SHORT = { day: 'numeric', month: 'short', timeZone: 'UTC' } as const;
const WITH_TIME = { ...LONG, month: 'short', hour: '2-digit', minute: '2-digit' } as const;

/** A day: `3 December 2026`. */
export const day = (at: string | Date): string => new Date(at).toLocaleDateString('en-GB', LONG);

/** A day where there is little room: `3 Dec`. */
export const shortDay = (at: string | Date): string =>
  new Date(at).toLocaleDateString('en-GB', SHORT);

/** An instant: `3 Dec 2026, 09:14 UTC`. */
export const instant = (at: string | Date): string =>
  `${new Date(at).toLocaleString('en-GB', WITH_TIME)} UTC`;

/** A code as a name where the catalog has none: `guru` is `Guru`. */
export const titled = (code: string): string => code.charAt(0).toUpperCase() + code.slice(1);

/** A day as the API writes it: `2026-12-03`. */
export const isoDay = (at: Date): string => at.toISOString().slice(0, 10);
