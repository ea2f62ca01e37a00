"""OpenAI's chat completions request, as strictly as its cost has to be known.

Unknown options are refused, because what is not known is not bounded; options that change
neither the answer nor the cost are taken and dropped. Source: OpenAI's API reference,
`createChatCompletion`.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from creditbase.kernel.errors import InvalidRequest
from creditbase.relay.gateway.asks import Ask, Json

MESSAGES_MAX = 10_000
TOOLS_MAX = 512
OUTPUT_TOKENS_MAX = 10_000_000


def _without_nulls(value: object) -> object:
    """Drop what is null: clients send back messages as they came, with all their fields."""
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if inner is not None}
    return value


class Strict(BaseModel):
    """Takes only what it knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Lenient(BaseModel):
    """Takes more than it knows, and passes on what it knows."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class TextPart(Lenient):
    """Text of a message."""

    type: Literal["text"]
    text: str


class RefusalPart(Lenient):
    """The text by which a model declined, sent back."""

    type: Literal["refusal"]
    refusal: str


class ImageUrl(Strict):
    """Where an image is: an address, or the image itself as a `data:` address."""

    url: Annotated[str, Field(pattern=r"^(https://|data:image/)")]
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Lenient):
    """An image of a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


class FileBytes(Strict):
    """A file itself; a provider's own file ids are not ours to give."""

    file_data: Annotated[str, Field(pattern=r"^data:(application|text)/")]
    """No sound and no film: a model that takes them has a dearer price for them."""
    filename: Annotated[str, Field(max_length=255)] = "file"


class FilePart(Lenient):
    """A file of a message."""

    type: Literal["file"]
    file: FileBytes


Part = Annotated[TextPart | RefusalPart | ImagePart | FilePart, Field(discriminator="type")]
Content = str | list[Part]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class FunctionCall(Lenient):
    """Which function a model called, and with what."""

    name: Name
    arguments: str


class CalledTool(Lenient):
    """A call that a model made, sent back to it."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Lenient):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content = ""
    name: Annotated[str, Field(max_length=128)] | None = None
    refusal: str | None = None
    tool_calls: list[CalledTool] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None


class Function(Strict):
    """A function of the caller's that the model may ask for."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Strict):
    """A tool that the caller runs; tools that a provider runs have costs without a bound."""

    type: Literal["function"]
    function: Function


class NamedFunction(Strict):
    """The name of a function."""

    name: Name


class NamedChoice(Strict):
    """The one function that shall be called."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice = Literal["auto", "none", "required"] | NamedChoice


class ResponseFormat(Strict):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class StreamOptions(Strict):
    """What a stream has beside the answer."""

    include_usage: bool = False
    include_obfuscation: bool = False


NullFree = BeforeValidator(_without_nulls)
Fraction = Annotated[float, Field(strict=False, allow_inf_nan=False)]
OutputTokens = Annotated[int, Field(ge=1, le=OUTPUT_TOKENS_MAX)]


class ChatRequest(Strict):
    """The body of `POST /chat/completions`."""

    model: Annotated[str, Field(max_length=128)] = ""
    messages: Annotated[
        list[Annotated[Message, NullFree]], Field(min_length=1, max_length=MESSAGES_MAX)
    ]
    max_completion_tokens: OutputTokens | None = None
    max_tokens: OutputTokens | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=TOOLS_MAX)] | None = None

    # passed on
    temperature: Annotated[Fraction, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Fraction, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[Fraction, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Fraction, Field(ge=-2, le=2)] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    seed: int | None = None
    logit_bias: dict[str, Fraction] | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    user: Annotated[str, Field(max_length=512)] | None = None

    # taken where they ask for nothing out of the ordinary, and dropped
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    modalities: list[Literal["text"]] | None = None
    service_tier: Literal["auto", "default"] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


PASSED_ON = (
    *("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop", "seed"),
    *("logit_bias", "response_format", "reasoning_effort", "verbosity", "tool_choice"),
    *("parallel_tool_calls", "user"),
)


def parse_chat(body: Json) -> Ask:
    """Return the ask that a request is.

    Raises:
        InvalidRequest: with the first wrong field and what is wrong with it.
    """
    found = validated(ChatRequest, body)
    written = found.model_dump(mode="json", exclude_none=True)
    if found.max_completion_tokens is not None and found.max_tokens is not None:
        raise InvalidRequest(
            "Give either max_completion_tokens or max_tokens", field="max_tokens"
        )
    check_tools(found.tools, found.tool_choice)
    options = found.stream_options
    return Ask(
        model=found.model.strip(),
        messages=tuple(written["messages"]),
        tools=tuple(written.get("tools", ())),
        options={name: written[name] for name in PASSED_ON if name in written},
        output_tokens_max=found.max_completion_tokens or found.max_tokens,
        streams=found.stream,
        shows_usage=options is not None and options.include_usage,
    )


def check_tools(tools: object, choice: object) -> None:
    """Refuse a choice among tools where there are none."""
    if choice is not None and not tools:
        raise InvalidRequest("There are no tools to choose from", field="tool_choice")


R = TypeVar("R", bound=BaseModel)


def validated(model: type[R], body: Json) -> R:
    """Return the request that a JSON object is.

    Raises:
        InvalidRequest: with the first wrong field and what is wrong with it.
    """
    try:
        return model.model_validate(body)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InvalidRequest(f"{field} is not supported", field=field) from failure
        raise InvalidRequest(f"Invalid request: {first['msg']}", field=field) from failure
