"""Refusals of an approval: of a kind, a role or a certificate that does not fit, or of nothing that is served."""

from collections.abc import Callable
from datetime import date

import pytest

from orchestration.sites import LaunchScope, Site
from orchestration.steps.record.people import new_person
from orchestration.steps.releases.approval import Certified, record_verdict
from tests.unit.orchestration.steps.governed import Governed

from .rows import CANDIDATE, SHOWN, fails

Do = Callable[[], object]


def says(one: Governed, person: str, kind: str, verdict: str = "approve", certified: Certified | None = None) -> Do:
    words = ("triage", "city", "decision_support", kind, person, one.key(person), verdict)
    return lambda: record_verdict(one.settings, *words, certified=certified)  # type: ignore[arg-type]


@fails(
    "approval._certificate/1",
    error="CertificateNotUsable",
    words=("belongs to an approval of kind regulatory, and nowhere else",),
    begins=SHOWN,
)
def a_certificate_with_an_approval_of_another_kind(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return says(one, "ada", "model", certified=Certified("CE 0123", date(2027, 1, 1)))


@fails(
    "approval._certificate/2",
    error="CertificateNotUsable",
    words=("--certificate NUMBER and --expires YYYY-MM-DD", "It is for US"),
    begins=SHOWN,
)
def a_regulatory_approval_without_its_certificate(one: Governed, _: pytest.MonkeyPatch) -> Do:
    new_person(one.settings, "rita", ("regulatory_affairs_lead",), one.key("rita"))
    return says(one, "rita", "regulatory")


@fails(
    "approval._role/1",
    error="UnknownApprover",
    words=("The policy of triage knows no astrology approval", "it knows model, workflow"),
    begins=SHOWN,
)
def an_approval_of_no_known_kind(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return says(one, "ada", "astrology")


@fails(
    "approval._role/2",
    error="UnknownApprover",
    words=("mia holds charge_nurse", "a model approval needs one of", "pilothouse key new"),
    begins=SHOWN,
)
def an_approval_by_somebody_without_the_role(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return says(one, "mia", "model")


@fails(
    "proposal.as_served",
    error="NothingServed",
    words=("triage serves no release at city", "leave --served out"),
    begins=CANDIDATE,
)
def a_renewal_of_what_is_not_served(one: Governed, _: pytest.MonkeyPatch) -> Do:
    words = ("triage", "city", "shadow", "model", "ada", one.key("ada"), "approve")
    return lambda: record_verdict(one.settings, *words, served=True)  # type: ignore[arg-type]


@fails(
    "proposal._somewhere",
    error="SpeaksNowhere",
    words=("the site's file lets triage speak nowhere", "write `all`", "pilothouse rollback triage --site city"),
    begins=CANDIDATE,
)
def an_approval_where_the_sites_file_says_none(one: Governed, monkeypatch: pytest.MonkeyPatch) -> Do:
    nowhere = LaunchScope.model_validate({"units": "none"})
    monkeypatch.setattr(Site, "scope_of", lambda *_: nowhere)
    return says(one, "ada", "model")
