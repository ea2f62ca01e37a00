"""Requests to addresses that others chose: nothing of ours is reached, nothing hangs."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from creditbase.runtime import outward
from creditbase.runtime.outward import BODY_BYTES_MAX, Unreachable, post, wrong_target
from creditbase.runtime.settings import BadSettings, settings
from tests.receiver import Receiver, _receiver, dripping, saying, slamming
from tests.together import join_all

__all__ = ["_receiver"]

PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),  # noqa: S104 - addresses to refuse
    *("::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::"),
    *("64:ff9b:1::a9fe:a9fe", "::7f00:1", "::ffff:0:7f00:1", "fec0::1", "5f00::1"),
)


@pytest.fixture
def receiver(_receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Return a receiver on this machine, which is allowed."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setenv("CREDITBASE_WEBHOOK_TARGETS", "loopback")
    settings.cache_clear()
    _receiver.taken.clear()
    _receiver.will()
    yield _receiver
    settings.cache_clear()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Allow public addresses alone, as in production."""
    monkeypatch.setenv("CREDITBASE_WEBHOOK_TARGETS", "public")
    settings.cache_clear()
    yield
    settings.cache_clear()


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let names resolve to these, one after another; return where connections are made to."""
    left = list(answers)
    reached: list[str] = []

    def look_up(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        del host
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(0, 0, 0, "", (address, port)) for address in found.split()]

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        reached.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    return reached


@pytest.mark.usefixtures("public")
class TestTargets:
    """Where nothing is ever sent."""

    @pytest.mark.parametrize(
        "url",
        [
            *("http://app.example/hook", "ftp://app.example", "https://", "https:///x", "app"),
            *("https://user@app.example", "https://u:p@app.example", "https://app.example/#x"),
            *("https://app.example:0", "https://app.example:70000", "https://app.example:x"),
            *("https://ä.example", "https://app.example/\n", "https://app.example/a b"),
            *(
                "https://[::1",
                "https://" + "a" * 2_050,
                "file:///etc/passwd",
                "http://localhost",
            ),
        ],
    )
    def test_a_wrong_address_is_refused_before_anything(self, url: str) -> None:
        """No look-up, no connection."""
        assert wrong_target(url)
        with pytest.raises(Unreachable):
            post(url, b"", {})

    @pytest.mark.parametrize("address", PRIVATE)
    def test_an_address_that_is_not_public_is_refused(self, address: str) -> None:
        """Written down, whatever its spelling."""
        host = f"[{address}]" if ":" in address else address

        assert wrong_target(f"https://{host}/") == "the address is not public"

    @pytest.mark.parametrize("address", [*PRIVATE, "93.184.215.14 10.0.0.1"])
    def test_a_name_that_means_one_is_refused(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where another address of it is public: which is taken is not ours to say."""
        reached = resolving(monkeypatch, address)

        with pytest.raises(Unreachable, match="the connection failed"):
            post("https://inside.example/", b"{}", {})

        assert reached == []

    def test_a_name_that_changes_its_meaning_is_of_no_use(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rebinding: public at the first look, ours at the second. There is no second look."""
        reached = resolving(monkeypatch, "93.184.215.14", "127.0.0.1")

        with pytest.raises(Unreachable):
            post("https://rebound.example/", b"{}", {})

        assert reached == ["93.184.215.14"]

    @pytest.mark.parametrize(
        "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
    )
    def test_a_public_one_is_taken(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Named, or written down."""
        host = f"[{address}]" if ":" in address else address
        assert wrong_target(f"https://{host}:8443/hook?a=b") == ""
        reached = resolving(monkeypatch, address)

        with pytest.raises(Unreachable):
            post("https://outside.example/", b"{}", {})

        assert reached == [address]

    def test_a_name_without_address_is_no_bug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is told as any other failure."""

        def look_up(*_: object, **__: object) -> None:
            raise socket.gaierror

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        with pytest.raises(Unreachable, match="the connection failed"):
            post("https://nowhere.example/", b"{}", {})


@pytest.mark.usefixtures("public")
class TestLookingUp:
    """Who is asked for a name may be somebody who never answers."""

    def test_a_name_that_is_not_looked_up_in_time_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The system's own look-up waits for as long as it likes."""
        over = threading.Event()

        def look_up(*_: object, **__: object) -> list[Any]:
            over.wait(60)
            raise socket.gaierror

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        free_before = outward._looking_up._value

        with pytest.raises(Unreachable, match="in time"):
            post("https://slow.example/", b"{}", {}, deadline_s=0.05)

        assert outward._looking_up._value == free_before - 1
        over.set()
        join_all(thread for thread in threading.enumerate() if thread.name == "look-up")
        assert outward._looking_up._value == free_before

    def test_a_thread_that_cannot_be_had_gives_its_place_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After 64 such moments this process would look up nothing any more."""

        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)
        free_before = outward._looking_up._value

        with pytest.raises(Unreachable):
            post("https://some.example/", b"{}", {})

        assert outward._looking_up._value == free_before

    def test_there_are_only_so_many_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names that nobody answers for must not fill a process with threads."""
        monkeypatch.setattr(outward, "_looking_up", threading.BoundedSemaphore(1))
        outward._looking_up.acquire()

        with pytest.raises(Unreachable, match="in time"):
            post("https://any.example/", b"{}", {}, deadline_s=0.05)


class TestExchange:
    """What comes back, and what never does."""

    def test_a_body_arrives_as_it_was_given(self, receiver: Receiver) -> None:
        """With its headers, and the answer with its time."""
        answered = post(
            receiver.url, b'{"a":1}', {"content-type": "application/json", "x": "y"}
        )

        assert (answered.status, answered.body, answered.is_good) == (200, "ok", True)
        assert answered.latency_ms >= 0
        (taken,) = receiver.taken
        assert (taken.path, taken.body, taken.headers["x"]) == ("/hooks", b'{"a":1}', "y")

    def test_a_redirect_is_an_answer_and_not_followed(self, receiver: Receiver) -> None:
        """It could lead anywhere."""
        receiver.will(saying(302, b"", Location=receiver.url))

        assert post(receiver.url, b"", {}).status == 302
        assert len(receiver.taken) == 1

    def test_a_long_answer_is_cut(self, receiver: Receiver) -> None:
        """What is kept is bounded, and what is read."""
        receiver.will(saying(500, b"x" * 10_000_000))

        answered = post(receiver.url, b"", {})

        assert answered.body == "x" * BODY_BYTES_MAX
        assert not answered.is_good

    def test_an_answer_that_is_no_text_is_kept_all_the_same(self, receiver: Receiver) -> None:
        """It is only shown."""
        receiver.will(saying(200, b"\xff\xfe"))

        assert post(receiver.url, b"", {}).body == "\ufffd\ufffd"

    @pytest.mark.parametrize("answer", [slamming, dripping], ids=["slams", "drips"])
    def test_one_that_never_ends_is_ended(self, receiver: Receiver, answer: Any) -> None:
        """Whatever it does, the deadline holds; a few bytes that came do not move it."""
        receiver.will(answer)

        with pytest.raises(Unreachable):
            post(receiver.url, b"", {}, deadline_s=0.3)

    def test_a_deadline_that_is_over_begins_nothing(self, receiver: Receiver) -> None:
        """Nothing is sent that nobody waits for."""
        with pytest.raises(Unreachable, match="no answer in time"):
            post(receiver.url, b"", {}, deadline_s=-1)

        assert receiver.taken == []

    def test_who_speaks_no_tls_is_not_spoken_to(self, receiver: Receiver) -> None:
        """HTTPS is spoken for the name, whatever listens there."""
        with pytest.raises(Unreachable):
            post(receiver.url.replace("http:", "https:"), b"", {}, deadline_s=1)


def test_in_production_this_machine_is_never_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting that allows it refuses to start where it must not be."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("CREDITBASE_WEBHOOK_TARGETS", "loopback")
    settings.cache_clear()

    with pytest.raises(BadSettings, match="for the emulator only"):
        settings()

    settings.cache_clear()
    assert outward.BODY_BYTES_MAX == 4_096
