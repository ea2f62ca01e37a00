"""A model on this machine that needs no key: OpenAI's chat completions, streamed or whole.

It repeats what it is told, and reports a token for each word:
python examples/local_model.py PORT
"""

import json
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BETWEEN_WORDS_S = 0.02


def pieces(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an answer word by word, and at last what it used."""
    question = str(asked["messages"][-1]["content"])
    words = ["You", "said:", *question.split()]
    for word in words:
        yield {"choices": [{"index": 0, "delta": {"content": f"{word} "}}], "usage": None}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield {"choices": [last], "usage": None}
    read = sum(len(str(one["content"]).split()) for one in asked["messages"])
    total = read + len(words)
    usage = {"prompt_tokens": read, "completion_tokens": len(words), "total_tokens": total}
    yield {"choices": [], "usage": usage}


class Model(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Answer `/chat/completions`."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        head = {"id": "local", "created": int(time.time()), "model": asked["model"]}
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for piece in pieces(asked):
                if piece["choices"] or (asked.get("stream_options") or {}).get("include_usage"):
                    self.say({"object": "chat.completion.chunk", **head, **piece})
                    time.sleep(BETWEEN_WORDS_S)
            self.wfile.write(b"data: [DONE]\n\n")
            return
        *said, _, last = pieces(asked)
        text = "".join(one["choices"][0]["delta"]["content"] for one in said).strip()
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = {"choices": [choice], "usage": last["usage"]}
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"object": "chat.completion", **head, **answer}).encode())

    def say(self, piece: dict[str, Any]) -> None:
        """Send one piece of a stream."""
        self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
        self.wfile.flush()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
