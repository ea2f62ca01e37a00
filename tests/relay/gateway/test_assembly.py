"""An answer put together from its pieces: in order, and without copying it at each of them."""

from typing import NoReturn

from creditbase.relay.gateway.pieces import Finish, Refused, Report, Text, Thought, ToolCall
from creditbase.relay.gateway.telling import Assembly


class Part(str):
    """Text that cannot be added to another: that would copy all that there is already."""

    __slots__ = ()

    def __add__(self, other: str) -> NoReturn:
        raise AssertionError(other)

    __radd__ = __add__


def test_pieces_make_an_answer_without_copying_it_each_time() -> None:
    """An answer of a million pieces would else take a process for minutes."""
    answer = Assembly()
    for word in ("a", "b"):
        answer.add(Text(Part(word)))
        answer.add(Thought(Part(word * 2)))
        answer.add(Refused(Part(word * 3)))
    answer.add(ToolCall(1, "second", "g", Part("{")))
    answer.add(ToolCall(0, "first", "f", Part("[")))
    answer.add(ToolCall(1, arguments=Part("}")))
    answer.add(ToolCall(0, "ignored", "ignored", Part("]")))
    answer.add(Report({}, is_final=True))
    answer.add(Finish("tool_calls"))

    assert (answer.text, answer.thoughts, answer.refusal) == ("ab", "aabb", "aaabbb")
    assert answer.finish == "tool_calls"
    called = [(it["id"], it["function"]) for it in answer.tool_calls()]
    assert called == [
        ("first", {"name": "f", "arguments": "[]"}),
        ("second", {"name": "g", "arguments": "{}"}),
    ]


def test_no_pieces_are_an_empty_answer() -> None:
    """Not None, and no call."""
    answer = Assembly()

    assert (answer.text, answer.refusal, answer.tool_calls()) == ("", "", [])
