"""Pronunciations in CMU phones: how alike two are, and what an IPA one is in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_GAP_COST = 0.7
_SAME_KIND_COST = 0.4
_KINDS = (
    "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    "P B T D K G",
    "M N NG",
    "S Z SH ZH F V TH DH CH JH HH",
    "L R W Y",
)
_KIND = {phone: kind for kind, phones in enumerate(_KINDS) for phone in phones.split()}

# Longest first where one begins another.
_FROM_IPA = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "əl": "AH L",
    "ɜː": "ER", "ɑː": "AA", "ɔː": "AO", "iː": "IY", "uː": "UW", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɛ": "EH", "e": "EH",
    "æ": "AE", "a": "AE", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "ʌ": "AH", "ə": "AH",
    "ɐ": "AH", "ɚ": "ER", "ɜ": "ER", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "f": "F", "v": "V",
    "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "x": "HH", "m": "M", "n": "N",
    "ŋ": "NG", "l": "L", "ɫ": "L", "ɹ": "R", "r": "R", "w": "W", "j": "Y", "ɾ": "T", "ʔ": "T",
}  # fmt: skip
_IPA_SOUND = re.compile("|".join(_FROM_IPA))


def cmu_phones(ipa: str) -> str:
    """An English pronunciation in the phonetic alphabet as CMU phones; stress and unknown signs are left out."""
    return " ".join(_FROM_IPA[sound] for sound in _IPA_SOUND.findall(ipa))


def phone_distance(one: Sequence[str], other: Sequence[str]) -> float:
    """How different two pronunciations are: 0 the same, 1 at most; phones of one kind differ less.

    An edit distance over CMU phones, divided by the longer length.
    """
    row = [_GAP_COST * column for column in range(len(other) + 1)]
    for phone in one:
        above, row = row, [row[0] + _GAP_COST]
        for column, match in enumerate(other):
            kind = _SAME_KIND_COST if _KIND.get(phone) == _KIND.get(match) else 1.0
            changed = above[column] + (0.0 if phone == match else kind)
            row.append(min(changed, above[column + 1] + _GAP_COST, row[-1] + _GAP_COST))
    return row[-1] / max(len(one), len(other), 1)
