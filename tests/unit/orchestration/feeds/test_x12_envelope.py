"""X12 envelopes: separators, what belongs together, and that no claim is lost when an envelope is wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.feeds import Limits
from orchestration.feeds.problems import Problem
from orchestration.feeds.x12 import PROBLEMS, read

LIMITS = Limits()
GUIDE = "005010X222A1"


def interchange(*groups: str, number: str = "000000905", end: str | None = None, count: int | None = None) -> str:
    said = len(groups) if count is None else count
    head = f"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260228*1253*^*00501*{number}*0*P*:~"
    return head + "".join(groups) + (f"IEA*{said}*{number}~" if end is None else end)


def group(*sets: str, number: str = "1", end: str | None = None, count: int | None = None) -> str:
    said = len(sets) if count is None else count
    tail = f"GE*{said}*{number}~" if end is None else end
    return f"GS*HC*SENDER*RECEIVER*20260228*1253*{number}*X*{GUIDE}~" + "".join(sets) + tail


def claim(number: str) -> str:
    return f"CLM*{number}*500***11:B:1*Y*A*Y*I~HI*ABK:J189~LX*1~SV1*HC:99213*500*UN*1***1~DTP*472*D8*20260227~"


def claims(*numbers: str, control: str = "0001", end: str | None = None, kind: str = "837") -> str:
    body = (
        f"ST*{kind}*{control}*{GUIDE}~BHT*0019*00*1*20260228*1253*CH~HL*1**20*1~NM1*85*2*CLINIC*****XX*1234567893~"
        "HL*2*1*22*0~SBR*P*18*******CI~NM1*IL*1*ROE*JANE****MI*M1~NM1*PR*2*PLAN*****PI*P1~"
    ) + "".join(claim(n) for n in numbers)
    return body + (f"SE*{body.count('~') + 1}*{control}~" if end is None else end)


def found(text: str, limits: Limits = LIMITS) -> tuple[list[str], list[str]]:
    """The claim numbers that were read, and the clauses of those that were not, in order."""
    read_file = read(text.encode(), "x", limits)
    if isinstance(read_file, Problem):
        return [], [read_file.clause]
    lines = read_file.lines
    numbers = [*lines.number.tolist(), *(n for n, _ in lines.bad)]
    assert sorted(numbers) == list(range(1, lines.count + 1))
    return [json.loads(t.as_py())["number"] for t in lines.text], [p.clause for _, p in lines.bad]


def counts(text: str) -> list[dict[str, bool]]:
    read_file = read(text.encode(), "x", LIMITS)
    assert not isinstance(read_file, Problem)
    return [json.loads(t.as_py()).get("counts", {}) for t in read_file.lines.text]


WHOLE = interchange(group(claims("A", "B")))


def test_one_record_per_claim() -> None:
    assert found(WHOLE) == (["A", "B"], [])
    assert counts(WHOLE) == [{"segments": True, "sets": True, "groups": True}] * 2


def test_many_interchanges_groups_and_sets_of_one_file_are_read_in_order() -> None:
    first = interchange(group(claims("A"), claims("B", control="0002")), group(claims("C"), number="2"))
    assert found(first + interchange(group(claims("D")), number="000000906")) == (["A", "B", "C", "D"], [])


@pytest.mark.parametrize(
    ("element", "component", "terminator"), [("|", ">", "\n"), ("*", ":", "\r\n"), ("^", "@", "\x1e")]
)
def test_separators_are_those_that_the_header_declares(element: str, component: str, terminator: str) -> None:
    moved = WHOLE.replace("^", "!").replace("*", element).replace(":", component).replace("~", terminator)
    assert found(moved) == (["A", "B"], [])


def test_two_interchanges_may_use_different_separators() -> None:
    other = interchange(group(claims("C"))).replace("^", "!").replace("*", "|").replace("~", "\n")
    assert found(WHOLE + "\n" + other) == (["A", "B", "C"], [])


def test_a_file_that_is_wrapped_at_eighty_columns_is_read() -> None:
    assert found("\r\n".join(WHOLE[n : n + 80] for n in range(0, len(WHOLE), 80))) == (["A", "B"], [])


def test_a_header_without_padding_is_read() -> None:
    assert found(WHOLE.replace(" " * 10, "").replace("SENDER         ", "SENDER")) == (["A", "B"], [])


@pytest.mark.parametrize("ending", ["\n\n\n", "\x1a", "\0\0", " \r\n"])
def test_what_old_systems_put_after_the_end_is_no_segment(ending: str) -> None:
    assert found(WHOLE + ending) == (["A", "B"], [])
    assert found("\ufeff \n" + WHOLE) == (["A", "B"], [])


def test_leading_zeros_of_control_numbers_and_counts_do_not_matter() -> None:
    assert found(interchange(group(claims("A")), end="IEA*01*905~")) == (["A"], [])


def test_an_acknowledgement_is_stepped_over() -> None:
    assert found(WHOLE.replace("GS*", "TA1*000000905*260228*1253*A*000~GS*", 1)) == (["A", "B"], [])


@pytest.mark.parametrize(
    ("text", "good", "clauses"),
    [
        (interchange(group(claims("A", "B", end="SE*19*9~"))), [], ["set.control_number"] * 2),
        (interchange(group(claims("A", "B", end=""))), [], ["set.truncated"] * 2),
        (interchange(group(claims("A", end=""), claims("B"))), ["B"], ["set.truncated"]),
        (interchange(group(claims("A"), claims("B"), end="GE*2*9~")), [], ["group.control_number"] * 2),
        (interchange(group(claims("A"), claims("B")), end="IEA*1*000000906~"), [], ["interchange.control_number"] * 2),
        (interchange(group(claims("A"), end=""), group(claims("B"))), ["A", "B"], ["group.truncated"]),
        (interchange(group(claims("A")), end=""), ["A"], ["interchange.truncated"]),
        (interchange(group(claims("A"), end=""), end=""), ["A"], ["interchange.truncated"]),
        (interchange(group(claims("A"), claims("B", end=""), end=""), end=""), ["A"], ["set.truncated"]),
        (interchange(), [], ["interchange.empty"]),
        (interchange(group()), [], ["interchange.empty"]),
        (interchange(group(claims())), [], ["set.no_claims"]),
        (interchange(group(claims(end=""))), [], ["set.truncated"]),
        (interchange(group(claims("A", kind="835"))), [], ["set.not_837"]),
        (interchange(group(claims("A", kind="270"), claims("B"))), ["B"], ["set.not_837"]),
        (WHOLE.replace("ST*837*0001*005010X222A1~", ""), [], ["envelope.no_header"] * 2),
        (interchange(claims("A", "B")), [], ["envelope.no_header"] * 2),
        (WHOLE + claim("C"), ["A", "B"], ["envelope.no_header"]),
        ("", [], ["file.not_x12"]),
        ("ISA", [], ["file.not_x12"]),
        ('{"resourceType": "Claim"}', [], ["file.not_x12"]),
        (claims("A"), [], ["file.not_x12"]),
        (WHOLE.replace("*260228*", "*when?*"), [], ["file.not_x12"]),
    ],
)
def test_a_wrong_envelope_costs_what_it_holds_and_nothing_else(text: str, good: list[str], clauses: list[str]) -> None:
    assert found(text) == (good, clauses)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (interchange(group(claims("A").replace("HI*ABK:J189~", ""))), "segments"),
        (interchange(group(claims("A"), count=2)), "sets"),
        (interchange(group(claims("A")), count=2), "groups"),
    ],
)
def test_a_wrong_count_is_left_for_the_contract_to_judge(text: str, wrong: str) -> None:
    assert counts(text) == [{"segments": True, "sets": True, "groups": True, wrong: False}]


def test_a_count_that_was_cut_off_is_unknown() -> None:
    assert counts(interchange(group(claims("A"), end=""), end="")) == [{"segments": True}]


def test_a_claim_longer_than_a_record_may_be_is_told() -> None:
    assert found(WHOLE, Limits(line=100)) == ([], ["claim.too_long"] * 2)


def test_isa_in_a_name_starts_no_interchange() -> None:
    assert found(WHOLE.replace("*ROE*", "*ISA*")) == (["A", "B"], [])


# -- any structure, any bytes

NAMES = st.lists(st.from_regex(r"[A-Z][0-9]{1,3}", fullmatch=True), min_size=1, max_size=3)


@given(st.lists(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3))
def test_every_claim_of_any_structure_is_read_once_and_in_order(tree: list[list[list[list[str]]]]) -> None:
    text = "".join(
        interchange(*(group(*(claims(*names) for names in sets), number=str(n)) for n, sets in enumerate(groups, 1)))
        for groups in tree
    )
    assert found(text) == ([n for groups in tree for sets in groups for names in sets for n in names], [])


@given(st.integers(0, 10_000))
def test_wherever_a_file_is_cut_each_claim_before_the_cut_is_accounted_for(at: int) -> None:
    text = interchange(group(claims("A", "B"), claims("C")), group(claims("D"), number="2")) + WHOLE
    start = text.index("GS*")  # before this there is no interchange to speak of
    cut = text[: start + at % (len(text) - start)]
    good, clauses = found(cut)
    came = cut.count("CLM*")
    assert good == ["A", "B", "C", "D", "A", "B"][: len(good)]
    assert len(good) + clauses.count("set.truncated") >= came
    assert set(clauses) <= {"set.truncated", "group.truncated", "interchange.truncated", "envelope.no_header"}
    is_whole = cut.rstrip("~").endswith(("IEA*2*000000905", "IEA*1*000000905"))
    assert bool(clauses) is not is_whole


@given(st.binary(max_size=300))
def test_any_bytes_after_a_header_are_records_or_a_problem(tail: bytes) -> None:
    for content in (tail, interchange(end="").encode() + tail, WHOLE.encode()[:300] + tail):
        made = read(content, "x", LIMITS)
        assert made in PROBLEMS if isinstance(made, Problem) else made.lines.count


@given(st.data())
def test_a_damaged_file_loses_no_claim_that_is_still_there(data: st.DataObject) -> None:
    segments = WHOLE.split("~")[1:-1]
    at = data.draw(st.integers(0, len(segments) - 1))
    kept = [s for n, s in enumerate(segments) if n != at]
    text = "~".join([WHOLE.split("~")[0], *kept, ""])
    good, clauses = found(text)
    assert len(good) + len(clauses) >= text.count("CLM*")
    is_seen = bool(clauses) or not all(all(c.values()) and len(c) == 3 for c in counts(text))
    assert is_seen, segments[at]


@pytest.mark.parametrize("separators", ["|<\n", "\x1d\x1f\x1c", "\t;'", ",^!", "\x1e\x1f\x1d"])
def test_separators_are_what_the_header_says_control_characters_too(separators: str) -> None:
    plain = interchange(group(claims("A1", "A2")))
    other = plain.replace("^", "`").translate(str.maketrans("*:~", separators))
    assert found(other) == (["A1", "A2"], [])
