// A chat with a model: each answer costs credits of whoever is signed in.
import { initializeApp } from 'firebase/app';
import { CustomProvider, getToken, initializeAppCheck } from 'firebase/app-check';
import { connectAuthEmulator, getAuth, signInAnonymously } from 'firebase/auth';

const env = import.meta.env as Record<string, string>;
const HOUR_MS = 3_600_000;

const app = initializeApp({ apiKey: 'local', projectId: env.GCLOUD_PROJECT, appId: '1:1:web:1' });
// Deployed: new ReCaptchaEnterpriseProvider(SITE_KEY), and no emulator.
const provider = new CustomProvider({
  getToken: async () => ({ token: env.APP_CHECK_TOKEN, expireTimeMillis: Date.now() + HOUR_MS }),
});
const appCheck = initializeAppCheck(app, { provider });
const auth = getAuth(app);
connectAuthEmulator(auth, `http://${env.FIREBASE_AUTH_EMULATOR_HOST}`, { disableWarnings: true });

const messages = document.querySelector('ol') as HTMLOListElement;
const credits = document.querySelector('output') as HTMLOutputElement;
const form = document.querySelector('form') as HTMLFormElement;
const button = form.querySelector('button') as HTMLButtonElement;

async function headers(): Promise<Record<string, string>> {
  const idToken = await auth.currentUser?.getIdToken();
  const { token } = await getToken(appCheck);
  return { Authorization: `Bearer ${idToken}`, 'X-Firebase-AppCheck': token };
}

/** Show what is left: as of the last minute, or worked out now. */
async function showCredits(path: '/usage/me' | '/billing/sync-balance'): Promise<void> {
  const method = path === '/usage/me' ? 'GET' : 'POST';
  const answer = await fetch(path, { method, headers: await headers() });
  const usage = await answer.json();
  credits.value = answer.ok ? `${usage.monthly_credits_remaining} credits` : usage.message;
}

function show(kind: 'mine' | 'theirs' | 'problem', text: string): HTMLLIElement {
  const message = document.createElement('li');
  message.className = kind;
  message.textContent = text;
  messages.append(message);
  message.scrollIntoView();
  return message;
}

async function ask(question: string): Promise<void> {
  show('mine', question);
  const answer = await fetch('/chat', {
    method: 'POST',
    headers: { ...(await headers()), 'Content-Type': 'application/json' },
    body: JSON.stringify({ question }),
  });
  if (!answer.ok || answer.body === null) {
    show('problem', (await answer.json()).message);
    return;
  }
  const message = show('theirs', '');
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    message.textContent += read.value;
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const question = String(new FormData(form).get('question'));
  form.reset();
  button.disabled = true;
  try {
    await ask(question);
    await showCredits('/billing/sync-balance');
  } catch {
    show('problem', 'That did not work. Try again.');
  } finally {
    button.disabled = false;
  }
});

await signInAnonymously(auth);
await showCredits('/usage/me'); // which gives whoever is new the free plan's credits
button.disabled = false;
