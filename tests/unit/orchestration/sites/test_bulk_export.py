from datetime import timedelta

import pytest

from orchestration.sites import InvalidSite, parse_site

from .test_sites import GOOD

SERVER = """
bulk_export:
  base_url: https://ehr.example/fhir
  client_id: pilothouse
  key_file: keys/export.pem
  key_id: k1
  every: PT6H
"""


def test_a_site_describes_its_server_and_how_often_it_is_asked():
    terms = parse_site("here", GOOD + SERVER).bulk_export
    assert terms and (terms.base_url, terms.span) == ("https://ehr.example/fhir", timedelta(hours=6))
    assert parse_site("here", GOOD).bulk_export is None


def test_the_servers_whose_ids_are_the_sites_own_are_those_listed_and_the_one_that_exports():
    listed = "fhir_servers: ['https://old.example/R4']\n"
    assert "server" not in parse_site("here", GOOD).aliases
    assert set(parse_site("here", GOOD + listed).aliases["server"]) == {"https://old.example/R4"}
    servers = {"https://old.example/R4": "here", "https://ehr.example/fhir": "here"}
    assert parse_site("here", GOOD + listed + SERVER).aliases["server"] == servers
    for wrong in ("ehr.example", "https://ehr.example/fhir/", "https://ehr.example/a b"):
        with pytest.raises(InvalidSite, match="fhir_servers"):
            parse_site("here", f"{GOOD}fhir_servers: ['{wrong}']\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("https://ehr.example", "http://ehr.example", "an address is https"),
        ("https://ehr.example/fhir", "nonsense", "an address is https"),
        ("  key_file: keys/export.pem\n", "", "a client_id needs a key_file"),
        ("PT6H", "often", "whole hours or days"),
        ("PT6H", "PT0H", "whole hours or days"),
        ("every: PT6H", "types: [patient]", "String should match pattern"),
        ("every: PT6H", "file_origins: ['http://files.example']", "an address is https"),
        ("every: PT6H", "algorithm: HS256", "ES384"),
        ("every: PT6H", "password: x", "Extra inputs"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_with_the_field(old, new, message):
    with pytest.raises(InvalidSite, match=message):
        parse_site("here", GOOD + SERVER.replace(old, new))
