"""Whether an answer is of the type that the Python client promises."""

from types import UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)


def misfits(answer: Any, kind: Any, at: str = "answer") -> list[str]:
    """Return where an answer is not of a type; fields that nobody promised count, too."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind is Any:
        return []
    if is_typeddict(kind):
        return _misfits_of_fields(answer, kind, at)
    if origin is list:
        if not isinstance(answer, list):
            return [f"{at}: {answer!r} is no list"]
        return [
            m for n, one in enumerate(answer) for m in misfits(one, inside[0], f"{at}[{n}]")
        ]
    if origin is dict:
        if not isinstance(answer, dict):
            return [f"{at}: {answer!r} is no mapping"]
        return [m for k, one in answer.items() for m in misfits(one, inside[1], f"{at}.{k}")]
    if origin in {Union, UnionType}:
        return min((misfits(answer, one, at) for one in inside), key=len)
    fits = answer in inside if origin is Literal else type(answer) is kind
    return [] if fits else [f"{at}: {answer!r} is not {kind}"]


def _misfits_of_fields(answer: Any, kind: Any, at: str) -> list[str]:
    if not isinstance(answer, dict):
        return [f"{at}: {answer!r} is no object"]
    hints = get_type_hints(kind, include_extras=True)
    needed = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
    found = [f"{at}.{name} is missing" for name in needed - answer.keys()]
    for name, value in answer.items():
        if name not in hints:
            found.append(f"{at}.{name} was not promised")
            continue
        hint = hints[name]
        bare = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
        found += misfits(value, bare, f"{at}.{name}")
    return found
