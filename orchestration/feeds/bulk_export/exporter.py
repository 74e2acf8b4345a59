"""One export from beginning to end: begun or resumed, waited for, fetched, and closed once it is landed.

What does not belong here: landing (orchestration/steps) and how a request is made (web.py).
"""

import re
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import httpx

from orchestration.feeds.bulk_export.addresses import joined, origin_of, require_secure, told
from orchestration.feeds.bulk_export.bounds import Bounds, Pace
from orchestration.feeds.bulk_export.downloads import FileGone, download
from orchestration.feeds.bulk_export.errors import ExportOther, ExportRefused, ExportUnreachable, ExportUnsafe
from orchestration.feeds.bulk_export.journal import Ended, Job, Journal, RemoteFile
from orchestration.feeds.bulk_export.manifest import parse_manifest
from orchestration.feeds.bulk_export.outcomes import codes_of
from orchestration.feeds.bulk_export.tokens import BackendServices, read_key
from orchestration.feeds.bulk_export.web import JSON_TYPE, Answer, Web
from orchestration.feeds.vault import Vault
from orchestration.sites.bulk_export import BulkExport

OK, ACCEPTED = 200, 202
LOST = frozenset({404, 410})
KICK_OFF = {"Accept": JSON_TYPE, "Prefer": "respond-async"}
STATUS = {"Accept": "application/json"}
UNSEEN = re.compile(r"[^ -~]")
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What is asked for: a group (null: what the site's file says), types, and changes since a time (ISO 8601).

    Without `since` it is everything since the last export of the same that was landed whole; `is_full` asks for all.
    """

    group: str | None = None
    types: tuple[str, ...] = ()
    since: str | None = None
    is_full: bool = False


@dataclass
class Exporter:
    """Exports of one site. Make it with `opened`."""

    terms: BulkExport
    web: Web
    journal: Journal
    progress: Progress
    vault: Vault

    @staticmethod
    @contextmanager
    def opened(
        terms: BulkExport,
        home: Path,
        site: str,
        progress: Progress,
        *,
        bounds: Bounds | None = None,
        pace: Pace | None = None,
    ) -> Generator["Exporter"]:
        """Open the journal and a connection. Raises `ExportUnsafe` for a key that may not be used."""
        bounds, pace = bounds or Bounds(), pace or Pace()
        key = read_key(home / terms.key_file, terms) if terms.key_file else None
        verify = _authority(home / terms.ca_file if terms.ca_file else None)
        with httpx.Client(timeout=TIMEOUT, trust_env=False, verify=verify) as client:
            token = BackendServices(client, terms, key, pace) if key else None
            trusted = frozenset(origin_of(url) for url in (terms.base_url, *terms.file_origins))
            journal = Journal(home / "exports" / site)
            yield Exporter(terms, Web(client, token, trusted, bounds, pace), journal, progress, Vault.of(home))

    def fetch(self, asked: Asked) -> Job:
        """Return a job whose files all lie in the journal's folder: the one begun before, or a new one."""
        scope, path = self._scope(asked)
        job = self.journal.job
        if job is not None and job.scope != scope:
            raise ExportOther(
                f"An export of {job.scope} was begun and not finished; finish it with the same options, or drop it "
                "with --restart."
            )
        job = job or self._begun(scope, path, asked)
        if job.files is None:
            job = self._listed(job) or self._listed_anew(scope, path, asked)
        try:
            self._fetch_files(job)
        except FileGone:
            self.progress("the addresses of the files have expired: asking for the list of files again")
            job = self._relisted(job)
            self._fetch_files(job, is_last=True)
        return job

    def restart(self) -> None:
        """Drop an export that was begun, here and at the server."""
        if self.journal.job is not None:
            self._delete(self.journal.job)
            self.journal.end(self.journal.job, None)

    def close(self, job: Job, *, is_whole: bool) -> None:
        """Tell the server that its files may go, and remember where the next export begins if this one was whole."""
        self._delete(job)
        ended = Ended(transaction_time=job.transaction_time or "", ended_at=self.web.pace.now())
        self.journal.end(job, ended if is_whole else None)

    # -- asking

    def _scope(self, asked: Asked) -> tuple[str, str]:
        """Return what an export is about, in words, and its path at the server."""
        group, types = asked.group or self.terms.group, asked.types or self.terms.types
        listed = ", ".join(sorted(set(types))) or "all types"
        if group:
            return f"group {group}, {listed}", f"Group/{group}/$export"
        path = "Patient/$export" if self.terms.level == "patient" else "$export"
        return f"{self.terms.level}, {listed}", path

    def _begun(self, scope: str, path: str, asked: Asked) -> Job:
        ended = self.journal.ended(scope)
        since = asked.since or (ended.transaction_time if ended and not asked.is_full else None)
        types = sorted(set(asked.types or self.terms.types))
        query = {"_since": since, "_type": ",".join(types)}
        given = {name: value for name, value in query.items() if value}
        url = f"{self.terms.base_url.rstrip('/')}/{path}" + (f"?{urlencode(given)}" if given else "")
        answer = self.web.ask(url, KICK_OFF)
        where = answer.headers.get("Content-Location")
        if answer.status != ACCEPTED or not where:
            raise ExportRefused(
                f"{told(url)} does not begin an export: {answer.status}{codes_of(answer.body)}, expected 202 with a "
                "Content-Location. See the scopes, the group and the types that the server offers."
            )
        job = Job(scope=scope, since=since, status_url=joined(url, where), started_at=self.web.pace.now())
        require_secure(job.status_url)
        self.journal.keep(job)
        self.progress(f"begun: {scope}, {f'since {since}' if since else 'from the beginning'}")
        return job

    def _listed_anew(self, scope: str, path: str, asked: Asked) -> Job:
        """Begin once more where the server has forgotten an export that was begun earlier."""
        self.progress("the server has forgotten the export that was begun: beginning anew")
        found = self._listed(self._begun(scope, path, asked))
        if found is None:
            raise ExportRefused("The server forgets an export as soon as it has begun; ask its operators.")
        return found

    def _listed(self, job: Job) -> Job | None:
        """Wait until the server lists its files, all pages; null where it knows the export no longer."""
        files: list[RemoteFile] = []
        url: str | None = job.status_url
        seen: set[str] = set()
        while url is not None:
            if url in seen or len(seen) >= self.web.bounds.pages:
                raise ExportRefused(f"{told(url)} lists its files in a circle, or on too many pages; report it.")
            seen.add(url)
            answer = self._completed(url, job)
            if answer is None:
                return None
            page = parse_manifest(answer.body, url)
            files.extend(page.files(url, len(files) + 1))
            if len(files) > self.web.bounds.files:
                raise ExportUnsafe(f"The export has more than {self.web.bounds.files} files; ask for fewer types.")
            job = job.model_copy(
                update={
                    "transaction_time": job.transaction_time or page.transaction_time,
                    "needs_token": page.requires_access_token,
                }
            )
            url = page.following(url)
        job = job.model_copy(update={"files": files})
        self.journal.keep(job)
        return job

    def _completed(self, url: str, job: Job) -> Answer | None:
        """Ask how far the export is until it is complete; null where the server knows it no longer."""
        told_before, asked = "", 0
        while True:
            answer = self.web.ask(url, STATUS)
            if answer.status == OK:
                return answer
            if answer.status in LOST:
                return None
            if answer.status != ACCEPTED:
                self.journal.end(job, None)
                raise ExportRefused(
                    f"The export failed at the server: {answer.status}{codes_of(answer.body)}. Nothing was landed; run "
                    "the command again to begin anew."
                )
            words = UNSEEN.sub("", answer.headers.get("X-Progress", ""))[:100]
            if words and words != told_before:
                self.progress(words)
                told_before = words
            if self.web.pace.now() - job.started_at > self.terms.patience_hours * 3600:
                raise ExportUnreachable(
                    f"The export is not complete after {self.terms.patience_hours:g} hours; it is kept, and the same "
                    "command asks again. See bulk_export.patience_hours."
                )
            self.web.pace.sleep(self.web.wait_of(answer.headers, asked))
            asked += 1

    # -- fetching

    def _fetch_files(self, job: Job, *, is_last: bool = False) -> None:
        files = job.files or []
        for number, file in enumerate(files, start=1):
            if file.is_done and (self.journal.files / file.name).exists():
                continue
            room = self.web.bounds.total - sum(one.size for one in files)
            try:
                target = self.journal.files / file.name
                size = download(self.web, file, self.vault, target, room, with_token=job.needs_token)
            except FileGone:
                if is_last:
                    raise ExportRefused(
                        f"{file.name} is not at its address any more; begin anew with --restart."
                    ) from None
                raise
            file.size, file.is_done = size, True
            self.journal.keep(job)
            self.progress(f"file {number} of {len(files)}: {file.name}, {size} bytes")

    def _relisted(self, job: Job) -> Job:
        """Ask for the list of files again; what is done stays done if the list is the same but for its addresses."""
        again = self._listed(job)
        if again is None:
            raise ExportRefused("The server has dropped the export before its files were fetched; use --restart.")
        before = {(one.name, one.kind, one.type): one for one in job.files or []}
        if before.keys() != {(one.name, one.kind, one.type) for one in again.files or []}:
            return again
        kept = [replace_done(one, before[one.name, one.kind, one.type]) for one in again.files or []]
        again = again.model_copy(update={"files": kept})
        self.journal.keep(again)
        return again

    def _delete(self, job: Job) -> None:
        """Tell the server that it may forget the export; one that cannot be told forgets by itself."""
        patient = replace(self.web, bounds=replace(self.web.bounds, tries=1))
        try:
            patient.ask(job.status_url, STATUS, method="DELETE")
        except (ExportUnreachable, ExportRefused) as error:
            self.progress(f"the server could not be told that its files may go: {error}")


def replace_done(file: RemoteFile, before: RemoteFile) -> RemoteFile:
    """Return a file of a new list, done where the same one of the old list was."""
    return file.model_copy(update={"size": before.size, "is_done": before.is_done})


def _authority(path: Path | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=str(path)) if path else True
