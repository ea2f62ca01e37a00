/** A new token is asked for when the plan is another than the token's, and not for ever. */

import { expect, test } from 'vitest';
import { planFollower } from '../src/app/claims';

/** A user whose token gets the plan `later` once it was renewed so many times. */
function aUser(claimed: string | undefined, later?: string, after = 1) {
  const asked: boolean[] = [];
  let renewed = 0;
  const follow = planFollower({
    plan: async (isNew) => {
      asked.push(isNew);
      if (isNew) renewed += 1;
      return later !== undefined && renewed >= after ? later : claimed;
    },
    wait: async () => {},
  });
  return { follow, renewals: () => asked.filter(Boolean).length };
}

test('a token that has the plan is kept', async () => {
  const user = aUser('guru');
  await user.follow('guru');
  await user.follow('guru');
  expect(user.renewals()).toBe(0);
});

test('a token of before the upgrade is renewed until it has the plan', async () => {
  const user = aUser('free', 'guru', 2);
  await user.follow('guru');
  expect(user.renewals()).toBe(2);
});

test('where nobody sets claims no token is renewed when the page is opened', async () => {
  const user = aUser(undefined);
  await user.follow('free');
  expect(user.renewals()).toBe(0);
});

test('the first change of plan of a user without claims renews the token', async () => {
  const user = aUser(undefined, 'guru');
  await user.follow('free');
  await user.follow('guru');
  expect(user.renewals()).toBe(1);
});

test('a claim that never comes is given up', async () => {
  const user = aUser('free');
  await user.follow('guru');
  expect(user.renewals()).toBe(4);
});
