/** A call of the playground as it goes on, and what is said of it. Pure. */

import type { ApiError, Schemas } from '../app/api';
import { creditsExactly, day } from '../app/format';

interface Told {
  text: string;
  holdId: string;
  /** The most that it can cost, held before the model is asked. */
  heldNanos: number | undefined;
  chargedNanos: number | undefined;
  /** Why an answer is not whole. */
  problem: string;
}

export type Call =
  | (Told & { state: 'idle' | 'asking' | 'answering' | 'done' })
  | (Told & { state: 'refused'; error: ApiError });

export const IDLE: Call = {
  state: 'idle',
  text: '',
  holdId: '',
  heldNanos: undefined,
  chargedNanos: undefined,
  problem: '',
};

export interface Step {
  name: string;
  state: 'ahead' | 'now' | 'over';
  nanos: number | undefined;
  note: string;
}

/** What happens to the credits, step by step. */
export function stepsOf(call: Call): Step[] {
  const { heldNanos, chargedNanos } = call;
  const isHeld = heldNanos !== undefined;
  const isCharged = chargedNanos !== undefined;
  const back = isHeld && isCharged ? heldNanos - chargedNanos : undefined;
  return [
    {
      name: 'Held',
      state: isCharged ? 'over' : isHeld ? 'now' : 'ahead',
      nanos: heldNanos,
      note: 'the most this call can cost',
    },
    {
      name: 'Charged',
      state: isCharged ? 'over' : 'ahead',
      nanos: chargedNanos,
      note: 'what it has used',
    },
    {
      name: 'Given back',
      state: isCharged ? 'over' : 'ahead',
      nanos: back,
      note: 'yours again at once',
    },
  ];
}

type Model = Schemas['ListedModel'];

/** The models that one can talk to: those of this installation first, the slow one above all. */
export function callable(models: readonly Model[]): Model[] {
  const rank = (model: Model) => (model.key === 'local-slow' ? 0 : model.is_custom ? 1 : 2);
  return models
    .filter((model) => model.category === 'chat')
    .sort((one, other) => rank(one) - rank(other));
}

export interface RefusedWords {
  title: string;
  sentences: string[];
  action?: { label: string; address: string };
}

type Refusal = Pick<ApiError, 'status' | 'code' | 'message' | 'figures'>;

const TOP_UP = { label: 'Buy a top-up', address: '/app/plans' };

/** Why a call was not made, what it would take, and where to get that. */
export function refusedCall(error: Refusal): RefusedWords {
  if (error.status === 402) return notCovered(error.figures);
  if (error.status === 429) {
    return {
      title: 'Too many calls at once',
      sentences: ['Please wait a moment, and send it again.'],
    };
  }
  if (error.status === 0 || error.status >= 500) {
    return {
      title: 'The model could not be reached',
      sentences: ['Nothing was charged. Please send it again.'],
    };
  }
  return { title: 'This call was not made', sentences: [error.message, 'Nothing was charged.'] };
}

function notCovered(figures: Refusal['figures']): RefusedWords {
  const { required_nanos: required, available_nanos: available } = figures;
  const { limit_source: source, next_credits_at: nextAt } = figures;
  const sentences: string[] = [];
  if (typeof required === 'number' && typeof available === 'number') {
    sentences.push(
      `Even the shortest answer may cost ${creditsExactly(required)}, and you have ${creditsExactly(available)}.`,
    );
  }
  if (source === 'receivable') {
    sentences.push(
      'A refund took back credits that were spent already; the next top-up pays that first.',
    );
  }
  sentences.push('The model was not asked, and nothing was charged.');
  if (typeof nextAt === 'string') sentences.push(`New credits come on ${day(nextAt)}.`);
  return { title: 'Your credits do not cover this call', sentences, action: TOP_UP };
}
