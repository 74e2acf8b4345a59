"""The command line's door to Dagster: releases made outside a run are shown, and nonsense is refused in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("definitions")  # one home: the first to load the graph has dbt parse its project

COMMAND = str(Path(sys.executable).with_name("pilothouse"))
ANNOUNCE = """
import json
from orchestration.settings import apply_third_party_switches, load_settings
apply_third_party_switches(load_settings())
from dagster import DagsterInstance
from orchestration.defs.launch import announce_release
from orchestration.defs.names import LEDGER_ENTRY, release_key
entry = {"seq": 7, "payload": {"detail": {"run_id": "5eed"}}}
said = announce_release("triage", "city", entry)
event = DagsterInstance.get().get_latest_materialization_event(release_key("triage"))
shown = event.asset_materialization
print(json.dumps([said, shown.partition, shown.metadata[LEDGER_ENTRY].data == entry,
    shown.metadata["mlflow_run"].url]))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home to which nothing came; what one test leaves there, no other looks at."""
    return tmp_path_factory.mktemp("launch") / "home"


def ran(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PILOTHOUSE_HOME": str(home)}
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=300)


def test_a_release_made_outside_a_run_is_shown_at_its_site_with_its_ledger_entry_and_its_run_in_mlflow(home):
    done = ran(home, sys.executable, "-c", ANNOUNCE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [
        None,
        "city",
        True,
        "http://127.0.0.1:5000/#/runs/5eed",
    ]


def test_a_graph_that_cannot_be_written_is_a_warning_and_no_failure(home):
    spoiled = (
        ANNOUNCE.replace(
            "said = ",
            "import dagster\nfrom unittest.mock import patch\nbroken = patch.object(dagster.DagsterInstance, "
            "'report_runless_asset_event', side_effect=OSError('disk full'))\nbroken.start()\nsaid = ",
        ).split("event = ")[0]
        + "print(json.dumps(said))"
    )
    done = ran(home, sys.executable, "-c", spoiled)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == "The release stands, but Dagster's graph does not show it (OSError)."


@pytest.mark.parametrize("selection", ["nosuch", "((", "group:nosuch"])
def test_a_selection_that_names_nothing_is_wrong_usage(home, selection):
    done = ran(home, COMMAND, "run", "--select", selection, "--json")
    assert (done.returncode, "--select" in json.loads(done.stdout)["error"]) == (2, True), done.stderr[-2000:]
