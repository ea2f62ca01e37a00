/** What every element has: its app, its states, its shadow root, and one way to make nodes. */

import {
  type Connection,
  connect,
  type FirebaseOptions,
  type HostApp,
  Refused,
} from './connection';
import { sheet } from './styles';

type Child = Node | string | null | false;

/** Make a node. Properties are set as attributes, so nothing given is ever read as markup. */
export function make(
  tag: string,
  attributes: Record<string, string | number | boolean | EventListener> = {},
  ...children: Child[]
): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  );
  return made;
}

/** Where this module came from: the Creditbase site, unless an element says another. */
const HOME = new URL(import.meta.url).origin;

/** Wait until the page's scripts have run. */
async function loaded(): Promise<void> {
  if (document.readyState !== 'complete') {
    await new Promise((done) => addEventListener('load', done, { once: true }));
  }
  await new Promise((done) => setTimeout(done, 0));
}

export abstract class CreditbaseElement extends HTMLElement {
  static readonly observedAttributes = ['base-url', 'config', 'lang'];

  protected readonly root: ShadowRoot;
  protected connection: Connection | null = null;
  private givenApp: HostApp | null = null;
  private givenConfig: FirebaseOptions | null = null;
  private stops: (() => void)[] = [];
  private turn = 0;

  constructor() {
    super();
    this.root = this.attachShadow({ mode: 'open' });
    this.root.adoptedStyleSheets = [sheet()];
  }

  /** The page's FirebaseApp, whose user is shown. */
  get app(): HostApp | null {
    return this.givenApp;
  }

  set app(app: HostApp | null) {
    this.givenApp = app;
    this.restart();
  }

  /** The configuration of a Firebase app, for pages that have none. */
  get config(): FirebaseOptions | null {
    return this.givenConfig;
  }

  set config(config: FirebaseOptions | null) {
    this.givenConfig = config;
    this.restart();
  }

  connectedCallback(): void {
    // Set on the element before it was defined: then they are plain properties, and hide ours.
    for (const name of ['app', 'config'] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const given = this[name];
      delete this[name];
      Object.assign(this, { [name]: given });
    }
    this.restart();
  }

  disconnectedCallback(): void {
    this.stop();
  }

  attributeChangedCallback(name: string, _: string | null, text: string | null): void {
    if (name === 'config') {
      try {
        this.givenConfig = text ? (JSON.parse(text) as FirebaseOptions) : null;
      } catch {
        this.show(this.notice('The attribute “config” is no JSON.', 'alert'));
        return;
      }
    }
    this.restart();
  }

  /** Show what the signed-in user has; called anew for every user. */
  protected abstract load(connection: Connection): Promise<void>;

  /** The words for a page on which nobody is signed in. */
  protected abstract readonly invitation: string;

  /** Stop this, too, when the element goes or the user changes. */
  protected until(stop: () => void): void {
    this.stops.push(stop);
  }

  /** The language that numbers and dates are written in. */
  protected get language(): string {
    return this.closest('[lang]')?.getAttribute('lang') ?? (document.documentElement.lang || 'en');
  }

  protected show(...children: Child[]): void {
    this.root.replaceChildren(make('div', { part: 'box', class: 'box' }, ...children));
  }

  protected notice(text: string, role: 'status' | 'alert', ...more: Child[]): HTMLElement {
    return make('p', { part: 'notice', class: 'notice', role }, text, ...more);
  }

  protected fail(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.show(
      this.notice(text, 'alert'),
      make('button', { part: 'button', type: 'button', click: () => this.restart() }, 'Try again'),
    );
    this.tellError(error);
  }

  /** Tell the page what went wrong. */
  protected tellError(error: unknown): void {
    const detail = {
      code: error instanceof Refused ? error.code : '',
      message: error instanceof Error ? error.message : String(error),
    };
    this.dispatchEvent(
      new CustomEvent('creditbase-error', { detail, bubbles: true, composed: true }),
    );
  }

  protected restart(): void {
    this.stop();
    if (!this.isConnected) return;
    const turn = ++this.turn;
    this.show(
      make(
        'div',
        { class: 'skeleton', role: 'status' },
        make('span', { class: 'unseen' }, 'Loading…'),
      ),
    );
    void this.begin(turn).catch((error: unknown) => {
      if (turn === this.turn) this.fail(error);
    });
  }

  private async begin(turn: number): Promise<void> {
    // What a page's own scripts give an element, they give it by the time that it is loaded.
    if (!this.givenApp && !this.givenConfig) await loaded();
    if (turn !== this.turn) return;
    const base = (this.getAttribute('base-url') ?? HOME).replace(/\/+$/, '');
    const connection = await connect(base, this.givenApp, this.givenConfig);
    if (turn !== this.turn) return;
    this.connection = connection;
    let stopUser = (): void => undefined;
    stopUser = connection.onUser((uid) => {
      if (turn !== this.turn) return;
      this.stop(false);
      if (uid === null) {
        this.show(this.notice(this.invitation, 'status'));
        return;
      }
      this.load(connection).catch((error: unknown) => {
        if (turn === this.turn) this.fail(error);
      });
    });
    this.stopUser = stopUser;
  }

  private stopUser: (() => void) | null = null;

  private stop(isForGood = true): void {
    for (const stop of this.stops.splice(0)) stop();
    if (!isForGood) return;
    this.turn += 1;
    this.stopUser?.();
    this.stopUser = null;
  }
}
