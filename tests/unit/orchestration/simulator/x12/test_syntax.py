from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.x12.syntax import interchange, money, plain, provider_number, segment

MADE = datetime(2024, 3, 6, 23, 0, tzinfo=ZoneInfo("America/New_York"))


@given(st.text(max_size=40))
def test_text_has_no_separators_and_no_other_characters_than_the_basic_set(text: str):
    written = plain(text)
    assert written.isascii() and not set(written) & set("*:^~") and written == written.upper()


def test_names_lose_their_accents_and_nothing_else():
    assert plain("Zabłocki, Siobhán") == "ZABLOCKI, SIOBHAN"


@given(st.integers(0, 99_999_999))
def test_a_provider_number_has_the_check_digit_of_luhn(digits: int):
    number = "80840" + provider_number(digits)
    total = sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(number)))
    assert len(number) == 15 and total % 10 == 0


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (100, "100"), (12.5, "12.5"), (12.25, "12.25")])
def test_amounts_have_no_more_zeros_than_needed(amount: float, text: str):
    assert money(amount) == text


@pytest.mark.parametrize("site", INTERFACES)
def test_envelopes_count_and_name_what_they_hold(site: str):
    text = interchange(INTERFACES[site], MADE, 42, [("005010X222A1", [[segment("BHT", "0019")]] * 2), ("X", [[]])])
    segments = [line.split("*") for line in text.replace("\n", "").rstrip("~").split("~")]
    assert text.index("~") == 105  # the header is 106 characters long, its last is the terminator
    names = " ".join(s[0] for s in segments)
    assert names == "ISA GS ST BHT SE ST BHT SE GE GS ST SE GE IEA"
    assert segments[0][13] == segments[-1][2] == "000000042" and segments[-1][1] == "2"
    assert [(s[1], s[2]) for s in segments if s[0] == "SE"] == [("3", "1001"), ("3", "1002"), ("2", "2001")]
    assert [(s[1], s[2]) for s in segments if s[0] == "GE"] == [("2", "1"), ("1", "2")]
