/** A call to a model through the gateway, told while it comes. */

import { EventSourceParserStream } from 'eventsource-parser/stream';

/** What a call tells, in this order: held, words, done; or that it broke off. */
export type CallEvent =
  | { kind: 'held'; holdId: string; heldNanos: number }
  | { kind: 'word'; text: string }
  | { kind: 'done'; promptTokens: number; completionTokens: number }
  | { kind: 'broken'; message: string };

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message?: string };
}

/** What is sent: OpenAI's words, as any client of the gateway would send them. */
export function requestOf(model: string, prompt: string): object {
  return {
    model,
    messages: [{ role: 'user', content: prompt }],
    stream: true,
    stream_options: { include_usage: true },
  };
}

/** Tell an answer of the gateway while it comes. */
export async function* eventsOf(response: Response): AsyncGenerator<CallEvent> {
  yield {
    kind: 'held',
    holdId: response.headers.get('X-Creditbase-Hold-Id') ?? '',
    heldNanos: Number(response.headers.get('X-Creditbase-Held-Nanos') ?? 0),
  };
  if (!response.body) throw new Error('The gateway sent nothing.');
  const reader = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  let isWhole = false;
  for (let found = await reader.read(); !found.done; found = await reader.read()) {
    if (found.value.data === '[DONE]') {
      isWhole = true;
      continue;
    }
    const chunk = JSON.parse(found.value.data) as Chunk;
    if (chunk.error) {
      yield { kind: 'broken', message: chunk.error.message ?? 'The model did not go on.' };
      return;
    }
    const text = chunk.choices?.[0]?.delta?.content;
    if (text) yield { kind: 'word', text };
    if (chunk.usage) {
      yield {
        kind: 'done',
        promptTokens: chunk.usage.prompt_tokens,
        completionTokens: chunk.usage.completion_tokens,
      };
    }
  }
  if (!isWhole)
    yield {
      kind: 'broken',
      message: 'The connection broke off. What was written until then is charged.',
    };
}
