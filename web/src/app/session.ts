/** Who is signed in. The only module that speaks to Firebase Auth and App Check. */

import { computed, signal } from '@preact/signals';
import { type FirebaseApp, initializeApp } from 'firebase/app';
import {
  type AppCheck,
  CustomProvider,
  getToken,
  initializeAppCheck,
  ReCaptchaEnterpriseProvider,
} from 'firebase/app-check';
import {
  type Auth,
  browserLocalPersistence,
  connectAuthEmulator,
  createUserWithEmailAndPassword,
  indexedDBLocalPersistence,
  initializeAuth,
  onAuthStateChanged,
  sendPasswordResetEmail,
  signInWithEmailAndPassword,
  signOut as signOutOf,
  type User,
} from 'firebase/auth';
import { loadSettings, type Settings } from './settings';

const HOUR_MS = 3_600_000;

interface Started {
  app: FirebaseApp;
  auth: Auth;
  appCheck: AppCheck;
  settings: Settings;
}

type Session =
  | { state: 'starting' }
  | { state: 'broken'; reason: string }
  | { state: 'out' }
  | { state: 'in'; uid: string; email: string };

/** The session as pages see it. */
export const session = signal<Session>({ state: 'starting' });

/** The signed-in user's id; empty without one. Data of one user is never shown to another. */
export const uid = computed(() => (session.value.state === 'in' ? session.value.uid : ''));

/** Whether this is the emulator: Google's sign-in is hidden there. */
export const isLocal = signal(true);

let announce: (started: Started) => void;
const starting = new Promise<Started>((done) => {
  announce = done;
});

/** Return the app and its parts, as soon as they are there. */
export function started(): Promise<Started> {
  return starting;
}

/** Start Firebase and follow who is signed in. */
export async function startSession(): Promise<void> {
  try {
    const settings = await loadSettings();
    const app = initializeApp(settings.firebase);
    const appCheck = initializeAppCheck(app, attestation(settings));
    const auth = initializeAuth(app, {
      persistence: [indexedDBLocalPersistence, browserLocalPersistence],
    });
    if (settings.local) {
      connectAuthEmulator(auth, settings.local.authEmulator, { disableWarnings: true });
    }
    isLocal.value = Boolean(settings.local);
    announce({ app, auth, appCheck, settings });
    onAuthStateChanged(auth, (user) => {
      session.value = seen(user);
      expect(user !== null);
    });
  } catch (problem) {
    session.value = { state: 'broken', reason: problem instanceof Error ? problem.message : '' };
  }
}

const WAS_IN = 'was-in';

/** Whether somebody was signed in here before: the frame is drawn for that, and does not jump. */
export const isExpected = wasIn();

function wasIn(): boolean {
  try {
    return localStorage.getItem(WAS_IN) !== null;
  } catch {
    return false;
  }
}

function expect(isIn: boolean): void {
  try {
    if (isIn) localStorage.setItem(WAS_IN, 'yes');
    else localStorage.removeItem(WAS_IN);
  } catch {
    // Storage may be forbidden: then the frame is drawn a moment later.
  }
}

function seen(user: User | null): Session {
  return user ? { state: 'in', uid: user.uid, email: user.email ?? '' } : { state: 'out' };
}

function attestation(settings: Settings) {
  const { local } = settings;
  if (!local) {
    const provider = new ReCaptchaEnterpriseProvider(settings.appCheckSiteKey ?? '');
    return { provider, isTokenAutoRefreshEnabled: true };
  }
  const token = async () => ({
    token: local.appCheckToken,
    expireTimeMillis: Date.now() + HOUR_MS,
  });
  return { provider: new CustomProvider({ getToken: token }), isTokenAutoRefreshEnabled: false };
}

/** Return the headers that prove who asks, and that this page does. */
export async function credentials(): Promise<Record<string, string>> {
  const { auth, appCheck } = await starting;
  const [idToken, attested] = await Promise.all([
    auth.currentUser?.getIdToken(),
    getToken(appCheck),
  ]);
  return {
    ...(idToken && { Authorization: `Bearer ${idToken}` }),
    'X-Firebase-AppCheck': attested.token,
  };
}

/** Return the plan that the signed-in user's token has, of a new token where that is asked for. */
export async function claimedPlan(isNew: boolean): Promise<unknown> {
  const { auth } = await starting;
  const token = await auth.currentUser?.getIdTokenResult(isNew);
  return token?.claims.plan;
}

/** Make an account and sign in with it. */
export async function signUp(email: string, password: string): Promise<void> {
  const { auth } = await starting;
  await createUserWithEmailAndPassword(auth, email, password);
}

/** Sign in. */
export async function signIn(email: string, password: string): Promise<void> {
  const { auth } = await starting;
  await signInWithEmailAndPassword(auth, email, password);
}

/** Sign in with a Google account, in a window of Google's. */
export async function signInWithGoogle(): Promise<void> {
  const { auth } = await starting;
  const { openPopup } = await import('./google');
  await openPopup(auth);
}

/** Send a letter with a link to choose a new password. */
export async function resetPassword(email: string): Promise<void> {
  const { auth } = await starting;
  await sendPasswordResetEmail(auth, email);
}

/** Sign out. */
export async function signOut(): Promise<void> {
  const { auth } = await starting;
  await signOutOf(auth);
}

const WORDS: Record<string, string> = {
  'auth/invalid-credential': 'E-mail or password is wrong.',
  'auth/wrong-password': 'E-mail or password is wrong.',
  'auth/user-not-found': 'E-mail or password is wrong.',
  'auth/user-disabled': 'This account is disabled.',
  'auth/email-already-in-use': 'There is an account with this address. Sign in instead.',
  'auth/invalid-email': 'This is not an e-mail address.',
  'auth/weak-password': 'Please take a password of at least six characters.',
  'auth/too-many-requests': 'Too many tries. Please wait a few minutes.',
  'auth/network-request-failed': 'The network does not answer. Please try again.',
  'auth/popup-blocked': 'The browser kept the window closed. Please allow it and try again.',
  'auth/popup-closed-by-user': 'The window was closed before you were signed in.',
};

/** Return what to tell a person of a sign-in that did not work. */
export function wordsFor(problem: unknown): string {
  const code = (problem as { code?: string }).code ?? '';
  return WORDS[code] ?? 'That did not work. Please try again.';
}
