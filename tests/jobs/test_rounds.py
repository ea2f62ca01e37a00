"""Whose turn it is: shares, turns, and hands, counted."""

from hypothesis import given
from hypothesis import strategies as st

from creditbase.jobs.rounds import (
    HANDS_PER_LANE_MAX,
    REFUSALS_MAX,
    SLOW_MS,
    Outcome,
    Result,
    Rounds,
    in_turn,
    shares,
)


class TestShares:
    """How a run's bound is divided."""

    def test_whoever_wants_little_gets_it_and_the_rest_share(self) -> None:
        """One with a heap waits for nobody but itself."""
        assert shares({"heap": 1_000, "a": 1, "b": 5}, 12) == {"a": 1, "b": 5, "heap": 6}
        assert shares({"x": 9, "y": 9}, 5) == {"x": 2, "y": 3}
        assert shares({"x": 3}, 5) == {"x": 3}
        assert shares({}, 5) == {}

    @given(st.dictionaries(st.text(max_size=2), st.integers(0, 50)), st.integers(0, 100))
    def test_it_is_all_used_and_never_more(self, waiting: dict[str, int], most: int) -> None:
        """And nobody who wants more than another gets less."""
        found = shares(waiting, most)

        assert sum(found.values()) == min(most, sum(waiting.values()))
        assert all(0 <= found[name] <= wanted for name, wanted in waiting.items())
        ordered = [found[name] for name in sorted(waiting, key=lambda it: waiting[it])]
        assert ordered == sorted(ordered)


def test_queues_take_turns() -> None:
    """One of each, and again."""
    assert in_turn(["abc", "", "d", "ef"]) == ["a", "d", "e", "b", "f", "c"]


def rounds(hands: int = 8, doubtful: str = "", **lanes: int) -> Rounds[int]:
    """Return rounds of lanes with so many items each."""
    waiting = {name: range(count) for name, count in lanes.items()}
    return Rounds.of(waiting, doubtful=set(doubtful), hands=hands)


def taken(given: Rounds[int], count: int) -> str:
    """Take so many turns, which must be there; return whose they are."""
    turns = [given.take() for _ in range(count)]
    return "".join(turn[0] for turn in turns if turn is not None)


def served(given: Rounds[int], outcomes: dict[str, Outcome]) -> str:
    """Take turns one after another to the end, with that outcome each; say whose they were."""
    found = ""
    while (turn := given.take()) is not None:
        found += turn[0]
        given.done(turn[0], outcomes.get(turn[0], "took"))
    return found


class TestTurns:
    """A few hands for many lanes."""

    def test_lanes_take_turns_and_have_one_hand_at_first(self) -> None:
        """Nobody knows yet whether somebody is there."""
        given = rounds(a=3, b=3)

        assert taken(given, 2) == "ab"
        given.done("b", "took")
        assert taken(given, 2) == "bb"

    def test_a_lane_that_takes_gets_more_hands_and_not_all(self) -> None:
        """Eight at most, however many there are."""
        given = rounds(a=100)
        for _ in range(5):
            taken(given, 1)
            given.done("a", "took")

        assert taken(given, HANDS_PER_LANE_MAX) == "a" * HANDS_PER_LANE_MAX
        assert given.lanes["a"].hands == given.lanes["a"].hands_max

    def test_a_lane_that_does_not_answer_is_closed(self) -> None:
        """It has cost one turn, and what waits in it is left."""
        given = rounds(dead=50, well=3)

        assert served(given, {"dead": "silent"}).count("dead") == 1
        assert given.results() == [
            Result("dead", took=0, refused=1, left=49, is_closed=True),
            Result("well", took=3, refused=0, left=0, is_closed=False),
        ]

    def test_a_lane_that_refuses_again_and_again_is_closed(self) -> None:
        """One that takes something in between is not."""
        given = rounds(a=50)
        assert served(given, {"a": "refused"}) == "a" * REFUSALS_MAX
        mixed = rounds(a=50)
        for number in range(50):
            taken(mixed, 1)
            mixed.done("a", "took" if number % 10 == 9 else "refused")

        (result,) = mixed.results()
        assert (result.took, result.refused, result.left, result.is_closed) == (5, 45, 0, False)

    def test_what_was_nobodys_doing_closes_nothing(self) -> None:
        """Another run had it."""
        assert served(rounds(a=50), {"a": "neither"}) == "a" * 50

    def test_an_ended_round_gives_nothing_more(self) -> None:
        """However much waits."""
        given = rounds(a=5)
        taken(given, 1)
        given.end()

        assert given.take() is None


class TestDoubtful:
    """Those that fail or are slow never have all hands."""

    def test_the_known_to_fail_share_half_of_the_hands(self) -> None:
        """A hundred dead ones leave the other half to who is well."""
        dead = {chr(ord("a") + number): 5 for number in range(10)}
        given = rounds(hands=8, doubtful="".join(dead), **dead, z=5)

        assert taken(given, 5) == "abcdz"
        given.done("z", "took")
        assert taken(given, 2) == "zz"
        given.done("b", "silent")
        assert taken(given, 1) == "e"

    def test_a_slow_one_has_one_hand_from_then_on(self) -> None:
        """Its heap takes as long as it likes, and nobody else's time."""
        given = rounds(hands=2, s=10, t=10, w=10)
        assert taken(given, 3) == "stw"
        given.done("s", "took", SLOW_MS)
        given.done("t", "took", SLOW_MS)
        given.done("w", "took", SLOW_MS - 1)

        # Of two hands one is for the slow, who take turns; the well one has two by now.
        assert taken(given, 3) == "sww"
        given.done("s", "took", SLOW_MS)
        assert taken(given, 1) == "t"
        assert given.lanes["s"].hands_max == given.lanes["t"].hands_max == 1
        assert given.lanes["w"].hands_max == 2

    def test_hands_are_counted_also_where_a_lane_becomes_slow_meanwhile(self) -> None:
        """With several of them out: else it would have more of them for ever after."""
        given = rounds(hands=2, s=20)
        for _ in range(2):
            taken(given, 1)
            given.done("s", "took")
        taken(given, 3)

        for _ in range(3):
            given.done("s", "took", SLOW_MS)

        assert given._doubtful_hands == 0
        assert taken(given, 1) == "s"
        assert given._doubtful_hands == 1
