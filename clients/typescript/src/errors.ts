/** Anything that this client throws by itself. */
export class CreditbaseError extends Error {
  override name = 'CreditbaseError';
  /** Whether the same call, with the same idempotency key, may succeed later. */
  readonly retryable: boolean = false;
}

/** What a refusal says beside its message. */
export interface Told {
  /** The server's stable name for it. */
  readonly code: string;
  /** The HTTP status. */
  readonly status: number;
  /** Names the request in the server's logs. */
  readonly requestId: string;
  /** When to ask again, in seconds, where the server said so. */
  readonly retryAfterS: number | undefined;
  /** Every other field of the body: figures, the field that is wrong. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The server answered, and said no. */
export class Refused extends CreditbaseError implements Told {
  override name = 'Refused';
  override readonly retryable: boolean;
  readonly code: string;
  readonly status: number;
  readonly requestId: string;
  readonly retryAfterS: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, told: Told) {
    super(`${told.code}: ${message}`);
    this.code = told.code;
    this.status = told.status;
    this.requestId = told.requestId;
    this.retryAfterS = told.retryAfterS;
    this.facts = told.facts;
    this.retryable = told.status === 429 || told.status >= 500;
  }
}

/** 402: what there is does not cover it, and nothing was taken. */
export class PaymentRequired extends Refused {
  override name = 'PaymentRequired';

  /** What could have been spent, in nanos (metering only). */
  get availableNanos(): number | undefined {
    return this.nanos('available_nanos');
  }

  /** What was asked for, in nanos (metering only). */
  get requiredNanos(): number | undefined {
    return this.nanos('required_nanos');
  }

  private nanos(name: string): number | undefined {
    const told = this.facts[name];
    return typeof told === 'number' ? told : undefined;
  }
}

/** 400, 405, 413: the request is wrong; `facts` names the field. */
export class InvalidRequest extends Refused {
  override name = 'InvalidRequest';
}

/** 401: the credential is missing, wrong or revoked. */
export class Unauthenticated extends Refused {
  override name = 'Unauthenticated';
}

/** 403: a frozen wallet, a model outside the plan, a role that is missing. */
export class Forbidden extends Refused {
  override name = 'Forbidden';
}

/** 404: there is no such customer, hold, model, entry … */
export class NotFound extends Refused {
  override name = 'NotFound';
}

/** 409: it cannot be done any more, or is done already. */
export class Conflict extends Refused {
  override name = 'Conflict';
}

/** 422: the idempotency key was used for something else. */
export class IdempotencyConflict extends Refused {
  override name = 'IdempotencyConflict';
}

/** 429: too many requests, or too many open holds. */
export class RateLimited extends Refused {
  override name = 'RateLimited';
}

/** 5xx: the server could not; repeat with the same key. */
export class ServerFailed extends Refused {
  override name = 'ServerFailed';
}

/** No answer came. Whether anything was done is open: repeat with the same key. */
export class Unreachable extends CreditbaseError {
  override name = 'Unreachable';
  override readonly retryable = true;

  constructor(
    problem: unknown,
    /** Whether no connection was made, so that nothing can have been done. */
    readonly wasNeverSent: boolean,
  ) {
    super(problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem), {
      cause: problem,
    });
  }
}

/** The block of a hold ended well, and never said what was used. The hold was voided. */
export class NothingReported extends CreditbaseError {
  override name = 'NothingReported';
}

const TOLD = new Set(['code', 'error', 'message', 'detail', 'request_id', 'retry_after']);
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

const CLASSES: Readonly<Record<number, typeof Refused>> = {
  401: Unauthenticated,
  402: PaymentRequired,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: IdempotencyConflict,
  429: RateLimited,
};

/** Return the error that an answer is. */
export function refusal(status: number, text: string, headers: Headers): Refused {
  const body = fieldsOf(text);
  const after = Number.parseFloat(String(body.retry_after ?? headers.get('Retry-After')));
  const Kind = CLASSES[status] ?? (status >= 500 ? ServerFailed : InvalidRequest);
  return new Kind(String(body.message ?? body.detail ?? `the server answered ${status}`), {
    code: String(body.code ?? `HTTP_${status}`),
    status,
    requestId: String(body.request_id ?? headers.get('X-Request-Id') ?? ''),
    retryAfterS: Number.isNaN(after) ? undefined : Math.max(0, after),
    facts: Object.fromEntries(Object.entries(body).filter(([name]) => !TOLD.has(name))),
  });
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(text);
    return said !== null && typeof said === 'object' && !Array.isArray(said) ? { ...said } : {};
  } catch {
    return {};
  }
}

/** Return what a broken connection means for whoever called. */
export function unreachable(problem: unknown): Unreachable {
  const cause = problem instanceof Error ? problem.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return new Unreachable(problem, NOT_SENT.has(code));
}
