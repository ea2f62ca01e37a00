/** The headers of whoever calls, asked for at every try. */
export type Credential = () => Promise<Record<string, string>>;

/** A token, or what returns one that is still good. */
export type Token = string | (() => string | Promise<string>);

async function text(token: Token): Promise<string> {
  return typeof token === 'string' ? token : await token();
}

/** A project's secret key (`mr_sk_…`): back ends only. Metering, customers, tiers. */
export const secretKey =
  (key: string): Credential =>
  async () => ({ 'X-ModelRelay-Api-Key': key });

/** A hub user's API key (`inf_…`): their own usage and ledger. */
export const apiKey =
  (key: string): Credential =>
  async () => ({ 'X-Api-Key': key });

/** A relay customer's token (`mr_ct_…`): what a customer sees and does itself. */
export const customerToken =
  (token: Token): Credential =>
  async () => ({ Authorization: `Bearer ${await text(token)}` });

/** Somebody signed in, in an attested app: ID token and App Check token, always both. */
export const firebaseUser =
  (idToken: Token, appCheckToken: Token): Credential =>
  async () => ({
    Authorization: `Bearer ${await text(idToken)}`,
    'X-Firebase-AppCheck': await text(appCheckToken),
  });
