/** Signing in with Google: loaded when somebody presses its button. */

import {
  type Auth,
  browserPopupRedirectResolver,
  GoogleAuthProvider,
  signInWithPopup,
} from 'firebase/auth';

/** Open Google's window and wait until somebody has signed in there. */
export async function openPopup(auth: Auth): Promise<void> {
  await signInWithPopup(auth, new GoogleAuthProvider(), browserPopupRedirectResolver);
}
