/**
 * Listening to the published balance. Loaded after the first figures are shown.
 *
 * The Firestore client is ours, and knows the page's user through the page's own parts: so a
 * page needs no Firestore itself, and any copy of the SDK will do.
 */

import { Component, type ComponentContainer, type ComponentType } from '@firebase/component';
import { initializeApp } from 'firebase/app';
import {
  connectFirestoreEmulator,
  doc,
  type Firestore,
  getFirestore,
  onSnapshot,
} from 'firebase/firestore';

import type { Connection } from './connection';

const PARTS = ['auth-internal', 'app-check-internal'] as const;
const PRIVATE = 'PRIVATE' as ComponentType;
const stores = new WeakMap<Connection, Firestore>();
let count = 0;

/** Tell what a document says whenever it changes; return how to stop. */
export function watchDocument(
  connection: Connection,
  path: string,
  next: (fields: Record<string, unknown>) => void,
  failed: (error: Error) => void,
): () => void {
  const store = stores.get(connection) ?? opened(connection);
  stores.set(connection, store);
  return onSnapshot(
    doc(store, path),
    (snapshot) => {
      const fields = snapshot.data();
      if (fields) next(fields);
    },
    failed,
  );
}

/** An app of ours with the page's user: as such it is registered, where ours would be. */
function opened(connection: Connection): Firestore {
  count += 1;
  const own = initializeApp(connection.app.options, `creditbase-${count}`);
  const { container } = own as unknown as { container: ComponentContainer };
  for (const name of PARTS) {
    const part = connection.part<never>(name);
    if (part) container.addOrOverwriteComponent(new Component(name as never, () => part, PRIVATE));
  }
  const store = getFirestore(own);
  const emulator = connection.settings.local?.firestoreEmulator;
  if (emulator) {
    const { hostname, port } = new URL(emulator.includes('://') ? emulator : `http://${emulator}`);
    connectFirestoreEmulator(store, hostname, Number(port));
  }
  return store;
}
