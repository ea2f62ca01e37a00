// What an operation takes and answers, read off the description's types.
import type { OPERATIONS } from './operations.gen.js';
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

type Keyed<H> = H extends { 'Idempotency-Key': string }
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
