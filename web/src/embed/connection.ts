/**
 * How the elements reach Creditbase: as the user who is signed in to the page they stand on.
 *
 * A page gives its own FirebaseApp, or the configuration of one. Of an app nothing is used but
 * what the SDK's own parts use of each other (`auth-internal`, `app-check-internal`), so it
 * may come from another copy of the SDK than ours.
 */

export interface FirebaseOptions {
  apiKey?: string;
  authDomain?: string;
  projectId?: string;
  appId?: string;
  [name: string]: string | undefined;
}

interface Provider {
  getImmediate(options: { optional: true }): unknown;
}

/** A FirebaseApp, as far as we know it. */
export interface HostApp {
  readonly name: string;
  readonly options: FirebaseOptions;
  readonly container?: { getProvider(name: string): Provider };
}

type TokenListener = (token: string | null) => void;

interface AuthInternal {
  getUid(): string | null;
  getToken(forceRefresh?: boolean): Promise<{ accessToken: string } | null>;
  addAuthTokenListener(listener: TokenListener): void;
  removeAuthTokenListener(listener: TokenListener): void;
}

interface AppCheckInternal {
  getToken(forceRefresh?: boolean): Promise<{ token: string; error?: Error }>;
}

/** What `/settings.json` of a Creditbase site says, as far as the elements need it. */
export interface SiteSettings {
  firebase: FirebaseOptions;
  appCheckSiteKey?: string;
  local?: { appCheckToken: string; authEmulator: string; firestoreEmulator?: string };
}

/** A refusal of the server, or that it could not be reached. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class Connection {
  constructor(
    readonly base: string,
    readonly app: HostApp,
    readonly settings: SiteSettings,
  ) {}

  /** Tell who is signed in, now and whenever it changes. Return how to stop. */
  onUser(listener: (uid: string | null) => void): () => void {
    const auth = this.part<AuthInternal>('auth-internal');
    if (!auth) throw new Error('Set up Firebase Authentication before the elements of Creditbase.');
    let last: string | null | undefined;
    const tell = (): void => {
      const uid = auth.getUid();
      if (uid === last) return;
      last = uid;
      listener(uid);
    };
    auth.addAuthTokenListener(tell);
    return () => auth.removeAuthTokenListener(tell);
  }

  /** Ask the API as the signed-in user. */
  async call<Answer>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
    const [user, attestation] = await Promise.all([
      this.part<AuthInternal>('auth-internal')?.getToken(),
      this.part<AppCheckInternal>('app-check-internal')?.getToken(),
    ]);
    const headers: Record<string, string> = {};
    if (user) headers.Authorization = `Bearer ${user.accessToken}`;
    if (attestation) headers['X-Firebase-AppCheck'] = attestation.token;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Refused(0, 'UNREACHABLE', 'Creditbase cannot be reached from this page.');
    }
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.ok) return answer as Answer;
    const text = answer.message ?? answer.detail ?? `The server answered ${response.status}.`;
    throw new Refused(response.status, String(answer.code ?? ''), String(text));
  }

  /** Tell what a document says, now and whenever it changes. Return how to stop. */
  watch(
    path: string,
    next: (fields: Record<string, unknown>) => void,
    failed: (error: Error) => void,
  ): () => void {
    let isOver = false;
    let stop = (): void => undefined;
    void import('./live')
      .then(({ watchDocument }) => {
        if (!isOver) stop = watchDocument(this, path, next, failed);
      })
      .catch(failed);
    return () => {
      isOver = true;
      stop();
    };
  }

  /** Return a part of the app that other parts of the SDK use, if the page has set it up. */
  part<Part>(name: string): Part | null {
    const found = this.app.container?.getProvider(name).getImmediate({ optional: true });
    return (found as Part | null | undefined) ?? null;
  }
}

const byApp = new WeakMap<HostApp, Promise<Connection>>();
const byConfig = new Map<string, Promise<Connection>>();

/** Return the connection of a page; elements of one app, or one configuration, share it. */
export function connect(
  base: string,
  app: HostApp | null,
  config: FirebaseOptions | null,
): Promise<Connection> {
  if (app) {
    const found = byApp.get(app) ?? ofApp(base, app);
    byApp.set(app, found);
    found.catch(() => byApp.delete(app));
    return found;
  }
  const key = JSON.stringify([base, config]);
  const found = byConfig.get(key) ?? begin(base, config);
  byConfig.set(key, found);
  found.catch(() => byConfig.delete(key));
  return found;
}

async function ofApp(base: string, app: HostApp): Promise<Connection> {
  return new Connection(base, app, await settingsOf(base));
}

async function begin(base: string, config: FirebaseOptions | null): Promise<Connection> {
  const [settings, { startApp }] = await Promise.all([settingsOf(base), import('./own-app')]);
  return new Connection(base, startApp(config ?? settings.firebase, settings), settings);
}

async function settingsOf(base: string): Promise<SiteSettings> {
  const response = await fetch(`${base}/settings.json`).catch(() => null);
  if (!response?.ok)
    throw new Refused(0, 'UNREACHABLE', 'Creditbase cannot be reached from this page.');
  return (await response.json()) as SiteSettings;
}
