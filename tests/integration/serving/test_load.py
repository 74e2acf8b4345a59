"""The load that the service is measured with: on a schedule, signed as a hospital's, and counted honestly."""

import asyncio
import json
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pytest
from serving_homes import SERVICE, Home, call

from ml.serving.background import running
from tests.benchmarks.bench_serving_load import NotAnswered, client_of, of_hurt, timed
from tests.benchmarks.open_loop import NEW_ID, Connections, Plan, arrivals, requests_of, send
from tests.benchmarks.serving_children import FLOOR, child
from tests.benchmarks.serving_figures import load_figures

STALL_SECONDS = 0.02


def sent(plan: Plan, begins: float | None = None) -> list[dict[str, object]]:
    due, begins = arrivals(plan), begins or time.time() + 0.2
    return asyncio.run(send(plan, due, requests_of(plan, due, begins), begins))


def test_a_busy_server_is_seen_by_all_who_would_have_waited_for_it() -> None:
    """One request at a time, twice as slow as they come: the last one waits for about half of all."""
    turn = asyncio.Lock()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(int(head.rpartition(b": ")[2]))
                async with turn:
                    await asyncio.sleep(STALL_SECONDS)
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async def measure() -> list[dict[str, object]]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        plan = Plan(server.sockets[0].getsockname()[1], "/", "{}", 30, 2 / STALL_SECONDS, 7)
        due, begins = arrivals(plan), time.time() + 0.05
        rows = await send(plan, due, requests_of(plan, due, begins), begins)
        server.close()
        await asyncio.sleep(0.05)  # the handlers see their connections close
        return rows

    rows = asyncio.run(measure())
    finished = [float(str(row["at"])) + float(str(row["ms"])) / 1000 for row in rows]
    assert {row["status"] for row in rows} == {200}
    assert max(finished) >= 30 * STALL_SECONDS
    assert float(str(rows[-1]["ms"])) > 1000 * 8 * STALL_SECONDS, "a closed loop would have waited with sending"


def test_a_signed_load_is_answered_with_cards_and_each_call_is_its_own(home: Home) -> None:
    home.point(home.release())
    client = client_of(home.path)
    with running(home.config()) as port:
        plan = Plan(port, SERVICE, json.dumps(call(instance=NEW_ID)), 12, 100.0, 7, client)
        rows = sent(plan)
        late = sent(plan, begins=time.time() - 3600)
    assert [(row["status"], row["told"]) for row in rows] == [(200, "model")] * 12
    assert {row["status"] for row in late} == {401}, "tokens of an hour ago, and the same again"


def test_the_least_that_a_call_costs_is_a_signed_call_that_is_scored_explained_and_kept(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    with child(FLOOR, tmp_path) as (port, _):
        body = json.dumps(call(instance=NEW_ID))
        rows = sent(Plan(port, "/floor", body, 5, 50.0, 7, client))
        stranger = sent(Plan(port, "/floor", body, 1, 50.0, 8, client_of(stranger_at(tmp_path))))
    assert [row["status"] for row in rows] == [200] * 5 and stranger[0]["status"] == 500
    with sqlite3.connect(tmp_path / "floor.sqlite") as kept:
        answers = [json.loads(answer) for (answer,) in kept.execute("SELECT answer FROM event")]
    assert len(answers) == 5 and all("raises the risk most" in one["reason"] for one in answers)


def stranger_at(folder: Path) -> Path:
    """A folder for the keys of somebody whom the server does not know."""
    (folder / "stranger").mkdir()
    return folder / "stranger"


def test_an_error_is_no_answer_and_no_latency_is_measured_beside_one() -> None:
    answered = {"ms": 5.0, "status": 200, "fault": None, "told": "rule"}
    failed = [{"ms": 1.0, "status": 500, "told": "no card"}, {"ms": 1.0, "told": "no card"}, {"ms": 9000.0}]
    rows = [answered, *({**answered, **one} for one in failed)]
    assert of_hurt(rows, 8000.0)["late_or_unanswered"] == len(failed), "a fault, no card, and too late"
    assert timed("durable", [answered])["p99"] == 5.0
    with pytest.raises(NotAnswered, match="durable: 1 of 4 calls got no 200"):
        timed("durable", rows)


@pytest.mark.parametrize(("unanswered", "is_met"), [(0, True), (1, False)])
def test_one_call_without_an_answer_is_a_promise_that_is_not_met(unanswered: int, is_met: bool) -> None:
    times = {"p50": 4.0, "p99": 20.0, "max": 30.0}
    hurt = {**times, "calls": 10, "late_or_unanswered": unanswered, "deadline_ms": 8000.0}
    kinds = ("durable", "forgetful", "floor", "echo", "mlflow")
    found = {**dict.fromkeys(kinds, times), "hurt": hurt, "cpu_ms": dict.fromkeys(kinds, 1.0), "per_second": 50.0}
    figures = {figure.figure: figure for figure in load_figures(found)}
    [answered] = [figure for name, figure in figures.items() if name.startswith("answered in 8 s")]
    assert answered.is_met is is_met


def test_what_is_promised_of_the_tail_is_judged_with_and_without_the_fsync() -> None:
    times = {
        kind: {"p50": 1.0, "p99": p99}
        for kind, p99 in (("durable", 9.1), ("forgetful", 8.9), ("floor", 6.0), ("echo", 3.0))
    }
    hurt = {"max": 1.0, "calls": 1, "late_or_unanswered": 0, "deadline_ms": 8000.0}
    kinds = {**times, "mlflow": {"p50": 1.0, "p99": 18.0}}
    found = {**kinds, "hurt": hurt, "cpu_ms": dict.fromkeys(kinds, 1.0), "per_second": 50.0}
    judged = {(one.figure, one.yardstick): one.is_met for one in load_figures(found) if one.is_of_ratio}
    bare, other = "bare FastAPI echo", "MLflow's scoring server"
    assert (judged["p99", bare], judged["p99", other]) == (False, False)
    unsynced = "p99 without fsync of the event"
    assert (judged[unsynced, bare], judged[unsynced, other]) == (True, True)


def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used_again() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def ask_twice() -> list[int]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        connections = Connections(server.sockets[0].getsockname()[1])
        found = []
        for _ in range(2):
            found.append((await connections.ask(b"GET / HTTP/1.1\r\n\r\n"))[0])
            await asyncio.sleep(0.02)
        await connections.close()
        server.close()
        return found

    assert asyncio.run(ask_twice()) == [200, 200]


def test_nobody_home_is_no_answer(tmp_path: Path) -> None:
    plan = Plan(9, "/", "{}", 3, 1000.0, 7)
    plan.write(tmp_path / "plan.json")
    rows = sent(Plan.read(tmp_path / "plan.json"))
    assert [row["status"] for row in rows] == [0, 0, 0]
