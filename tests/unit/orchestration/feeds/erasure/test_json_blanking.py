"""What erasure takes out of a bundle is the record that landing knows by that number, and nothing else."""

from itertools import count

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.contracts import load_contract
from orchestration.feeds import Limits
from orchestration.feeds.erasure.json_blanking import blank_json
from orchestration.feeds.fhir import open_file, stage
from orchestration.feeds.relation import connection, rows

CONTRACT, KEY = load_contract("ehr_fhir"), bytes(range(32))
PLAIN, REPEATED, NUMBERS, PAIRLESS = "", ',"x":1,"x":2', ',"x":[nan,1.10,-inf,]', ',"x":"\\ud800"'
METHODS = ["", "PUT", "delete", "DELETE", "PATCH"]
RECORD = st.tuples(st.just("record"), st.sampled_from([PLAIN, PLAIN, REPEATED, NUMBERS, PAIRLESS]))


def bundles(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    entry = st.tuples(st.sampled_from(METHODS), st.sampled_from([PLAIN, PLAIN, REPEATED]), inner)
    entries = st.lists(entry, max_size=3)
    return st.tuples(st.just("bundle"), st.sampled_from([PLAIN, PLAIN, REPEATED, NUMBERS]), entries)


LINES = st.lists(st.none() | st.recursive(RECORD, bundles, max_leaves=6), min_size=1, max_size=4)
HELD = ("bundle", PLAIN, [("", PLAIN, ("record", PLAIN))] * 3)
PATCHED = ("bundle", PLAIN, [("PATCH", PLAIN, HELD), *HELD[2]])
NAMED_TWICE = ("bundle", REPEATED, HELD[2])


def text_of(made: object, marks: "count[int]") -> str:
    """A line: records have a mark of their own each; null is a blank one."""
    if made is None:
        return ""
    kind, more, *rest = made
    if kind == "record":
        return f'{{"resourceType":"Patient","id":"mark-{next(marks):03}"{more}}}'
    entries = (f'{{"resource":{text_of(inner, marks)}{named}{_request(method)}}}' for method, named, inner in rest[0])
    return f'{{"resourceType":"Bundle","type":"batch","entry":[{",".join(entries)}]{more}}}'


def _request(method: str) -> str:
    return f',"request":{{"method":"{method}","url":"Patient/1"}}' if method else ""


def records(content: bytes) -> dict[int, tuple[object, ...]]:
    """What landing sees under each number: problem and text, whichever way it writes what is no number."""
    file = open_file("x.ndjson", content, CONTRACT, Limits())
    with connection(KEY) as db:
        stage(db, [file], CONTRACT, Limits())
        found = rows(db, "select _line, _problem, cast(doc as varchar) from judged_record")
    return {int(str(line)): (problem, str(doc).lower().replace("infinity", "inf")) for line, problem, doc in found}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(lines=LINES, data=st.randoms(use_true_random=False))
@example(lines=[PATCHED], data=None)
@example(lines=[NAMED_TWICE, None, ("record", PLAIN), ("record", PLAIN)], data=None)
@example(lines=[HELD, ("bundle", PLAIN, [("", PLAIN, ("record", PAIRLESS))]), HELD], data=None)
def test_a_record_is_gone_and_every_other_is_as_it_was(lines, data) -> None:
    marks = count(1)
    content = "\n".join(text_of(one, marks) for one in lines).encode()
    before = records(content)
    for number in before if data is None else [data.choice([*before, 1])]:
        left = blank_json(content, {number})
        assert left is not None
        after = records(left) if left.strip() else {}
        assert {n: one for n, one in after.items() if n != number} == {
            n: one for n, one in before.items() if n != number
        }
        assert marks_in(before.get(number)) & marks_in(left.decode()) == set()


def marks_in(what: object) -> set[str]:
    return {f"mark-{part[:3]}" for part in str(what).split("mark-")[1:]}


def test_numbers_and_members_that_are_kept_are_kept_as_they_were_written() -> None:
    entry = '{"resource":{"resourceType":"Patient","id":"b","x":1.10,"y":1e400,"id":"c"}}'
    content = f'{{"resourceType":"Bundle","entry":[{{"resource":{{}}}},{entry}]}}'.encode()
    assert blank_json(content, {1}) == f'{{"resourceType":"Bundle","entry":[{{}},{entry}]}}'.encode()
