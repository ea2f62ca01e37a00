/** What the ledger's page is asked to show, in its own address and in the server's words. Pure. */

import type { Schemas } from '../app/api';
import { creditsFigure, isoDay } from '../app/format';

export type Kind = Schemas['EntryKind'];

/** Every kind of entry, as a person would call it. */
export const KINDS: Record<Kind, string> = {
  charge: 'Charges',
  hold: 'Credits held',
  capture: 'Calls finished',
  late: 'Calls finished late',
  void: 'Calls not made',
  expire: 'Holds timed out',
  grant: 'Credits received',
  lapse: 'Credits expired',
  refund: 'Credits taken back',
};

export interface Asked {
  kind: Kind | '';
  /** The first and the last day, `2026-11-22` or nothing. */
  from: string;
  to: string;
  cursor: string;
}

const DAY = /^\d{4}-\d\d-\d\d$/;
const DAY_MS = 86_400_000;

/** Read the page's address; what cannot be meant is left out. */
export function askedBy(query: Record<string, string | undefined>): Asked {
  const { kind = '', from = '', to = '', cursor = '' } = query;
  return {
    kind: Object.hasOwn(KINDS, kind) ? (kind as Kind) : '',
    from: isDay(from) ? from : '',
    to: isDay(to) ? to : '',
    cursor: /^\d{1,15}$/.test(cursor) ? cursor : '',
  };
}

const isDay = (text: string): boolean => DAY.test(text) && !Number.isNaN(Date.parse(text));

/** Write the page's address. */
export function addressOf(asked: Asked): string {
  const given = Object.entries(asked).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given as [string, string][]).toString();
  return `/app/ledger${query && `?${query}`}`;
}

/** Where the receipt of an entry is. */
export const receiptAddress = (id: string): string => `/app/ledger/${encodeURIComponent(id)}`;

export const isFiltered = ({ kind, from, to }: Asked): boolean => Boolean(kind || from || to);

/** The filters in the server's words: its last day is the first that is left out. */
export function filtersOf({ kind, from, to }: Asked): { kind?: Kind; from?: string; to?: string } {
  return {
    ...(kind && { kind }),
    ...(from && { from }),
    ...(to && { to: isoDay(new Date(Date.parse(to) + DAY_MS)) }),
  };
}

/** A change with its sign: `+500`, `−1.2`, `0`. */
export function changeFigure(nanos: number): string {
  if (nanos === 0) return '0';
  return `${nanos > 0 ? '+' : '\u2212'}${creditsFigure(Math.abs(nanos))}`;
}

/** The same with its unit: `+500 credits`. */
export const changeText = (nanos: number): string =>
  `${changeFigure(nanos)} ${Math.abs(nanos) === 1_000_000 ? 'credit' : 'credits'}`;
