// The first load of the overview: every script that it asks for before the first paint, as
// Hosting sends it. Run after `npm run web:build`; fails where it is more than the budget.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_BYTES = 200_000;
const LATER = ['src/app/firestore.ts', 'src/app/drawing.ts', 'src/app/google.ts'];

const dist = new URL('dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

/** Add a chunk and all that it needs at once. */
function gather(name, found) {
  const chunk = manifest[name];
  if (!chunk) throw new Error(`${name} is not in the build: has it been renamed?`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const needed of chunk.imports ?? []) gather(needed, found);
  return found;
}

const first = gather('src/customer/overview.tsx', gather('index.html', new Set()));
first.add('theme.js');
for (const name of LATER) {
  if (first.has(manifest[name]?.file)) {
    console.error(`${name} is part of the first load; it has to come after the first paint`);
    process.exit(1);
  }
}

const sizes = [...first].map((file) => [gzipSync(readFileSync(new URL(file, dist))).length, file]);
const total = sizes.reduce((sum, [size]) => sum + size, 0);
for (const [size, file] of sizes.sort(([one], [other]) => other - one)) {
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  of ${BUDGET_BYTES} bytes`);
if (total > BUDGET_BYTES) {
  console.error('The first load of the overview is over its budget.');
  process.exit(1);
}
