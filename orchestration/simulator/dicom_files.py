"""Imaging objects as DICOM files (PS3.10), a folder a day: the headers of real ones, and one pixel.

What does not belong here: who is examined (`imaging.py`), and reading DICOM.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from orchestration.simulator.emission import File, Outbox
from orchestration.simulator.imaging import Study, study_of, was_acquired
from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.persons import Person, visit_number
from orchestration.simulator.place_records import physician_of
from orchestration.simulator.registration import register
from orchestration.simulator.world import Day, World

if TYPE_CHECKING:
    from pydicom import Dataset

SOP_CLASS = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}
MAKER = {"CR": ("LUMINEX", "DR-400"), "CT": ("TOMOVISTA", "64S"), "US": ("SONARA", "E9")}
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
IMPLEMENTATION = "2.25.329800735698586629295641978511506172918"
CUT_SHARE, LOST_SHARE, REPEATED_SHARE = 0.004, 0.004, 0.004


@dataclass(frozen=True, slots=True)
class Instance:
    """One object of a study, numbered from one; `fault` is what happens to it on the way, `place` where."""

    study: Study
    number: int
    fault: Literal["", "cut", "nameless"] = ""
    place: float = 1.0


class DicomEmitter:
    """Sends one site's imaging objects."""

    def __init__(self, world: World) -> None:
        self.world, self.interfaces = world, INTERFACES[world.site.id]
        self.waiting: list[Study] = []
        self.outbox = Outbox(world, "dicom", ((LOST_SHARE, _nameless), (CUT_SHARE, _cut)), REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the objects acquired on the day, numbered as they were sent."""
        names, world = self.world.catalogue.complaint_names, self.world
        found = [study_of(world.seed, world.site.id, c.visit, names[c.complaint]) for c in day.charts]
        self.waiting += [study for study in found if study]
        due = [study for study in self.waiting if study.acquired < day.ends and was_acquired(study)]
        self.waiting = [study for study in self.waiting if study.acquired >= day.ends]
        due.sort(key=lambda study: (study.acquired, study.accession))
        instances = [Instance(study, n) for study in due for n in range(1, len(study.exam.views) + 1)]
        for n, one in enumerate(self.outbox.send(day, instances), start=1):
            yield File(f"dicom/IM{n:05d}.dcm", self._content(one), 1, "dicom")

    def _content(self, one: Instance) -> bytes:
        from pydicom import dcmwrite

        target = io.BytesIO()
        dcmwrite(target, self._dataset(one), enforce_file_format=True)
        content = target.getvalue()
        return content[: int(len(content) * one.place)] if one.fault == "cut" else content

    def _dataset(self, one: Instance) -> "Dataset":
        from pydicom import Dataset
        from pydicom.dataset import FileMetaDataset
        from pydicom.uid import UID

        made, sop_class = Dataset(), UID(SOP_CLASS[one.study.exam.modality])
        instance = UID(_uid(self.world, f"{one.study.accession}/1/{one.number}"))
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPClassUID = sop_class
        made.file_meta.MediaStorageSOPInstanceUID = instance
        made.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
        made.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
        made.file_meta.ImplementationVersionName = "SIMARCHIVE1"
        for keyword, value in self._elements(one, instance):
            setattr(made, keyword, value)
        return made

    def _elements(self, one: Instance, instance: str) -> Iterator[tuple[str, object]]:
        study = one.study
        yield "SpecificCharacterSet", "ISO_IR 192"
        yield "SOPClassUID", SOP_CLASS[study.exam.modality]
        yield "SOPInstanceUID", instance
        yield "StudyInstanceUID", _uid(self.world, study.accession)
        yield "SeriesInstanceUID", _uid(self.world, f"{study.accession}/1")
        yield from self._times(study)
        if one.fault != "nameless":
            yield from self._patient(study)
        yield from self._order(study)
        yield from _image(study, one.number)

    def _times(self, study: Study) -> Iterator[tuple[str, object]]:
        local = datetime.fromtimestamp(study.acquired, self.world.clock.zone)
        for part in ("Study", "Series", "Acquisition", "Content"):
            yield f"{part}Date", f"{local:%Y%m%d}"
            yield f"{part}Time", f"{local:%H%M%S}"
        if self.interfaces.has_offset:
            yield "TimezoneOffsetFromUTC", f"{local:%z}"

    def _patient(self, study: Study) -> Iterator[tuple[str, object]]:
        person = self.world.people_writer.person(study.visit.person)
        site, minutes = self.world.site.id, self.interfaces.charting_minutes
        desk = register(self.world.seed, site, study.visit, minutes)
        yield "PatientName", f"{person.family}^{person.given}"
        yield "PatientID", desk.mrn_at(person.mrn, study.acquired)
        yield "IssuerOfPatientID", self.interfaces.issuer
        yield "PatientBirthDate", f"{person.born:%Y%m%d}"
        yield "PatientSex", "F" if person.is_female else "M"
        yield "PatientAge", _age(person, self.world.clock.date_of(study.acquired))

    def _order(self, study: Study) -> Iterator[tuple[str, object]]:
        from pydicom import Dataset, Sequence

        physician, issuer = physician_of(study.visit.number), Dataset()
        namespace, *universal = self.interfaces.visit_authority.split("&")
        if namespace:
            issuer.LocalNamespaceEntityID = namespace
        else:
            issuer.UniversalEntityID, issuer.UniversalEntityIDType = universal
        yield "AccessionNumber", study.accession
        yield "StudyID", study.accession[2:]
        yield "RequestedProcedureID", study.accession
        yield "AdmissionID", visit_number(study.visit.number)
        yield "IssuerOfAdmissionIDSequence", Sequence([issuer])
        yield "ReferringPhysicianName", f"{physician.family}^{physician.given}"
        yield "InstitutionName", self.world.site.name


def _nameless(one: Instance, place: float) -> Instance:
    return replace(one, fault="nameless", place=place)


def _cut(one: Instance, place: float) -> Instance:
    return replace(one, fault="cut", place=place)


def _image(study: Study, number: int) -> Iterator[tuple[str, object]]:
    """What the machine says of the image: of one pixel, because nobody reads it."""
    exam, (maker, model) = study.exam, MAKER[study.exam.modality]
    yield from {
        "Modality": exam.modality,
        "BodyPartExamined": exam.body_part,
        "StudyDescription": exam.text,
        "SeriesDescription": exam.text,
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "Manufacturer": maker,
        "ManufacturerModelName": model,
        "StationName": f"{exam.modality}ED1",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL" if exam.modality == "CT" else ""],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 1,
        "Columns": 1,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": b"\0\0",
    }.items()
    if exam.views[number - 1]:
        yield "ViewPosition", exam.views[number - 1]
    if exam.modality == "CT":
        yield from {"KVP": "120", "SliceThickness": "5.0"}.items()


def _uid(world: World, what: str) -> str:
    """A unique identifier made from a hash (PS3.5, annex B.2)."""
    digest = hashlib.blake2b(f"{world.seed}/{world.site.id}/{what}".encode(), digest_size=16).digest()
    return f"2.25.{int.from_bytes(digest)}"


def _age(person: Person, on: date) -> str:
    """PatientAge: years, for the youngest months."""
    months = (on.year - person.born.year) * 12 + on.month - person.born.month - (on.day < person.born.day)
    return f"{months // 12:03d}Y" if months >= 24 else f"{max(months, 0):03d}M"
