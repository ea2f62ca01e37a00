/** What administrators ask for and do: each route of `/admin` by a name. */

import { api, ok, type Schemas } from '../app/api';

export type Customer = Schemas['AdminCustomer'];
export type Wallet = Schemas['AdminWallet'];
export type Record = Schemas['AuditRecord'];
export type Health = Schemas['AdminHealth'];
export type ProblemKind = Schemas['PaymentProblemKind'];
export type EventState = Schemas['AdminEvents']['state'];
export type Row = Schemas['LedgerRow'] & {
  cost_nanos?: number;
  margin_nanos?: number;
  provider?: string;
};

export interface Span {
  start: string;
  end: string;
}

/** Leave out what is empty, as the routes want it. */
function given<T extends { [name: string]: string }>(query: T): Partial<T> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value)) as Partial<T>;
}

const dates = ({ start, end }: Span) => given({ start_date: start, end_date: end });

export const usage = (span: Span) =>
  ok<Schemas['AdminUsage']>(api.GET('/admin/usage', { params: { query: dates(span) } }));

export const modelEconomics = (span: Span) =>
  ok<Schemas['ModelEconomics']>(
    api.GET('/admin/model-economics', { params: { query: dates(span) } }),
  );

export const customerEconomics = (month: string, cursor: string) =>
  ok<Schemas['CustomerEconomics']>(
    api.GET('/admin/customer-economics', { params: { query: given({ month, cursor }) } }),
  );

export const customers = (query: string, project: string, cursor: string) =>
  ok<Schemas['AdminCustomers']>(
    api.GET('/admin/customers', {
      params: { query: given({ query, project_id: project, cursor }) },
    }),
  );

export const customer = (id: string, project: string) =>
  ok<Schemas['AdminShownCustomer']>(
    api.GET('/admin/customers/{customer_id}', {
      params: { path: { customer_id: id }, query: given({ project_id: project }) },
    }),
  );

export const ledger = (id: string, project: string, cursor: string) =>
  ok<{ entries: Row[]; next_cursor?: string }>(
    api.GET('/admin/customers/{customer_id}/ledger', {
      params: { path: { customer_id: id }, query: given({ project_id: project, cursor }) },
    }) as never,
  );

export const explain = (id: string, project: string, entry: string) =>
  ok<Schemas['Explanation']>(
    api.GET('/admin/customers/{customer_id}/ledger/{entry_id}/explain', {
      params: {
        path: { customer_id: id, entry_id: entry },
        query: given({ project_id: project }),
      },
    }),
  );

export const records = (customerId: string, cursor: string) =>
  ok<{ records: Record[]; next_cursor?: string }>(
    api.GET('/admin/audit', {
      params: { query: given({ customer_id: customerId, cursor }) },
    }),
  );

export const payments = (kind: ProblemKind, cursor: string) =>
  ok<Schemas['AdminPayments']>(
    api.GET('/admin/payments', { params: { query: { kind, ...given({ cursor }) } } }),
  );

export const events = (state: EventState, cursor: string) =>
  ok<Schemas['AdminEvents']>(
    api.GET('/admin/webhooks', { params: { query: { state, ...given({ cursor }) } } }),
  );

export const deliveries = (cursor: string) =>
  ok<Schemas['AdminDeliveries']>(
    api.GET('/admin/webhooks/deliveries', { params: { query: given({ cursor }) } }),
  );

export const health = () => ok<Health>(api.GET('/admin/health'));

// ---- what leaves a record ----------------------------------------------------------------------

/** A deed on a customer. The same key again does nothing again, and answers the same. */
export type CustomerDeed =
  | { action: 'adjust'; body: Schemas['AdminAdjust'] }
  | { action: 'grant'; body: Schemas['AdminGrant'] }
  | { action: 'freeze' | 'thaw'; body: Schemas['AdminDeed'] };

export function act(id: string, deed: CustomerDeed, key: string): Promise<Schemas['AuditAnswer']> {
  const params = { path: { customer_id: id }, header: { 'Idempotency-Key': key } };
  const { action, body } = deed;
  if (action === 'adjust') {
    return ok(api.POST('/admin/customers/{customer_id}/adjust', { params, body }));
  }
  if (action === 'grant') {
    return ok(api.POST('/admin/customers/{customer_id}/grant', { params, body }));
  }
  return ok(api.POST(`/admin/customers/{customer_id}/${action}`, { params, body }));
}

export const retryEvent = (id: string, reason: string, key: string) =>
  ok<Schemas['AuditAnswer']>(
    api.POST('/admin/webhooks/{event_id}/retry', {
      params: { path: { event_id: id }, header: { 'Idempotency-Key': key } },
      body: { reason },
    }),
  );
