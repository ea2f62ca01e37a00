/** The token follows the plan: rules read the plan in it, and Firebase renews it by the hour. */

/** The server sets claims within a minute or two of the change. */
const WAITS_MS = [5_000, 30_000, 60_000, 120_000];

interface Token {
  /** Return the plan that the token has, of a new token where that is asked for. */
  plan: (isNew: boolean) => Promise<unknown>;
  wait: (forMs: number) => Promise<void>;
}

/**
 * Return what is to be told of every plan that is seen, of one user.
 *
 * A new token is asked for where the plan is another than the token's: at once where the token
 * has a plan, and where it has none (nobody sets claims here, or not yet) only after a change.
 */
export function planFollower(token: Token): (plan: string) => Promise<void> {
  let seen: string | undefined;
  return async (plan) => {
    const before = seen;
    seen = plan;
    if (plan === before) return;
    const claimed = await token.plan(false);
    if (claimed === plan || (claimed === undefined && before === undefined)) return;
    for (const waitMs of WAITS_MS) {
      await token.wait(waitMs);
      if (seen !== plan || (await token.plan(true)) === plan) return;
    }
  };
}
