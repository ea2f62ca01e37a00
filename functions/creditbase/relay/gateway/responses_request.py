"""The relay's own request to a model, as its official SDKs send it.

Source: relay-api.md 8; the TypeScript SDK writes `toolCalls` where the others write
`tool_calls`, so both are read.
"""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from creditbase.relay.gateway.asks import Ask, Json
from creditbase.relay.gateway.chat_request import (
    MESSAGES_MAX,
    TOOLS_MAX,
    CalledTool,
    FilePart,
    Fraction,
    FunctionTool,
    ImagePart,
    Lenient,
    Name,
    NullFree,
    OutputTokens,
    ResponseFormat,
    Strict,
    TextPart,
    check_tools,
    validated,
)


class InputItem(Lenient):
    """One message of the conversation."""

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: (
        str | list[Annotated[TextPart | ImagePart | FilePart, Field(discriminator="type")]]
    ) = ""
    tool_calls: list[CalledTool] | None = Field(
        default=None, validation_alias=AliasChoices("tool_calls", "toolCalls")
    )
    tool_call_id: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, validation_alias=AliasChoices("tool_call_id", "toolCallId")
    )


class ToolChoice(Strict):
    """Whether, or which, tool is called."""

    type: Literal["auto", "required", "none"]
    function: Name | None = None


class ResponsesRequest(Strict):
    """The body of `POST /responses`."""

    model: Annotated[str, Field(max_length=128)] = ""
    provider: Annotated[str, Field(max_length=64)] | None = None
    """Not needed: the price book says who serves a model."""
    input: Annotated[
        list[Annotated[InputItem, NullFree]], Field(min_length=1, max_length=MESSAGES_MAX)
    ]
    output_format: ResponseFormat | None = None
    max_output_tokens: OutputTokens | None = None
    temperature: Annotated[Fraction, Field(ge=0, le=2)] | None = None
    stop: Annotated[list[str], Field(max_length=16)] | None = None
    tools: Annotated[list[FunctionTool], Field(max_length=TOOLS_MAX)] | None = None
    tool_choice: ToolChoice | None = None
    stream: bool = False
    """A stream is asked for by `Accept`, or by this."""


def parse_responses(body: Json, *, streams: bool) -> Ask:
    """Return the ask that a request is; `streams` where its header asks for a stream.

    Raises:
        InvalidRequest: with the first wrong field and what is wrong with it.
    """
    found = validated(ResponsesRequest, body)
    check_tools(found.tools, found.tool_choice)
    written = found.model_dump(mode="json", exclude_none=True)
    options: Json = {name: written[name] for name in ("temperature", "stop") if name in written}
    if found.output_format is not None:
        options["response_format"] = written["output_format"]
    if found.tool_choice is not None:
        options["tool_choice"] = _choice(found.tool_choice)
    return Ask(
        model=found.model.strip(),
        messages=tuple(_message(item) for item in written["input"]),
        tools=tuple(written.get("tools", ())),
        options=options,
        output_tokens_max=found.max_output_tokens,
        streams=streams or found.stream,
        shows_usage=True,
    )


def _message(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "type"}


def _choice(choice: ToolChoice) -> Any:
    if choice.function is None:
        return choice.type
    return {"type": "function", "function": {"name": choice.function}}
