"""A gateway to a model: callers have a key of ours, and pay with their credits.

uvicorn --app-dir examples/fastapi-gateway gateway:app
"""

import os
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from creditbase_client import AsyncCreditbase, SecretKey
from creditbase_client.asgi import App, Charge, Metering, Receive, Scope, Send
from creditbase_client.types_gen import UsageFields

MODEL = "gpt-5-mini"
QUESTION_BYTES_MAX = 4_000
OUTPUT_TOKENS_MAX = 500
MOST: UsageFields = {
    "input_tokens": QUESTION_BYTES_MAX + 100,
    "output_tokens": OUTPUT_TOKENS_MAX,
}
"""What is held for a question: a token has at least a byte."""

records = sqlite3.connect(os.environ["GATEWAY_RECORDS"], isolation_level=None)
records.execute("create table if not exists callers (key text primary key, customer text)")
records.execute("create table if not exists questions (id integer primary key, customer text)")
model = AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"])
billing = AsyncCreditbase(os.environ["METER_URL"], SecretKey(os.environ["HUB_SECRET_KEY"]))
app = FastAPI()


class Question(BaseModel):
    """What a caller sends."""

    text: str = Field(min_length=1, max_length=QUESTION_BYTES_MAX // 4)
    stream: bool = False


async def charge_for(scope: Scope) -> Charge | None:
    """Charge a question to its caller, under the number that it has in our own records."""
    if scope["path"] != "/ask":
        return None
    customer = scope["state"]["customer"]
    row = records.execute("insert into questions (customer) values (?)", (customer,))
    return Charge(
        f"question:{customer}:{row.lastrowid}",
        {"customer_external_id": customer, "model": MODEL, "usage_max": MOST},
    )


app.add_middleware(Metering, billing=billing, charge_for=charge_for)


class SignIn:
    """Lets in whoever has a key. It is added last, so it runs first."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the caller, or answer 401."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        key = Request(scope).headers.get("Authorization", "").removeprefix("Bearer ")
        found = records.execute("select customer from callers where key = ?", (key,)).fetchone()
        if found is None:
            await JSONResponse({"error": "UNAUTHORIZED"}, 401)(scope, receive, send)
            return
        scope.setdefault("state", {})["customer"] = found[0]
        await self.app(scope, receive, send)


app.add_middleware(SignIn)


@app.post("/ask")
async def ask(question: Question) -> Response:
    """Pass a question on. The middleware reads what was used off the answer."""
    messages: list[Any] = [{"role": "user", "content": question.text}]
    if not question.stream:
        answer = await model.chat.completions.create(
            model=MODEL,
            messages=messages,
            max_completion_tokens=OUTPUT_TOKENS_MAX,
        )
        return Response(answer.model_dump_json(), media_type="application/json")
    pieces = await model.chat.completions.create(
        model=MODEL,
        messages=messages,
        max_completion_tokens=OUTPUT_TOKENS_MAX,
        stream=True,
        stream_options={"include_usage": True},
    )

    async def events() -> AsyncIterator[str]:
        async with pieces:
            async for piece in pieces:
                yield f"data: {piece.model_dump_json()}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")
