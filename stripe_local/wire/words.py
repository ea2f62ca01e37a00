"""Lists of names, written as one writes them: with spaces between. Pure."""


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())
