/** What a deployment tells the page at run time: `/settings.json`, see README.md, Deploying. */

import type { FirebaseOptions } from 'firebase/app';

export interface Settings {
  firebase: FirebaseOptions;
  /** The reCAPTCHA Enterprise key; production only. */
  appCheckSiteKey?: string;
  /** Where the gateway and the local Stripe are, if elsewhere than at this origin. */
  gatewayUrl?: string;
  /** The emulators; absent in production. */
  local?: {
    appCheckToken: string;
    authEmulator: string;
    firestoreEmulator: string;
  };
}

let loading: Promise<Settings> | undefined;

/** Return the settings; asked for once. */
export function loadSettings(): Promise<Settings> {
  loading ??= fetch('/settings.json').then((answer) => {
    if (!answer.ok) throw new Error('This page is not set up yet: /settings.json is missing.');
    return answer.json() as Promise<Settings>;
  });
  return loading;
}
