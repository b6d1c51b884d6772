"""Times as people say them: read right or not at all, taken off sentences, and said so that they can be read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.spoken_times import SpokenTime, read_time, say_time, split_time

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = datetime(2026, 11, 29, 15, 20, tzinfo=BERLIN)

MOMENTS = {
    # hours and minutes; without AM or PM the next in waking time
    "at five": "11-29 17:00",
    "at 5": "11-29 17:00",
    "five": "11-29 17:00",
    "at seven": "11-29 19:00",
    "at nine": "11-29 21:00",
    "at ten": "11-29 22:00",
    "at eleven": "11-30 11:00",
    "at twelve": "11-30 12:00",
    "at 3": "11-30 15:00",
    "5 pm": "11-29 17:00",
    "5pm": "11-29 17:00",
    "at 5 p.m.": "11-29 17:00",
    "at three AM": "11-30 03:00",
    "at 12 am": "11-30 00:00",
    "at 12:30 am": "11-30 00:30",
    "five o'clock": "11-29 17:00",
    "at five o’clock sharp": "11-29 17:00",
    "at 17:30": "11-29 17:30",
    "at 05:30": "11-30 05:30",
    "5:30": "11-29 17:30",
    "at 9.15": "11-29 21:15",
    "at 0900": "11-30 09:00",
    "seventeen thirty": "11-29 17:30",
    "five thirty": "11-29 17:30",
    "six oh five": "11-29 18:05",
    "half past five": "11-29 17:30",
    "quarter to six": "11-29 17:45",
    "at a quarter past nine": "11-29 21:15",
    "twenty past six": "11-29 18:20",
    "ten to six": "11-29 17:50",
    "twenty five to eleven pm": "11-29 22:35",
    "three minutes to four pm": "11-29 15:57",
    "around five": "11-29 17:00",
    "noon": "11-30 12:00",
    "midnight": "11-30 00:00",
    # from now on
    "in ten minutes": "11-29 15:30",
    "in an hour": "11-29 16:20",
    "tomorow at nine": "11-30 09:00",
    "in 1h": "11-29 16:20",
    "in 1h30m": "11-29 16:50",
    "in 1 hour 30 minutes": "11-29 16:50",
    "in 10m": "11-29 15:30",
    "in 120s": "11-29 15:22",
    "in 2hrs": "11-29 17:20",
    "in one minute": "11-29 15:21",
    "in half an hour": "11-29 15:50",
    "in a quarter of an hour": "11-29 15:35",
    "in an hour and a half": "11-29 16:50",
    "in two and a half hours": "11-29 17:50",
    "in an hour and twenty minutes": "11-29 16:40",
    "in a couple of hours": "11-29 17:20",
    "in 1.5 hours": "11-29 16:50",
    "in a hundred and twenty minutes": "11-29 17:20",
    "ten minutes from now": "11-29 15:30",
    "in 24 hours": "11-30 15:20",
    # days with a time
    "tomorrow at five": "11-30 17:00",
    "tomorrow at eight": "11-30 08:00",
    "at five tomorrow": "11-30 17:00",
    "today at 9 am": "11-29 09:00",
    "the day after tomorrow at 8 a.m.": "12-01 08:00",
    "eight tonight": "11-29 20:00",
    "twelve tonight": "11-30 00:00",
    "five in the morning": "11-30 05:00",
    "tomorrow at nine in the evening": "11-30 21:00",
    "on friday at half past nine in the morning": "12-04 09:30",
    "friday morning at nine": "12-04 09:00",
    "next monday at noon": "11-30 12:00",
    "on the third at noon": "12-03 12:00",
    "in two days at five": "12-01 17:00",
    "December the fourth at five pm": "12-04 17:00",
    "on Friday, December 4 at 5:07 PM": "12-04 17:07",
    "2026-12-05 at 10:00": "12-05 10:00",
    "by friday at 5 pm": "12-04 17:00",
}

DAYS = {
    "today": "2026-11-29",
    "tomorrow": "2026-11-30",
    "for tomorrow": "2026-11-30",
    "the day after tomorrow": "2026-12-01",
    "yesterday": "2026-11-28",
    "friday": "2026-12-04",
    "this friday": "2026-12-04",
    "next friday": "2026-12-04",
    "monday next week": "2026-11-30",
    "on sunday": "2026-12-06",
    "a week from friday": "2026-12-11",
    "in three days": "2026-12-02",
    "in a week": "2026-12-06",
    "two weeks from now": "2026-12-13",
    "in three months": "2027-02-28",
    "on the third of december": "2026-12-03",
    "december 4": "2026-12-04",
    "the twenty first of december": "2026-12-21",
    "4 dec 2027": "2027-12-04",
    "march the first": "2027-03-01",
    "feb 29": "2028-02-29",
    "the third": "2026-12-03",
    "the 31st": "2026-12-31",
    "on tuesday the first": "2026-12-01",
    "friday, december 4th, twenty twenty six": "2026-12-04",
}

SPANS = {
    "from 3 to 4": ("11-30 15:00", "11-30 16:00"),
    "tomorrow from three to four": ("11-30 15:00", "11-30 16:00"),
    "from 11 to 1 pm on friday": ("12-04 11:00", "12-04 13:00"),
    "between 9 and 10:30 am tomorrow": ("11-30 09:00", "11-30 10:30"),
    "from nine until half past ten tomorrow morning": ("11-30 09:00", "11-30 10:30"),
    "from 11 pm to 1 am": ("11-29 23:00", "11-30 01:00"),
    "tomorrow at five for an hour and a half": ("11-30 17:00", "11-30 18:30"),
    "this afternoon": ("11-29 12:00", "11-29 18:00"),
    "tomorrow morning": ("11-30 06:00", "11-30 12:00"),
    "tonight": ("11-29 18:00", "11-30 00:00"),
    "in the morning": ("11-30 06:00", "11-30 12:00"),
    "this week": ("11-23 00:00", "11-30 00:00"),
    "next week": ("11-30 00:00", "12-07 00:00"),
    "the weekend": ("11-28 00:00", "11-30 00:00"),
    "next weekend": ("12-05 00:00", "12-07 00:00"),
    "next month": ("12-01 00:00", "01-01 00:00"),
    "from monday to friday": ("11-30 00:00", "12-05 00:00"),
}

DOUBTFUL = """tomorrow at midnight|every monday|half five|at 25|at 5:75|february 30|thursday december 4|on the 29th
this sunday|in a few minutes|3 to 4|march|sun|sometime|soon|at lunch|13 pm|17:30 in the morning|five six seven
from 3|monday and tuesday|in the afternoon|4/12|before friday|the week|in 0 minutes|tomorrow yesterday||please"""

SENTENCES = {
    "call anna tomorrow at five": ("call anna", "11-30 17:00"),
    "Tomorrow at five call Anna-Marie": ("call Anna-Marie", "11-30 17:00"),
    "tomorrow call Anna at five": ("call Anna", "11-30 17:00"),
    "in ten minutes to call Anna at five": ("call Anna at five", "11-29 15:30"),
    "finish the report by friday.": ("finish the report", "12-04 00:00"),
    "lunch with Bob, on Friday from 12 to 1": ("lunch with Bob", "12-04 12:00"),
    "dinner with Anna and Bob tomorrow at eight": ("dinner with Anna and Bob", "11-30 08:00"),
    "ask about the 5% tomorrow": ("ask about the 5%", "11-30 00:00"),
    "move it to friday at three": ("move it to", "12-04 15:00"),
    "tomorrow": ("", "11-30 00:00"),
}

WITHOUT_A_TIME = """buy milk|read the second|walk 5 to 6|buy nails five thirty|lasagne for ten|call mom every monday
every monday call mom|call on monday or tuesday|eat before tomorrow|at the end of this week|he sat at a table
send 5 emails|tomorrow is another day and friday|friday and saturday clean"""


def berlin(text: str) -> datetime:
    year = 2027 if text.startswith("01") else 2026
    return datetime.fromisoformat(f"{year}-{text}").replace(tzinfo=BERLIN)


@pytest.mark.parametrize("phrase", MOMENTS)
def test_a_moment_is_read(phrase: str) -> None:
    assert read_time(phrase, SUNDAY) == SpokenTime(berlin(MOMENTS[phrase]))


@pytest.mark.parametrize("phrase", DAYS)
def test_a_day_is_read(phrase: str) -> None:
    midnight = datetime.fromisoformat(DAYS[phrase]).replace(tzinfo=BERLIN)
    assert read_time(phrase, SUNDAY) == SpokenTime(midnight, all_day=True)


@pytest.mark.parametrize("phrase", SPANS)
def test_a_span_is_read(phrase: str) -> None:
    found = read_time(phrase, SUNDAY)
    assert found is not None
    assert (found.start, found.end) == tuple(map(berlin, SPANS[phrase]))
    assert found.all_day == (SPANS[phrase][0].endswith("00:00") and SPANS[phrase][1].endswith("00:00"))


@pytest.mark.parametrize("phrase", DOUBTFUL.replace("\n", "|").split("|"))
def test_what_leaves_doubt_is_not_read(phrase: str) -> None:
    assert read_time(phrase, SUNDAY) is None


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_time_is_taken_off_a_sentence(sentence: str) -> None:
    left, found = split_time(sentence, SUNDAY)
    assert found is not None
    assert (left, found.start) == (SENTENCES[sentence][0], berlin(SENTENCES[sentence][1]))


@pytest.mark.parametrize("sentence", WITHOUT_A_TIME.replace("\n", "|").split("|"))
def test_a_sentence_without_a_clear_time_stays_whole(sentence: str) -> None:
    assert split_time(sentence, SUNDAY) == (sentence, None)


def test_next_friday_is_that_of_the_next_week() -> None:
    monday = SUNDAY + timedelta(days=1)
    assert read_time("friday", monday) == SpokenTime(berlin("12-04 00:00"), all_day=True)
    assert read_time("next friday", monday) == SpokenTime(berlin("12-11 00:00"), all_day=True)


def test_a_bare_hour_in_the_night_is_one_of_the_coming_day() -> None:
    night = datetime(2026, 11, 29, 2, 0, tzinfo=BERLIN)
    assert read_time("at five", night) == SpokenTime(berlin("11-29 17:00"))
    assert read_time("at 5 am", night) == SpokenTime(berlin("11-29 05:00"))


def test_a_length_of_time_is_counted_over_a_change_of_the_clocks() -> None:
    before = datetime(2027, 3, 28, 1, 30, tzinfo=BERLIN)
    found = read_time("in an hour", before)
    assert found is not None
    assert (found.start.hour, found.start.timestamp()) == (3, before.timestamp() + 3600)


def test_a_time_of_day_stays_itself_over_a_change_of_the_clocks() -> None:
    found = read_time("tomorrow at 5 pm", datetime(2027, 3, 27, 17, 0, tzinfo=BERLIN))
    assert found is not None
    assert found.start.astimezone(UTC) == datetime(2027, 3, 28, 15, 0, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_is_an_hour_later() -> None:
    found = read_time("tomorrow at 2:30 am", datetime(2027, 3, 27, 17, 0, tzinfo=BERLIN))
    assert found is not None
    assert found.start.isoformat() == "2027-03-28T03:30:00+02:00"


_zones = st.sampled_from([BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")])
_minutes = st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)


@settings(max_examples=300)
@given(now=_minutes, away=st.integers(-400 * 1440, 400 * 1440), zone=_zones)
def test_what_is_said_is_read_back(now: datetime, away: int, zone: ZoneInfo) -> None:
    seen_from = now.replace(tzinfo=UTC).astimezone(zone)
    moment = (now.replace(tzinfo=UTC) + timedelta(minutes=away)).astimezone(zone)
    assert read_time(say_time(moment, seen_from), seen_from) == SpokenTime(moment)

    midnight = moment.replace(hour=0, minute=0, fold=0)
    assert read_time(say_time(midnight, seen_from, all_day=True), seen_from) == SpokenTime(midnight, all_day=True)


_WORDS = (
    *("at", "in", "on", "the", "a", "and", "half", "past", "quarter", "to", "from", "for", "until", "next", "this"),
    *("of", "by", "every", "hour", "minutes", "days", "week", "tomorrow", "today", "tonight", "morning", "noon"),
    *("friday", "december", "second", "third", "five", "twelve", "thirty", "9", "17:30", "31st", "2027", "pm", "oh"),
)


@settings(max_examples=300)
@given(words=st.lists(st.sampled_from(_WORDS), max_size=9).map(" ".join), now=_minutes)
def test_no_words_break_the_reading_and_a_moment_read_can_be_said(words: str, now: datetime) -> None:
    seen_from = now.replace(tzinfo=BERLIN)
    left, found = split_time(words, seen_from)
    if found is None:
        assert left == words
    else:
        assert found.end is None or found.end > found.start
        assert say_time(found.start, seen_from, found.all_day)
