/** Firestore, loaded after the first paint: one document is listened to, nothing is written. */

import {
  connectFirestoreEmulator,
  type DocumentData,
  doc,
  type Firestore,
  getFirestore,
  onSnapshot,
  Timestamp,
} from 'firebase/firestore';
import type { PublishedBalance } from './account';
import { started } from './session';

let database: Promise<Firestore> | undefined;

async function open(): Promise<Firestore> {
  const { app, settings } = await started();
  const opened = getFirestore(app);
  if (settings.local) {
    const { hostname, port } = new URL(settings.local.firestoreEmulator);
    connectFirestoreEmulator(opened, hostname, Number(port));
  }
  return opened;
}

interface Listener {
  changed: (balance: PublishedBalance) => void;
  failed: () => void;
}

/** Listen to a published balance; returns what ends it. */
export async function listenTo(path: string, listener: Listener): Promise<() => void> {
  database ??= open();
  return onSnapshot(
    doc(await database, path),
    (snapshot) => {
      const fields = snapshot.data();
      if (fields) listener.changed(withDates(fields) as unknown as PublishedBalance);
    },
    listener.failed,
  );
}

function withDates(fields: DocumentData): DocumentData {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (value instanceof Timestamp) return [name, value.toDate()];
      return [name, isMap(value) ? withDates(value) : value];
    }),
  );
}

const isMap = (value: unknown): value is DocumentData =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
