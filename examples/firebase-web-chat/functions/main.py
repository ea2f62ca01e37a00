"""The chat function: whoever is signed in asks a model, and pays with credits."""

import json
import os
from collections.abc import Iterator
from functools import cache

import firebase_admin
from firebase_admin import auth
from firebase_functions import https_fn, options
from google.cloud import firestore
from openai import OpenAI

from creditbase_client import Creditbase, NotFound, PaymentRequired, SecretKey
from creditbase_client.openai import metered

MODEL = "gpt-5-mini"
QUESTION_MAX = 2_000
OUTPUT_TOKENS_MAX = 400

firebase_admin.initialize_app()


@cache
def model() -> OpenAI:
    """Return the model's client; one for each instance of the function."""
    return OpenAI(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"])


@cache
def records() -> firestore.Client:
    """Return the project's Firestore."""
    return firestore.Client(project=firebase_admin.get_app().project_id)


@cache
def billing() -> Creditbase:
    """Return Creditbase's client."""
    return Creditbase(os.environ["METER_URL"], SecretKey(os.environ["HUB_SECRET_KEY"]))


@https_fn.on_request(memory=options.MemoryOption.MB_512)
def chat(request: https_fn.Request) -> https_fn.Response:
    """Answer a question, streamed as text."""
    try:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        uid = auth.verify_id_token(token)["uid"]
    except (ValueError, auth.InvalidIdTokenError):
        return refused(401, {"message": "Sign in first."})
    body = request.get_json(silent=True)
    asked_for = body.get("question") if isinstance(body, dict) else None
    if not isinstance(asked_for, str) or not asked_for.strip():
        return refused(400, {"message": "Ask something."})
    question = asked_for[:QUESTION_MAX]
    # The document's id is the charge's key: made here, and by nobody's browser.
    asked = records().collection("chats").document(uid).collection("asked").document()
    asked.create({"question": question, "at": firestore.SERVER_TIMESTAMP})
    client = metered(
        model(), billing(), customer_external_id=uid, idempotency_key=f"chat:{asked.id}"
    )
    try:
        pieces = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": question}],
            max_completion_tokens=OUTPUT_TOKENS_MAX,
            stream=True,
        )
    except PaymentRequired as problem:
        return refused(402, {"message": "Your credits are used up.", **problem.facts})
    except NotFound:
        return refused(404, {"message": "No credits yet: ask for /usage/me first."})

    def words() -> Iterator[str]:
        with pieces:
            try:
                for piece in pieces:
                    for choice in piece.choices:
                        yield choice.delta.content or ""
            finally:  # who leaves in the middle has read, too: the last piece tells the usage
                for _ in pieces:
                    pass

    return https_fn.Response(words(), mimetype="text/plain")


def refused(status: int, body: dict[str, object]) -> https_fn.Response:
    """Return an error as JSON."""
    return https_fn.Response(json.dumps(body), status, mimetype="application/json")
