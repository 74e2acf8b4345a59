"""`kill -9` at any statement of an append, its commit or its files leaves a valid chain that goes on."""

import json
import subprocess
import sys
from pathlib import Path

from evaluation.ledger import write_private_key

KILLED = """
import json, os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from sqlalchemy import Engine, event
from evaluation.ledger import Ledger, load_private_key, open_ledger

url, prefix, key, head = sys.argv[1:]

def opened():
    return open_ledger(url, key=load_private_key(Path(key)), checkpoint=Path(head), prefix=prefix)

def append(ledger, outcome):
    payload = {"use_case": "triage", "site": "city", "outcome": outcome, "next_review": None}
    ledger.append("review", "ada", payload, at=datetime.now(UTC))

def killed_at(number):
    ledger, left = opened(), [number]
    def point(*_):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def keep_head(self, found, keep=Ledger.keep_head):
        point()
        keep(self, found)
    Ledger.keep_head = keep_head
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, moment, point)
    sys.addaudithook(lambda name, _: point() if name in ("open", "os.rename") else None)
    append(ledger, f"killed {number}")
    os._exit(0)

append(opened(), "first")
told, number = [], 0
while True:
    number += 1
    child = os.fork()
    if child == 0:
        killed_at(number)
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    ledger = opened()
    after = ledger.verify()
    written = any(entry.payload["outcome"] == f"killed {number}" for entry in ledger.entries())
    append(ledger, "goes on")
    told.append([was_killed, after.ok, written, ledger.verify().ok])
    if not was_killed:
        break
print(json.dumps(told))
"""


def test_an_append_that_is_killed_anywhere_leaves_a_whole_chain_that_goes_on(any_store, tmp_path, ledger_key):
    url, prefix = any_store
    key, head = tmp_path / "ledger.pem", tmp_path / "head.json"
    write_private_key(key, ledger_key)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, url, prefix, str(key), str(head)],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *killed, (was_killed, *finished) = json.loads(done.stdout)
    assert not was_killed and finished == [True, True, True]
    assert len(killed) > 8 and all(one[0] for one in killed)
    assert all(is_whole and goes_on for _, is_whole, _, goes_on in killed)
    written = [one[2] for one in killed]
    assert written == sorted(written) and {*written} == {False, True}, "before the commit it is not there, after it is"
