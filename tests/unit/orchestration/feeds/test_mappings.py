"""A site's own mapping at the door: its columns, codes, forms and units, and what happens where it does not fit."""

import io
import re
from datetime import UTC, date, datetime, timedelta
from textwrap import dedent

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.contracts.errors import InvalidMapping
from orchestration.contracts.mapping import FeedMapping, parse_mapping
from orchestration.feeds import FeedStopped, land, replay
from orchestration.feeds.quarantine import held_files
from orchestration.sites import list_sites, load_site
from orchestration.sites.mappings import load_mappings

KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = "Abteilung;Datum;Schicht;Belegung;Std RN;Std LPN"
MAPPING = """
    feed: staffing
    contract: 1
    version: 1.0.0
    columns:
      unit_code: {from: Abteilung, empty: ["-"]}
      work_date: {from: Datum, format: "%d.%m.%Y"}
      shift_code: {from: Schicht, codes: {F: day, S: evening}}
      census: {from: Belegung}
      rn_hours: {from: Std RN, decimal: ",", thousands: "."}
      lpn_hours: {from: Std LPN, decimal: ",", factor: 0.016666666667}
"""


def mapping(text: str = MAPPING) -> FeedMapping:
    return parse_mapping("city", dedent(text).encode(), "city.mappings/staffing.yaml")


def table(*rows: str, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *rows]).encode()


class Door:
    """A landing zone of a site with mappings."""

    def __init__(self, zone) -> None:
        self.zone, self.terms = zone, {"site": "city", "home": zone.home, "key": KEY, "zone": "Europe/Berlin"}

    def land(self, content: bytes, *mappings: FeedMapping, name: str = "s.csv", feed=None, at=NOON):
        given = {one.feed: one for one in mappings}
        [receipt] = land(self.zone.put({name: content}), feed=feed, arrived_at=at, mappings=given, **self.terms)
        return receipt

    def replay(self, *mappings: FeedMapping):
        held, given = held_files(self.zone.home, ["city"]), {one.feed: one for one in mappings}
        return replay(held, arrived_at=NOON + timedelta(hours=1), mappings=given, **self.terms)


@pytest.fixture
def door(zone) -> Door:
    return Door(zone)


def test_columns_codes_dates_numbers_and_units_are_read_as_the_mapping_says(door) -> None:
    receipt = door.land(table("ICU;28.02.2026;F;9;1.240,5;480", "ICU;28.02.2026;S;8;24;0"), mapping())
    assert (receipt.feed, receipt.landed) == ("staffing", 2)
    assert door.zone.rows("unit_staffing", "unit_code, work_date, shift_code, census, rn_hours, lpn_hours") == [
        ("ICU", date(2026, 2, 28), "day", 9, 1240.5, 8.0),
        ("ICU", date(2026, 2, 28), "evening", 8, 24.0, 0.0),
    ]


def test_a_site_tells_contracts_leave_and_wishes_in_its_own_columns_codes_and_dates(door, known_as) -> None:
    texts = {
        "workforce": """
            feed: workforce
            contract: 1
            version: 1.0.0
            columns:
              contract_key: {from: Vertrag}
              staff_key: {from: Personalnr}
              unit_code: {from: Station}
              role_code: {from: Beruf, codes: {Pflegefachkraft: RN, Pflegehilfe: CNA}}
              credential_until: {from: Urkunde bis, format: "%d.%m.%Y"}
              weekly_hours: {from: Wochenstunden, decimal: ","}
              valid_from: {from: Beginn, format: "%d.%m.%Y"}
              valid_until: {from: Ende, format: "%d.%m.%Y"}
            """,
        "leave": """
            feed: leave
            contract: 1
            version: 1.0.0
            columns:
              leave_key: {from: Antrag}
              staff_key: {from: Personalnr}
              first_date: {from: Von, format: "%d.%m.%Y"}
              last_date: {from: Bis, format: "%d.%m.%Y"}
              leave_kind: {from: Art, codes: {Urlaub: annual, Elternzeit: parental}}
              leave_status: {from: Stand, codes: {genehmigt: approved, beantragt: requested}}
            """,
        "wishes": """
            feed: wishes
            contract: 1
            version: 1.0.0
            columns:
              wish_key: {from: Wunsch}
              staff_key: {from: Personalnr}
              wish_date: {from: Tag, format: "%d.%m.%Y"}
              shift_code: {from: Schicht, codes: {F: day, N: night}}
              wants: {from: Will, codes: {ja: "on", nein: "off"}}
              weight: {from: Gewicht}
            """,
    }
    rows = {
        "workforce": "Vertrag;Personalnr;Station;Beruf;Urkunde bis;Wochenstunden;Beginn;Ende\n"
        "V1;7;ICU;Pflegefachkraft;31.12.2026;38,5;01.01.2020;\nV2;8;ICU;Koch;;38,5;01.01.2020;\n",
        "leave": "Antrag;Personalnr;Von;Bis;Art;Stand\nU1;7;10.03.2026;14.03.2026;Urlaub;genehmigt\n",
        "wishes": "Wunsch;Personalnr;Tag;Schicht;Will;Gewicht\nW1;7;20.03.2026;N;nein;5\n",
    }
    receipts = {feed: door.land(rows[feed].encode(), mapping(texts[feed]), name=f"{feed}.csv") for feed in texts}
    assert {feed: one.landed for feed, one in receipts.items()} == {"workforce": 1, "leave": 1, "wishes": 1}
    assert dict(receipts["workforce"].reasons) == {"Employment.role_code.unmapped": 1}
    nurse = known_as("staff", "7")
    told = "staff_key, unit_code, role_code, credential_until, weekly_hours, valid_until"
    assert door.zone.rows("staff_employment", told) == [(nurse, "ICU", "RN", date(2026, 12, 31), 38.5, None)]
    assert door.zone.rows("staff_leave", "staff_key, first_date, last_date, leave_kind, leave_status") == [
        (nurse, date(2026, 3, 10), date(2026, 3, 14), "annual", "approved")
    ]
    assert door.zone.rows("staff_wish", "staff_key, wish_date, shift_code, wants, weight") == [
        (nurse, date(2026, 3, 20), "night", "off", 5)
    ]


def test_receipt_and_rows_say_which_mapping_read_them(door) -> None:
    receipt = door.land(table("ICU;28.02.2026;F;9;40;480"), mapping())
    assert receipt.contract == f"staffing@1.0.0+city.1.0.0.{mapping().digest[:12]}"
    assert door.zone.rows("unit_staffing", "_contract") == [(receipt.contract,)]


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        (";F;", ";N;", "Staffing.shift_code.unmapped"),
        (";F;", ";;", "Staffing.shift_code.required"),
        ("28.02.2026", "2026-02-28", "Staffing.work_date.type"),
        ("28.02.2026", "31.02.2026", "Staffing.work_date.type"),
        (";40;", ";4.0;", "Staffing.rn_hours.type"),
        (";40;", ";20.000,5;", "Staffing.rn_hours.range"),
        (";40;", ";x;", "Staffing.rn_hours.type"),
        (";480", ";4.8", "Staffing.lpn_hours.type"),
        ("ICU;", "-;", "Staffing.unit_code.required"),
        (";9;", ";9,0;", "Staffing.census.type"),
    ],
)
def test_what_does_not_have_the_mappings_form_is_quarantined_with_a_clause(door, old, new, clause) -> None:
    good = "ICU;28.02.2026;F;9;40;480"
    receipt = door.land(table(good.replace(old, new, 1), good.replace("F", "S")), mapping())
    assert (receipt.landed, dict(receipt.reasons)) == (1, {clause: 1})


def test_the_reason_of_an_unmapped_code_lists_what_is_mapped_and_not_what_came(door) -> None:
    door.land(table("ICU;28.02.2026;Byrne;9;40;480"), mapping())
    [(_, _, reason)] = door.zone.quarantine()
    assert reason == "Staffing.shift_code must be a code that the site's mapping lists (F, S)."


def test_a_code_that_is_kept_is_judged_as_it_came(door) -> None:
    kept = mapping(MAPPING.replace("S: evening}", "S: evening}, unlisted: keep"))
    assert door.land(table("ICU;28.02.2026;night;9;40;480"), kept).landed == 1
    assert door.zone.rows("unit_staffing", "shift_code") == [("night",)]


def test_a_mapped_column_that_the_file_lacks_stops_the_feed_with_a_sentence_that_helps(door) -> None:
    with pytest.raises(FeedStopped, match=r"Expected: Belegung\. Came: .*Zahl.*correct the site's mapping") as stopped:
        door.land(table("ICU;28.02.2026;F;9;40;480", head=HEAD.replace("Belegung", "Zahl")), mapping())
    assert stopped.value.receipts[0].reasons == {"file.missing_column": 1}


def test_a_fixed_mapping_takes_the_held_rows_again_and_the_counts_add_up(door) -> None:
    rows = [f"ICU;28.02.2026;{code};9;40;480" for code in "FSN"] + ["W;28.02.2026;N;9;x;480"]
    first = door.land(table(*rows), mapping())
    assert (first.landed, dict(first.reasons)) == (2, {"Staffing.shift_code.unmapped": 2})
    fixed = mapping(MAPPING.replace("S: evening", "S: evening, N: night").replace("1.0.0", "1.1.0"))
    [again] = door.replay(fixed)
    assert (again.received, again.duplicate, again.landed) == (4, 2, 1)
    assert dict(again.reasons) == {"Staffing.rn_hours.type": 1}
    assert door.zone.rows("unit_staffing", "shift_code, _line") == [("day", 1), ("evening", 2), ("night", 3)]


def test_the_mapping_that_a_stop_for_rival_columns_names_lets_the_held_file_land(door) -> None:
    head = "unit,shift_date,date,shift,census,rn_hours,lpn_hours"
    content = table("ICU,2026-02-28,2026-03-01,day,9,24,8", head=head)
    with pytest.raises(FeedStopped, match="replay what is held") as stopped:
        door.land(content)
    [line] = re.findall(r"staffing\.yaml\) .* `(columns: .*?)`", str(stopped.value))
    chosen = mapping(f"""
        feed: staffing
        contract: 1
        version: 1.0.0
        {line}
    """)
    [again] = door.replay(chosen)
    assert (again.feed, again.landed, again.quarantined) == ("staffing", 1, 0)
    assert door.zone.rows("unit_staffing", "unit_code, work_date") == [("ICU", date(2026, 2, 28))]
    other = mapping(dedent(MAPPING.split("columns:")[0]) + "columns: {work_date: {from: date}}\n")
    assert door.land(content.replace(b"ICU", b"ED"), other, name="t.csv").landed == 1
    assert ("ED", date(2026, 3, 1)) in door.zone.rows("unit_staffing", "unit_code, work_date")


def test_a_corrected_code_is_a_new_version_when_the_file_comes_again(door) -> None:
    content = table("ICU;28.02.2026;F;9;40;480")
    door.land(content, mapping())
    fixed = mapping(MAPPING.replace("{from: Std RN, decimal", "{from: Std RN, factor: 2, decimal"))
    assert door.land(content, fixed, at=NOON + timedelta(days=1)).superseded == 1
    same = mapping(MAPPING + "    # only a remark\n")
    assert door.land(content, same, at=NOON + timedelta(days=2)).superseded == 1  # back to what it was
    assert door.land(content, same, at=NOON + timedelta(days=3)).duplicate == 1


def test_a_mapping_that_changes_nothing_makes_duplicates(door) -> None:
    content = table("ICU;28.02.2026;F;9;40;480")
    door.land(content, mapping())
    assert door.land(content, mapping(MAPPING + "    # only a remark\n")).duplicate == 1


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-16", "utf-16-le", "cp850"])
@pytest.mark.parametrize("delimiter", [";", "^"])
def test_an_encoding_and_a_delimiter_are_read_as_the_mapping_says(door, encoding, delimiter) -> None:
    own = MAPPING.replace("version: 1.0.0", f"version: 1.0.0\n    encoding: {encoding}\n    delimiter: '{delimiter}'")
    own = own.replace("Abteilung", "Gebäude").replace("Std RN", "Std. für RN")
    text = table("Süd;28.02.2026;F;9;1.240,5;480").decode().replace("Abteilung", "Gebäude")
    text = text.replace("Std RN", "Std. für RN").replace(";", delimiter)
    receipt = door.land(text.encode(encoding), mapping(own))
    assert (receipt.feed, receipt.landed) == ("staffing", 1)
    assert door.zone.rows("unit_staffing", "unit_code, rn_hours") == [("Süd", 1240.5)]


def test_a_line_outside_the_encoding_is_quarantined_alone(door) -> None:
    own = mapping(MAPPING.replace("version: 1.0.0", "version: 1.0.0\n    encoding: ascii"))
    content = table("ICU;28.02.2026;F;9;40;480", "Süd;28.02.2026;F;9;40;480", "W;28.02.2026;F;9;40;480")
    receipt = door.land(content, own)
    assert (receipt.landed, dict(receipt.reasons)) == (2, {"row.not_utf8": 1})


APPOINTMENTS = """
    feed: appointments
    contract: 1
    version: 2.1.0
    columns:
      appointment_key: {from: Nr}
      mrn_key: {from: Pat, authority: "urn:pilothouse:city:mrn"}
      clinic_code: {value: GIM}
      starts_at: {from: [Tag, Zeit], format: ["%d.%m.%Y %H:%M", "%d.%m.%Y %H.%M"]}
      booked_at: {from: Gebucht, format: "%Y%m%d%H%M%z"}
      status: {from: St, codes: {1: booked, 2: no_show}}
      updated_at: {from: Gebucht, format: "%Y%m%d%H%M%z"}
"""


def test_a_date_and_a_time_are_joined_in_the_sites_zone_and_a_record_number_has_its_authority(door, known_as) -> None:
    head, booked = "Nr,Pat,Tag,Zeit,Gebucht,St", "202602271000+0100"
    content = f"{head}\nA1,M7,09.03.2026,09:30,{booked},2\nA2,M7,09.03.2026,9.30,{booked},1\n"
    receipt = door.land(content.encode(), mapping(APPOINTMENTS))
    assert (receipt.feed, receipt.landed) == ("appointments", 2)
    mrn = known_as("urn:pilothouse:city:mrn", "M7")
    starts = datetime(2026, 3, 9, 8, 30, tzinfo=UTC)
    found = door.zone.rows("clinic_appointment", "mrn_key, clinic_code, status, starts_at, booked_at")
    booked = datetime(2026, 2, 27, 9, tzinfo=UTC)
    assert found == [(mrn, "GIM", "booked", starts, booked), (mrn, "GIM", "no_show", starts, booked)]


@pytest.mark.parametrize(("form", "written"), [("%d.%m.%Y", "09.07.2026"), ("%d.%m.%Y %z", "09.07.2026 -0800")])
def test_a_day_without_a_clock_is_the_sites_midnight_whatever_zone_stands_beside_it(door, form, written) -> None:
    text = APPOINTMENTS.replace("[Tag, Zeit]", "Tag").replace('["%d.%m.%Y %H:%M", "%d.%m.%Y %H.%M"]', f'"{form}"')
    head, booked = "Nr,Pat,Tag,Gebucht,St", "202602271000+0100"
    receipt = door.land(f"{head}\nA1,M7,{written},{booked},1\n".encode(), mapping(text))
    assert receipt.landed == 1
    assert door.zone.rows("clinic_appointment", "starts_at") == [(datetime(2026, 7, 8, 22, tzinfo=UTC),)]


@pytest.mark.parametrize("written", ["2026-02-27T23:30:00-0800", "2026-02-28T00:30:00+1300"])
def test_a_date_is_the_day_that_is_written_whatever_zone_stands_beside_it(door, written: str) -> None:
    text = MAPPING.replace('"%d.%m.%Y"', '"%Y-%m-%dT%H:%M:%S%z"')
    assert door.land(table(f"ICU;{written};F;9;24;0"), mapping(text)).landed == 1
    assert door.zone.rows("unit_staffing", "work_date") == [(date.fromisoformat(written[:10]),)]


def test_numbers_of_a_typed_parquet_file_are_mapped_like_text(door) -> None:
    sink = io.BytesIO()
    columns = {"WorkDate": [20170101], "MDScensus": [347], "Hrs_RN": [42.07], "Hrs_LPN": [172.0], "Hrs_CNA": [1.5]}
    more = {name: [0.0] for name in ("Hrs_RN_ctr", "Hrs_LPN_ctr", "Hrs_CNA_ctr")}
    pq.write_table(pa.table(columns | more), sink)
    receipt = door.land(sink.getvalue(), load_mappings("pbj")["staffing"], name="pbj.parquet")
    assert receipt.landed == 1
    assert door.zone.rows("unit_staffing", "staffing_key, census, rn_hours") == [
        ("FACILITY|2017-01-01|all", 347, 42.07)
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("contract: 1", "contract: 2", "written for version 2 of the contract, which is 1.0.0 now"),
        ("unit_code", "ward", "names 'ward', which staffing@1.0.0 has not"),
        ("unit_code: {from: Abteilung", "staffing_key: {from: Abteilung", "staffing_key: the contract reads no column"),
        ("census: {from: Belegung", "census: {from: Belegung, format: '%d'", "`format` is for dates and times"),
        (
            "unit_code: {from: Abteilung",
            "unit_code: {from: Abteilung, factor: 2",
            "`factor` and `offset` are for numbers",
        ),
        ("unit_code: {from: Abteilung", "unit_code: {from: Abteilung, decimal: ','", "are for numbers"),
        ("unit_code: {from: Abteilung", "unit_code: {from: Abteilung, authority: x", "`authority` is for identifiers"),
        ("%d.%m.%Y", "dd.mm.yyyy", "is no strptime format"),
        ("%d.%m.%Y", "%d.%q", "is no strptime format"),
        ("feed: staffing", "feed: dicom", "is no contract of tables"),
        ("feed: staffing", "feed: telepathy", "a feed that has no contract"),
    ],
)
def test_a_mapping_that_does_not_fit_its_contract_is_refused_before_anything_lands(door, old, new, message) -> None:
    with pytest.raises(InvalidMapping, match=message):
        door.land(table("ICU;28.02.2026;F;9;40;480"), mapping(MAPPING.replace(old, new, 1)))
    assert not list(door.zone.home.rglob("receipts"))


def test_a_code_that_the_contract_does_not_know_is_refused(door) -> None:
    with pytest.raises(InvalidMapping, match="status: the contract does not know the code 'missed'"):
        door.land(b"x", mapping(APPOINTMENTS.replace("no_show", "missed")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{from: Belegung}", "{}", "say either `from`"),
        ("{from: Belegung}", "{from: Belegung, value: 3}", "say either `from`"),
        ("{from: Belegung}", "{from: Belegung, colour: red}", "columns.census.colour"),
        ("version: 1.0.0", "version: one", "version"),
        ("version: 1.0.0", "version: 1.0.0\n    encoding: klingon", "no text encoding"),
        ("version: 1.0.0", "version: 1.0.0\n    encoding: hex", "no text encoding"),
        ("version: 1.0.0", "version: 1.0.0\n    delimiter: ';;'", "delimiter"),
        ('decimal: ",", thousands: "."', 'decimal: ",", thousands: ","', "cannot be the same"),
        ("factor: 0.016666666667", "factor: 0", "would make every number the same"),
        (MAPPING, "just words", "holds no mapping"),
        (MAPPING, "a: [", "is not YAML"),
    ],
)
def test_a_mapping_that_cannot_be_read_says_where_and_what(old, new, message) -> None:
    with pytest.raises(InvalidMapping, match=message):
        mapping(MAPPING.replace(old, new, 1))


@pytest.mark.parametrize("site", list_sites())
def test_the_mappings_of_every_site_fit_the_feeds_it_lists(site, zone) -> None:
    given = load_mappings(site)
    assert set(given) <= set(load_site(site).feeds)
    land(zone.put({"x": b""}), site=site, feed=None, home=zone.home, key=KEY, arrived_at=NOON, mappings=given)


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10) | st.sampled_from(
    ["ICU", "28.02.2026", "F", "9", "1.240,5", "1,5e3", "-0,0", "NaN", "'", '"', "99999999999999999999", "٣"]
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=7), min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "latin-1", "utf-16", "shift_jis"]),
    code=st.text(max_size=6),
)
def test_whatever_comes_under_a_mapping_every_row_is_accounted_for(make_zone, rows, encoding, code) -> None:
    door, text = Door(make_zone()), table(*(";".join(row) for row in rows)).decode()
    one = mapping(MAPPING).model_copy(update={"encoding": encoding})
    column = one.columns["shift_code"].model_copy(update={"codes": {code: "day", "F": "day"}})
    one = one.model_copy(update={"columns": one.columns | {"shift_code": column}})
    receipt = door.land(text.encode(encoding, "replace"), one, feed="staffing")
    assert receipt.received == receipt.landed + receipt.superseded + receipt.duplicate + receipt.quarantined >= 1
