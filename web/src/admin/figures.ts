/** Figures that only administrators read. Pure. */

import { percent } from '../app/format';

const FRACTION_DIGITS = 6;
const NANOS_PER_CREDIT = 1_000_000;
const AMOUNT = /^(-?)(\d{1,9})(?:\.(\d{1,6}))?$/;
const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** The nanos of an amount of credits as it was typed, or null where it is none. */
export function nanosOf(typed: string): number | null {
  const found = AMOUNT.exec(typed.trim());
  if (!found) return null;
  const [, sign, whole = '0', fraction = ''] = found;
  const nanos = Number(whole) * NANOS_PER_CREDIT + Number(fraction.padEnd(FRACTION_DIGITS, '0'));
  return sign ? 0 - nanos : nanos;
}

/** A margin, which there is none of without revenue: `28.6%`, `–`. */
export const margin = (hundredfold: number | null): string =>
  hundredfold === null ? '–' : percent(hundredfold / 100);

/** How long something takes or has waited: `4 min`, `3 h`, `2 days`. */
export function duration(seconds: number): string {
  if (seconds < MINUTE_S) return `${seconds} s`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min`;
  if (seconds < 2 * DAY_S) return `${Math.floor(seconds / HOUR_S)} h`;
  return `${Math.floor(seconds / DAY_S)} days`;
}

/** Seconds since an instant, never below zero. */
export const ageS = (at: string, now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - new Date(at).getTime()) / 1000));

/** A name of the code as words: `roll_up_usage` is `Roll up usage`. */
export function worded(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
