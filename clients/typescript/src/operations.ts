// What an operation takes and answers, read off the description's types.
import type { OPERATIONS, PAGES } from './operations.gen.js';
import type { operations } from './schema.gen.js';

/** The name of an operation, as in `docs/openapi.yaml`. */
export type OperationName = keyof typeof OPERATIONS & keyof operations;

type Json<T> = T extends { content: { 'application/json': infer J } } ? J : never;
type Good = 200 | 201 | 202;
type Empty<R> = 204 extends keyof R ? undefined : never;

/** What an operation answers. Undefined where it may have no body. */
export type Answer<N extends OperationName> =
  | Json<operations[N]['responses'][Good & keyof operations[N]['responses']]>
  | Empty<operations[N]['responses']>;

/** The name of an operation whose answer comes in pages. */
export type PagedName = keyof typeof PAGES & OperationName;

/** A row of a page. */
export type Row<N extends PagedName> =
  Answer<N> extends Record<(typeof PAGES)[N]['rows'], readonly (infer R)[]> ? R : never;

type OtherThanJson<T> = T extends { content: infer C } ? Exclude<keyof C, 'application/json'> : never;

/** The name of an operation that answers with text, too: a table or lines. */
export type TextName = {
  [N in OperationName]: [
    OtherThanJson<operations[N]['responses'][200 & keyof operations[N]['responses']]>,
  ] extends [never]
    ? never
    : N;
}[OperationName];

/** How the pages of an operation follow each other. */
export interface Paging {
  /** The field with the rows. */
  readonly rows: string;
  /** The parameter that asks for a page. */
  readonly asksBy: string;
  /** The field that says where the next page begins: of the answer, or of its last row. */
  readonly toldBy: string;
  readonly isOfLastRow: boolean;
}

/** What an operation is sent. */
export type Body<N extends OperationName> = operations[N] extends { requestBody?: infer B }
  ? Json<NonNullable<B>>
  : never;

type Filled<Name extends string, T> = [NonNullable<T>] extends [never]
  ? unknown
  : Partial<T> extends T
    ? { [K in Name]?: NonNullable<T> }
    : { [K in Name]: NonNullable<T> };

type Sent<N extends OperationName> = [Body<N>] extends [never]
  ? unknown
  : operations[N] extends { requestBody: unknown }
    ? { body: Body<N> }
    : { body?: Body<N> };

// As tuples: no header at all is `never` where optional properties are exact.
type Keyed<H> = [H] extends [never]
  ? { idempotencyKey?: string }
  : [H] extends [{ 'Idempotency-Key': string }]
    ? { idempotencyKey: string }
    : { idempotencyKey?: string };

/** All that an operation is given: path, query, body and key, each only where it has one. */
export type Given<N extends OperationName> = Filled<
  'path',
  operations[N]['parameters'] extends { path?: infer P } ? P : never
> &
  Filled<'query', operations[N]['parameters'] extends { query?: infer Q } ? Q : never> &
  Sent<N> &
  Keyed<operations[N]['parameters'] extends { header?: infer H } ? H : never>;

/** The same as the caller's loop takes it. */
export interface Request {
  readonly path?: Record<string, string>;
  readonly query?: Record<string, unknown>;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
}
