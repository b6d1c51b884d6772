"""Numbers as people say them, written as digits: "twenty five" is "25", "the twenty third" is "the 23rd".

Made for phrases of time, where numbers stand next to each other ("five thirty" is "5 30", "six oh five" is "6 05").
"""

from __future__ import annotations

_SMALL = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "eleventh": 11,
    "twelfth": 12,
    "thirteenth": 13,
    "fourteenth": 14,
    "fifteenth": 15,
    "sixteenth": 16,
    "seventeenth": 17,
    "eighteenth": 18,
    "nineteenth": 19,
    "twentieth": 20,
    "thirtieth": 30,
}


def numbers_as_digits(words: list[str]) -> list[str]:
    """Lower-case `words` with each spoken number as one word of digits ("25", "23rd"); other words stay.

    Numbers up to 9,999 are read. "second" is always taken for an ordinal ("2nd").
    """
    written: list[str] = []
    at = 0
    while at < len(words):
        text, after = _number(words, at)
        if written and written[-1].isdigit() and words[at] in ("oh", "o") and words[at + 1 : at + 2]:
            digit = _SMALL.get(words[at + 1], 10)
            if digit < 10:
                text, after = f"0{digit}", at + 2
        written.append(text)
        at = after
    return written


def ordinal(number: int) -> str:
    """The number with its ending: "3rd", "11th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number // 10 % 10 == 1 else ending}"


def _number(words: list[str], at: int) -> tuple[str, int]:
    """The number that begins at `at`, or the word itself, and where the next begins."""
    if words[at] == "a" and words[at + 1 : at + 2] in (["hundred"], ["thousand"]):
        words = [*words[:at], "one", *words[at + 1 :]]
    small, after = _below_hundred(words, at)
    if small is None or small.endswith(("st", "nd", "rd", "th")):
        return small or words[at], after
    value = int(small)
    for word, size in (("thousand", 1_000), ("hundred", 100)):
        if words[after : after + 1] == [word] and 0 < value < 10:
            value, after = value * size, after + 1
            rest_at = after + 1 if words[after : after + 1] == ["and"] else after
            rest, rest_after = _below_hundred(words, rest_at) if rest_at < len(words) else (None, rest_at)
            if rest is not None and rest.isdigit() and 0 < int(rest) < 100:
                value, after = value + int(rest), rest_after
            return str(value), after
    return small, after


def _below_hundred(words: list[str], at: int) -> tuple[str | None, int]:
    word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
    if word in _TENS:
        if 0 < _SMALL.get(following, 0) < 10:
            return str(_TENS[word] + _SMALL[following]), at + 2
        if _ORDINALS.get(following, 10) < 10:
            return ordinal(_TENS[word] + _ORDINALS[following]), at + 2
        return str(_TENS[word]), at + 1
    if word in _SMALL:
        return str(_SMALL[word]), at + 1
    if word in _ORDINALS:
        return ordinal(_ORDINALS[word]), at + 1
    return (word if word.isdigit() else None), at + 1
