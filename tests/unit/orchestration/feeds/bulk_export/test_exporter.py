"""The bulk export client against a server in a thread: the standard's flow, and all that goes wrong on the way."""

import json
import stat

import pytest

from orchestration.feeds.bulk_export import (
    Asked,
    Bounds,
    ExportOther,
    ExportRefused,
    ExportUnreachable,
    ExportUnsafe,
)

from .server import NOW, Reply, lines, running

PATIENTS = lines({"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient", "id": "p2"})
GONE = lines(
    {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Encounter/e1"}}],
    }
)


@pytest.fixture(autouse=True)
def two_files(client) -> None:
    client.server.files = {("output", "Patient-1"): PATIENTS, ("deleted", "Bundle-1"): GONE}


def test_an_export_is_begun_waited_for_fetched_and_dropped_at_the_server(client) -> None:
    client.server.progress = ["10 %", "90 %"]
    with client.opened() as exporter:
        job = exporter.fetch(Asked())
        files = exporter.journal.files
        found = {path.name: exporter.vault.receive(path).read() for path in files.iterdir()}
        assert not [path for path in client.home.rglob("*") if path.is_file() and PATIENTS[:40] in path.read_bytes()]
        assert found == {"Patient-00001.ndjson": PATIENTS, "deleted-Bundle-00002.ndjson": GONE}
        exporter.close(job, is_whole=True)
        assert list(files.iterdir()) == []
    assert job.transaction_time == NOW
    assert client.slept == [7.0, 7.0]
    assert [words for words in client.said if "%" in words] == ["10 %", "90 %"]
    assert client.server.deleted == ["job-1"]


def test_the_assertion_is_signed_named_fresh_and_short(client) -> None:
    client.server.life = 20  # a token this short is asked for again each time
    with client.opened() as exporter:
        exporter.fetch(Asked())
    assert len(client.server.assertions) > 2
    for claims in client.server.assertions:
        assert (claims["iss"], claims["sub"], claims["kid"], claims["alg"]) == (
            "pilothouse",
            "pilothouse",
            "k1",
            "ES384",
        )
        assert claims["iat"] == int(client.clock) and 0 < claims["exp"] - claims["iat"] <= 300
    assert len({claims["jti"] for claims in client.server.assertions}) == len(client.server.assertions)


def test_one_token_serves_until_it_ends_and_is_renewed_when_the_server_says_no(client) -> None:
    with client.opened() as exporter:
        exporter.fetch(Asked())
    assert len(client.server.assertions) == 1
    client.server.scripted["/files/output/Patient-1"] = [Reply(401)]
    with client.opened() as exporter:
        exporter.restart()
        exporter.fetch(Asked())
    assert len(client.server.assertions) == 3  # one for the new connection, one after the 401


def test_the_next_export_asks_for_what_changed_since_the_last_and_another_scope_for_all(client) -> None:
    with client.opened() as exporter:
        exporter.close(exporter.fetch(Asked()), is_whole=True)
        exporter.close(exporter.fetch(Asked()), is_whole=True)
        exporter.close(exporter.fetch(Asked(types=("Patient", "Condition"))), is_whole=True)
        exporter.close(exporter.fetch(Asked(is_full=True)), is_whole=True)
        exporter.fetch(Asked(since="2026-01-01T00:00:00+00:00", group="g-1"))
    asked = [headers for method, path, headers in client.server.asked if path.endswith("$export")]
    assert len(asked) == 5
    queries = client.server.jobs | {}
    assert client.server.paths()["/fhir/Group/g-1/$export"] == 1
    assert queries["job-1"]["_since"] == ["2026-01-01T00:00:00+00:00"]


def test_since_and_types_travel_in_the_query(client) -> None:
    with client.opened() as exporter:
        exporter.close(exporter.fetch(Asked()), is_whole=True)
        exporter.fetch(Asked())
    assert client.server.jobs["job-1"] == {"_since": [NOW], "path": ["/fhir/$export"]}
    with client.opened(types=("Patient", "Condition"), level="patient") as exporter:
        exporter.restart()
        exporter.fetch(Asked())
    assert client.server.jobs["job-1"] == {"_type": ["Condition,Patient"], "path": ["/fhir/Patient/$export"]}


def test_an_export_that_was_not_whole_does_not_move_the_beginning_of_the_next(client) -> None:
    with client.opened() as exporter:
        exporter.close(exporter.fetch(Asked()), is_whole=False)
        assert exporter.fetch(Asked()).since is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_failures_are_waited_out_as_long_as_the_server_asks(client, status) -> None:
    busy = [Reply(status, {"Retry-After": "30"}), Reply(status)]
    for path in ("/fhir/$export", "/status/job-1", "/files/output/Patient-1"):
        client.server.scripted[path] = list(busy)
    with client.opened() as exporter:
        exporter.fetch(Asked())
    assert client.slept == [30.0, 2.0] * 3


def test_failing_that_goes_on_ends_with_a_sentence_and_the_same_command_resumes(client) -> None:
    client.server.scripted["/status/job-1"] = [Reply(503, {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"})] * 6
    with (
        client.opened() as exporter,
        pytest.raises(ExportUnreachable, match=r"failed 6 times, last with 503.*same command"),
    ):
        exporter.fetch(Asked())
    with client.opened() as exporter:
        exporter.fetch(Asked())
    assert client.server.paths()["/fhir/$export"] == 1


def test_a_download_cut_off_is_fetched_again(client) -> None:
    cut = Reply(200, {}, PATIENTS, cut_at=20)
    client.server.scripted["/files/output/Patient-1"] = [cut, cut]
    with client.opened() as exporter:
        exporter.fetch(Asked())
        assert exporter.vault.receive(exporter.journal.files / "Patient-00001.ndjson").read() == PATIENTS


def test_a_download_with_fewer_records_than_promised_is_not_taken(client) -> None:
    short = Reply(200, {}, PATIENTS.splitlines(keepends=True)[0])
    client.server.scripted["/files/output/Patient-1"] = [short] * 6
    with client.opened() as exporter, pytest.raises(ExportUnreachable, match="1 of 2 records"):
        exporter.fetch(Asked())
    assert not list((client.home / "exports").rglob("*.ndjson")) and not list((client.home / "incoming").iterdir())


def test_after_a_crash_only_what_is_missing_is_fetched(client) -> None:
    client.server.scripted["/files/deleted/Bundle-1"] = [Reply(503)] * 6
    with client.opened() as exporter, pytest.raises(ExportUnreachable):
        exporter.fetch(Asked())
    with client.opened() as exporter:
        exporter.fetch(Asked())
    paths = client.server.paths()
    assert (paths["/fhir/$export"], paths["/files/output/Patient-1"], paths["/files/deleted/Bundle-1"]) == (1, 1, 7)


def test_a_server_that_restarts_and_forgets_is_asked_anew(client) -> None:
    client.server.progress = ["waiting"] * 3
    client.server.scripted["/status/job-1"] = [Reply(202), Reply(503), Reply(503), Reply(503)] + [Reply(503)] * 3
    with client.opened() as exporter, pytest.raises(ExportUnreachable):
        exporter.fetch(Asked())
    client.server.jobs.clear()
    client.server.tokens.clear()
    client.server.scripted.clear()
    with client.opened() as exporter:
        job = exporter.fetch(Asked())
    assert all(file.is_done for file in job.files) and "beginning anew" in " ".join(client.said)


def test_addresses_that_expired_are_asked_for_again_and_what_is_done_stays(client) -> None:
    client.server.scripted["/files/deleted/Bundle-1"] = [Reply(403)]
    with client.opened() as exporter:
        exporter.fetch(Asked())
    paths = client.server.paths()
    assert (paths["/status/job-1"], paths["/files/output/Patient-1"], paths["/files/deleted/Bundle-1"]) == (2, 1, 2)


def test_a_list_of_files_on_many_pages_is_read_to_its_end(client) -> None:
    client.server.files = {("output", f"Patient-{n}"): PATIENTS for n in range(5)}
    client.server.pages = 3
    with client.opened() as exporter:
        job = exporter.fetch(Asked())
    assert len(job.files) == 5 and len({file.name for file in job.files}) == 5


def test_pages_in_a_circle_are_refused(client) -> None:
    page = json.dumps(
        {
            "transactionTime": NOW,
            "requiresAccessToken": True,
            "output": [],
            "link": [{"relation": "next", "url": f"{client.server.base}/status/job-1"}],
        }
    )
    client.server.scripted["/status/job-1"] = [Reply(200, {}, page.encode())]
    with client.opened() as exporter, pytest.raises(ExportRefused, match="in a circle"):
        exporter.fetch(Asked())


def test_a_server_that_is_never_done_is_left_after_a_while_and_the_job_is_kept(client) -> None:
    client.server.progress = ["1 %"] * 10_000
    with client.opened(patience_hours=0.01) as exporter, pytest.raises(ExportUnreachable, match=r"after 0\.01 hours"):
        exporter.fetch(Asked())
    assert len(client.slept) < 10


def test_an_export_that_fails_at_the_server_is_told_by_its_codes_and_forgotten(client) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"code": "too-costly", "diagnostics": "Ann Miller"}]}
    client.server.scripted["/status/job-1"] = [Reply(400, {}, json.dumps(outcome).encode())]
    with client.opened() as exporter:
        with pytest.raises(ExportRefused, match=r"400 \(too-costly\)") as refused:
            exporter.fetch(Asked())
        assert "Miller" not in str(refused.value) and exporter.journal.job is None


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(400, {}, b'{"issue": [{"code": "not-supported"}]}'), r"400 \(not-supported\), expected 202"),
        (Reply(200, {}, b"{}"), "200, expected 202"),
        (Reply(202), "202, expected 202 with a Content-Location"),
        (Reply(202, {"Content-Location": "http://elsewhere.example/job"}), "is not https"),
        (Reply(202, {"Content-Location": "ftp://127.0.0.1/job"}), "neither https nor http"),
        (Reply(202, {"Content-Location": "https://[::1"}), "an address that is none"),
    ],
)
def test_a_kick_off_that_begins_nothing_is_refused_with_what_was_expected(client, reply, message) -> None:
    client.server.scripted["/fhir/$export"] = [reply]
    with client.opened() as exporter, pytest.raises((ExportRefused, ExportUnsafe), match=message):
        exporter.fetch(Asked())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"nonsense", b'{"transactionTime": "yesterday", "requiresAccessToken": true}',
     b'{"transactionTime": "2026-03-01T00:00:00", "requiresAccessToken": false}', b"[" * 100_000,
     b'{"transactionTime": "2026-03-01T00:00:00Z", "requiresAccessToken": true, "output": [{"type": "Patient"}]}'],
)  # fmt: skip
def test_a_list_of_files_that_the_standard_does_not_know_is_refused(client, body) -> None:
    client.server.scripted["/status/job-1"] = [Reply(200, {}, body)]
    with client.opened() as exporter, pytest.raises(ExportRefused, match="gives"):
        exporter.fetch(Asked())


def test_no_token_goes_to_a_foreign_origin_unless_the_site_names_it(client) -> None:
    from .server import FakeServer

    with running(FakeServer(None, wants_token=False, files=client.server.files)) as other:
        client.server.file_base = other.base
        with client.opened() as exporter, pytest.raises(ExportUnsafe, match=r"not its own origin.*file_origins"):
            exporter.fetch(Asked())
        assert other.asked == []
        with client.opened(file_origins=(other.base,)) as exporter:
            exporter.fetch(Asked())
        assert all("authorization" in headers for _, _, headers in other.asked)


def test_files_that_need_no_token_get_none(client) -> None:
    client.server.wants_token = False
    with client.opened() as exporter:
        exporter.fetch(Asked())
    found = [headers for _, path, headers in client.server.asked if path.startswith("/files/")]
    assert found and not any("authorization" in headers for headers in found)


def test_a_redirect_is_followed_without_the_token_and_not_for_ever(client) -> None:
    from .server import FakeServer

    with running(FakeServer(None, wants_token=False, files=client.server.files)) as other:
        away = Reply(307, {"Location": f"{other.base}/files/output/Patient-1"})
        client.server.scripted["/files/output/Patient-1"] = [away]
        with client.opened() as exporter:
            exporter.fetch(Asked())
        assert [headers.get("authorization") for _, _, headers in other.asked] == [None]
    client.server.scripted["/files/output/Patient-1"] = [Reply(302, {"Location": "Patient-1"})] * 9
    with client.opened() as exporter:
        exporter.restart()
        with pytest.raises(ExportRefused, match="redirects more than 3 times"):
            exporter.fetch(Asked())


def test_what_is_larger_than_allowed_is_not_taken(client) -> None:
    with client.opened(Bounds(file=len(PATIENTS) - 1)) as exporter, pytest.raises(ExportUnsafe, match="larger than"):
        exporter.fetch(Asked())
    with client.opened(Bounds(total=len(PATIENTS))) as exporter, pytest.raises(ExportUnsafe, match="larger than"):
        exporter.fetch(Asked())
    with client.opened(Bounds(files=1)) as exporter:
        exporter.restart()
        with pytest.raises(ExportUnsafe, match="more than 1 files"):
            exporter.fetch(Asked())


def test_a_bomb_in_a_packed_download_is_stopped(client) -> None:
    import gzip

    bomb = Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"\n" * 30_000_000))
    client.server.scripted["/files/output/Patient-1"] = [bomb]
    with client.opened(Bounds(file=1_000_000)) as exporter, pytest.raises(ExportUnsafe, match="larger than"):
        exporter.fetch(Asked())


def test_another_export_than_the_one_begun_waits_for_it_or_drops_it(client) -> None:
    with client.opened() as exporter:
        exporter.fetch(Asked())
        with pytest.raises(ExportOther, match=r"system, all types was begun.*--restart"):
            exporter.fetch(Asked(types=("Patient",)))
        exporter.restart()
        exporter.fetch(Asked(types=("Patient",)))
    assert client.server.deleted == ["job-1"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            Reply(400, {}, b'{"error": "invalid_client", "error_description": "secret"}'),
            r"gives no token \(invalid_client\)",
        ),
        (Reply(200, {}, b'{"access_token": "x", "token_type": "mac"}'), r"gives no token \(status 200\)"),
        (Reply(200, {}, b"<html>"), "gives no token"),
    ],
)
def test_a_token_that_is_not_given_is_told_without_secrets(client, reply, message) -> None:
    client.server.scripted["/token"] = [reply]
    with client.opened() as exporter, pytest.raises(ExportRefused, match=message) as refused:
        exporter.fetch(Asked())
    assert "secret" not in str(refused.value) and "eyJ" not in str(refused.value)


def test_a_server_without_configuration_or_with_other_algorithms_is_told(client) -> None:
    path = "/fhir/.well-known/smart-configuration"
    client.server.scripted[path] = [Reply(404)]
    with client.opened() as exporter, pytest.raises(ExportRefused, match=r"names no token endpoint.*token_url"):
        exporter.fetch(Asked())
    other = {
        "token_endpoint": "https://auth.example/token",
        "token_endpoint_auth_signing_alg_values_supported": ["RS384"],
    }
    client.server.scripted[path] = [Reply(200, {}, json.dumps(other).encode())]
    with client.opened() as exporter, pytest.raises(ExportRefused, match="does not take ES384"):
        exporter.fetch(Asked())


def test_a_key_that_others_can_read_or_that_is_none_is_refused(client) -> None:
    key = client.home / "keys" / "export.pem"
    key.chmod(0o640)
    with pytest.raises(ExportUnsafe, match="chmod 600"), client.opened():
        pass
    key.chmod(0o600)
    key.write_bytes(b"-----BEGIN NONSENSE-----")
    with client.opened() as exporter, pytest.raises(ExportUnsafe, match="no private key for ES384"):
        exporter.fetch(Asked())
    with pytest.raises(ExportUnsafe, match="no key file"), client.opened(key_file="keys/none.pem"):
        pass


def test_what_an_export_keeps_is_its_owners_alone(client) -> None:
    with client.opened() as exporter:
        exporter.fetch(Asked())
    folder = client.home / "exports" / "city"
    for path in (folder, *folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077
    told = " ".join(client.said) + (folder / "journal.json").read_text()
    assert not any(token in told for token in client.server.tokens)
