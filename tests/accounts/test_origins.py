"""Origins: how they are written, and how long an answer about one is believed."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from creditbase.accounts.origins import (
    AGAIN_S,
    BELIEVED_S,
    REMEMBERED_MAX,
    STRANGE_PER_MINUTE_MAX,
    KnownOrigins,
    all_origins,
    origin_of,
)
from creditbase.kernel.errors import Unavailable
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Create, commit


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://app.example", "https://app.example"),
        (" HTTPS://App.Example:443/ ", "https://app.example"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(given: str, written: str) -> None:
    """Compared as text, letter by letter, with what a browser sends."""
    assert origin_of(given) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "app.example",
        "http://app.example",
        "https://",
        "https://app.example/path",
        "https://app.example?x",
        "https://app.example#x",
        "https://user@app.example",
        "https://app.example:port",
        "https://*.example",
        "ftp://app.example",
        "https://a b.example",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """Nor one of a page that anybody on the way could change."""
    with pytest.raises(ValueError, match=r"origin|[Pp]ort"):
        origin_of(text)


class Told:
    """A store that knows one origin, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.read_all = 0
        self.now_s = 0.0
        self.is_down = False
        self.listed = {"https://app.example"}

    def has(self, origin: str) -> bool:
        """Answer, or fail."""
        self.asked.append(origin)
        if self.is_down:
            raise Unavailable
        return origin in self.listed

    def every(self) -> frozenset[str]:
        """Answer with all, or fail."""
        self.read_all += 1
        if self.is_down:
            raise Unavailable
        return frozenset(self.listed)

    def known(self) -> KnownOrigins:
        """Return a memory of it."""
        return KnownOrigins(self.has, self.every, lambda: self.now_s)


def test_an_answer_is_believed_for_a_minute_found_or_not() -> None:
    """A page's preflights cost one read, and so does somebody else's page."""
    told = Told()
    known = told.known()

    for _ in range(2):
        assert known.knows("https://app.example")
        assert not known.knows("https://evil.example")
    told.now_s += BELIEVED_S
    assert known.knows("https://app.example")

    assert told.asked == ["https://app.example", "https://evil.example", "https://app.example"]


def test_nonsense_costs_no_read() -> None:
    """Nor is it kept."""
    told = Told()
    known = told.known()

    assert not any(map(known.knows, ("", "null", "file://x", "https://" + "x" * 255)))
    assert told.asked == []


def test_a_store_that_is_down_is_no_reason_to_fail() -> None:
    """The answer goes out; only the page cannot read it. It is asked again at once."""
    told = Told()
    known = told.known()
    told.is_down = True
    assert not known.knows("https://app.example")

    told.is_down = False

    assert known.knows("https://app.example")


class TestAmplification:
    """Any page of the world may ask, of any origin, before anybody is known."""

    def test_strangers_cost_so_many_reads_a_minute_and_no_more(self) -> None:
        """Ten thousand made up origins, one query each, would be a bill for us."""
        told = Told()
        known = told.known()

        for number in range(10 * STRANGE_PER_MINUTE_MAX):
            assert not known.knows(f"https://{number}.example")
        assert (len(told.asked), told.read_all) == (STRANGE_PER_MINUTE_MAX, 1)

        told.now_s += BELIEVED_S
        assert known.knows("https://app.example")

    def test_strangers_do_not_hide_who_was_never_heard_of(self) -> None:
        """Whoever makes up origins would else switch off the pages that open meanwhile."""
        told = Told()
        known = told.known()
        for number in range(2 * STRANGE_PER_MINUTE_MAX):
            known.knows(f"https://{number}.example")

        assert known.knows("https://app.example")
        assert not known.knows("https://new.example")

        told.listed.add("https://new.example")
        told.now_s += BELIEVED_S
        for number in range(STRANGE_PER_MINUTE_MAX):
            known.knows(f"https://again-{number}.example")
        assert known.knows("https://new.example")
        assert told.read_all == 2

    def test_a_store_that_is_down_is_left_alone_for_a_second(self) -> None:
        """A read of all lists for each stranger would not help it up again."""
        told = Told()
        known = told.known()
        for number in range(STRANGE_PER_MINUTE_MAX):
            known.knows(f"https://{number}.example")
        told.is_down = True

        assert not known.knows("https://app.example")
        assert not known.knows("https://app.example")
        assert told.read_all == 1

        told.is_down = False
        told.now_s += AGAIN_S
        assert known.knows("https://app.example")

    def test_strangers_do_not_push_out_who_is_known(self) -> None:
        """Nor keep its answer from being asked for again, when its minute is over."""
        told = Told()
        known = told.known()
        assert known.knows("https://app.example")

        minutes = REMEMBERED_MAX // STRANGE_PER_MINUTE_MAX + 2

        for minute in range(minutes):
            for number in range(2 * STRANGE_PER_MINUTE_MAX):
                known.knows(f"https://{minute}-{number}.example")
            assert known.knows("https://app.example")
            told.now_s += BELIEVED_S

        assert told.asked.count("https://app.example") == minutes
        assert len(known._unlisted) == REMEMBERED_MAX

    def test_an_origin_that_is_listed_no_more_is_forgotten(self) -> None:
        """A minute later, and then it is a stranger."""
        told = Told()
        known = told.known()
        known.knows("https://app.example")
        told.listed.clear()
        told.now_s += BELIEVED_S

        assert not known.knows("https://app.example")
        assert not known._listed


@pytest.fixture
def _empty_database(
    firestore_host: str, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Run where nobody else has projects, and leave none to anybody."""
    assert firestore_host
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    yield
    firestore.client.cache_clear()


@pytest.mark.firestore
@pytest.mark.usefixtures("_empty_database")
def test_the_lists_of_all_projects_are_read_together() -> None:
    """Of those that list any; where there are no projects there is nothing."""
    assert all_origins() == frozenset()

    for number, origins in enumerate([[], ["https://a.example"], ["https://b.example", "x"]]):
        fields = {"name": "p", "allowed_origins": origins}
        commit([Create(f"projects/{number}", fields)])

    assert all_origins() == {"https://a.example", "https://b.example", "x"}
