/** An app of our own, for pages that give a configuration and have no FirebaseApp. */

import { type FirebaseApp, getApps, initializeApp } from 'firebase/app';
import {
  CustomProvider,
  initializeAppCheck,
  ReCaptchaEnterpriseProvider,
} from 'firebase/app-check';
import { connectAuthEmulator, getAuth } from 'firebase/auth';

import type { FirebaseOptions, HostApp, SiteSettings } from './connection';

/** Start Firebase; whoever signed in to this page's origin with this configuration is signed in. */
export function startApp(config: FirebaseOptions, settings: SiteSettings): HostApp {
  const same = getApps().find((app) => JSON.stringify(app.options) === JSON.stringify(config));
  return (same ?? started(config, settings)) as FirebaseApp & HostApp;
}

function started(config: FirebaseOptions, { local, appCheckSiteKey }: SiteSettings): FirebaseApp {
  const app = initializeApp(config);
  const auth = getAuth(app);
  if (local) {
    connectAuthEmulator(auth, local.authEmulator, { disableWarnings: true });
    const token = { token: local.appCheckToken, expireTimeMillis: Date.now() + 3_600_000 };
    initializeAppCheck(app, {
      provider: new CustomProvider({ getToken: () => Promise.resolve(token) }),
    });
  } else if (appCheckSiteKey) {
    initializeAppCheck(app, {
      provider: new ReCaptchaEnterpriseProvider(appCheckSiteKey),
      isTokenAutoRefreshEnabled: true,
    });
  }
  return app;
}
