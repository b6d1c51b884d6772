"""Pronunciations in CMU phones, from the phonetic alphabet."""

from __future__ import annotations

import re

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
