// A client of Creditbase: credits and usage billing for AI applications.
export { type CallOptions, Creditbase, type Options } from './client.js';
export {
  apiKey,
  type Credential,
  customerToken,
  firebaseUser,
  secretKey,
} from './credentials.js';
export {
  Conflict,
  CreditbaseError,
  Forbidden,
  IdempotencyConflict,
  InvalidRequest,
  NotFound,
  NothingReported,
  PaymentRequired,
  RateLimited,
  Refused,
  ServerFailed,
  Unauthenticated,
  Unreachable,
} from './errors.js';
export type { HeldWork, Used } from './holding.js';
export type { Answer, Body, OperationName, PagedName, Row, TextName } from './operations.js';
export type { Retries } from './retrying.js';
export type { components } from './schema.gen.js';
