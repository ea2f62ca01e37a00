"""What a row is: where a bug is, what the line says instead, and the test that finds it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """The text `good`, once in the function at `where`, is `bad`; `killer` is a test.

    By its node id, without what is in brackets: any of its cases may find it.
    """

    where: str
    good: str
    bad: str
    killer: str
