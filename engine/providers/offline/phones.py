"""How alike two pronunciations are: what tells a spoken command from another sentence."""

from __future__ import annotations

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
