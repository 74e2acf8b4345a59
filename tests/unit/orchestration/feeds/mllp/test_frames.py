"""Frames out of a stream, however it is cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestration.feeds.mllp.frames import TOLD, Frame, Frames, framed

PIECE = st.binary(max_size=30).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b""))


def fed(content: bytes, cuts: list[int], longest: int = 100) -> list[Frame]:
    frames = Frames(longest)
    bounds = [0, *sorted(c % (len(content) + 1) for c in cuts), len(content)]
    return [f for start, end in pairwise(bounds) for f in frames.feed(content[start:end])]


@given(st.lists(st.tuples(PIECE, PIECE), max_size=6), st.lists(st.integers(0, 10_000), max_size=8))
def test_every_frame_is_found_however_the_stream_is_cut(pieces: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    content = b"".join(garbage + framed(message) for garbage, message in pieces)
    assert [f.message for f in fed(content, cuts)] == [message for _, message in pieces]


PIECES = st.sampled_from([b"\x0b", b"\x1c", b"\x1c\r", b"MSH|", b"x" * 30]) | st.binary(max_size=4)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 10_000), max_size=8))
def test_cutting_a_stream_elsewhere_changes_nothing(content: bytes, cuts: list[int]) -> None:
    assert fed(content, cuts, longest=20) == fed(content, [], longest=20)


def test_a_frame_that_starts_within_another_replaces_it() -> None:
    assert fed(b"\x0bcut of\x0bwhole\x1c\r", []) == [Frame(b"whole")]


def test_a_carriage_return_after_the_end_may_be_missing() -> None:
    assert fed(b"\x0ba\x1c\x0bb\x1c", []) == [Frame(b"a"), Frame(b"b")]


def test_a_frame_at_the_limit_is_taken_and_one_beyond_it_keeps_its_beginning_only() -> None:
    assert fed(framed(b"x" * 100), [50]) == [Frame(b"x" * 100)]
    (long,) = fed(framed(b"y" * 200_000), list(range(0, 200_000, 1000)))
    assert (long.is_whole, long.message) == (False, b"y" * 100)
    (longer,) = fed(framed(b"y" * 200_000), list(range(0, 200_000, 1000)), longest=50_000)
    assert (longer.is_whole, len(longer.message)) == (False, TOLD)


def test_an_unfinished_frame_takes_no_more_room_than_a_message_may() -> None:
    frames = Frames(10_000)
    frames.feed(b"\x0b")
    for _ in range(100):
        frames.feed(b"z" * 1000)
    assert frames.is_open
    assert len(frames._message) <= 10_000
