import io

import pydicom
import pytest

from .conftest import SITES
from .parsed import Feeds, moment

SOP_CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}


@pytest.fixture(scope="module", params=SITES)
def site(request) -> str:
    return request.param


def test_every_object_is_a_part_ten_file_of_one_pixel(wide: Feeds, site: str):
    for image in wide.images(site):
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert image.SOPClassUID == image.file_meta.MediaStorageSOPClassUID == SOP_CLASSES[image.Modality]
        assert image.pixel_array.shape == (1, 1)
        assert all(uid.is_valid for uid in (image.SOPInstanceUID, image.SeriesInstanceUID, image.StudyInstanceUID))


def test_writing_an_object_again_gives_the_same_bytes(wide: Feeds, site: str):
    for _, path in wide.files(site, "dicom/*.dcm"):
        content = path.read_bytes()
        try:
            image = pydicom.dcmread(io.BytesIO(content))
        except (pydicom.errors.InvalidDicomError, EOFError):
            continue  # cut short on the way
        if "PixelData" in image:
            again = io.BytesIO()
            pydicom.dcmwrite(again, image, enforce_file_format=True)
            assert again.getvalue() == content


def test_a_study_has_one_order_one_patient_and_numbered_objects(wide: Feeds, site: str):
    studies: dict[str, dict[str, pydicom.Dataset]] = {}
    for image in wide.images(site):
        studies.setdefault(image.AccessionNumber, {})[image.SOPInstanceUID] = image
    assert len(studies) >= 3
    for objects in studies.values():
        found = list(objects.values())
        assert len({i.StudyInstanceUID for i in found}) == len({i.AdmissionID for i in found}) == 1
        assert len({i.PatientID for i in found}) == len({i.Modality for i in found}) == 1
        assert len({i.InstanceNumber for i in found}) == len(found)


def test_an_image_is_taken_while_the_patient_is_there(wide: Feeds, site: str):
    visits = {e["identifier"][0]["value"]: e["period"] for e in wide.resources(site, "Encounter")}
    patients = {p["identifier"][0]["value"]: p for p in wide.resources(site, "Patient")}
    for image in wide.images(site):
        offset = image.get("TimezoneOffsetFromUTC", "")
        assert bool(offset) == (site == "city")
        taken = moment(image.AcquisitionDate + image.AcquisitionTime + offset, site).isoformat()
        period = visits[image.AdmissionID]
        assert period["start"] < taken and ("end" not in period or taken < period["end"])
        patient = patients.get(image.PatientID)
        if patient:
            assert image.PatientBirthDate == patient["birthDate"].replace("-", "")
            assert str(image.PatientName) == f"{patient['name'][0]['family']}^{patient['name'][0]['given'][0]}"


def test_examinations_fit_the_complaints_they_are_of(wide: Feeds):
    texts: dict[str, set[str]] = {}
    for site in SITES:
        visits = {f"Encounter/{e['id']}": e["identifier"][0]["value"] for e in wide.resources(site, "Encounter")}
        said = {
            visits[o["encounter"]["reference"]]: o["valueString"].lower()
            for o in wide.resources(site, "Observation")
            if "valueString" in o
        }
        for image in wide.images(site):
            texts.setdefault(image.BodyPartExamined, set()).add(said.get(image.AdmissionID, ""))
    assert any("cp" in text or "sob" in text or "chest" in text for text in texts["CHEST"])
    assert not any("ankle" in text for text in texts["HEAD"])


def test_a_few_objects_come_a_day_not_an_archive(wide: Feeds):
    for site, most in (("city", 25), ("district", 16), ("rural", 8)):
        counts: dict = {}
        for day, _ in wide.files(site, "dicom/*.dcm"):
            counts[day] = counts.get(day, 0) + 1
        assert max(counts.values()) <= most
