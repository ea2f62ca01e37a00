// What OpenAI's own JavaScript client makes of the gateway, for one credential a line.
// Prints a line of JSON for each: the text of both ways to ask, and how a 402 is shown.
import OpenAI from "openai";

const [baseURL, ...credentials] = process.argv.slice(2);

for (const apiKey of credentials) {
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  const asked = (content, more) => ({
    model: "local-large",
    messages: [{ role: "user", content }],
    ...more,
  });
  const whole = await client.chat.completions.create(asked("one two three"));
  let streamed = "";
  let usage = null;
  const stream = await client.chat.completions.create(
    asked("one two three", { stream: true, stream_options: { include_usage: true } }),
  );
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  let refusal = null;
  try {
    await client.chat.completions.create(asked("x".repeat(130_000), { stream: true }));
  } catch (error) {
    refusal = {
      isApiError: error instanceof OpenAI.APIError,
      status: error.status,
      code: error.code,
      type: error.type,
      message: error.message,
    };
  }
  console.log(
    JSON.stringify({ whole: whole.choices[0].message.content, streamed, usage, refusal }),
  );
}
