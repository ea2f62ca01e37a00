import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vite';

const { CHAT_URL, HUB_URL } = process.env;

export default defineConfig({
  // What the page may know; HUB_SECRET_KEY stays with the function.
  envPrefix: ['GCLOUD_PROJECT', 'FIREBASE_AUTH_EMULATOR_HOST', 'APP_CHECK_TOKEN'],
  cacheDir: join(tmpdir(), `creditbase-web-chat-${process.pid}`),
  build: { target: 'es2022' },
  // Deployed, Hosting rewrites these to the functions.
  server: {
    host: '127.0.0.1',
    proxy: { '/chat': CHAT_URL ?? '', '/usage': HUB_URL ?? '', '/billing': HUB_URL ?? '' },
  },
});
