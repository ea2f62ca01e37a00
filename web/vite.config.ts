import { defineConfig } from 'vite';

// `npm run web:dev` serves the sources beside a running stack (set -a; . .run/env): whatever is
// not the app's own is asked of the hub. Without one, the address of the first stack is tried.
const hub = process.env.HUB_URL ?? 'http://127.0.0.1:21000';
const ofTheHub = '^/(usage|ledger|models|plans|billing|api-keys|admin|api|settings\\.json)';

export default defineConfig({
  build: {
    target: 'es2022',
    manifest: true,
    modulePreload: { polyfill: false },
    // Nothing is inlined: the Content-Security-Policy lists no `data:` for fonts or scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: { host: '127.0.0.1', port: 5173, proxy: { [ofTheHub]: hub } },
  test: { include: ['tests/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
