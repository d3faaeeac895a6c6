"""How well an answer agrees with the known one, by kind of question. Pure functions; every score is in [0, 1].

Token F1 and normalisation follow SQuAD's (Rajpurkar et al., 2016): lower case, no punctuation, no articles.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from minions.text.non_answer import says_nothing
from minions.text.numbers import numbers_by_sort, parse_amounts, parse_number
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minions.evals.dataset import Example
    from minions.text.numbers import Sort

TOLERANCE = Decimal("0.01")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_INSIDE = re.compile(
    r"(?<=\d),(?=\d{3})|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)|(?<=\w)['\u2019](?=\w)"
)  # 1,000; U.S.; it's
_APART = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w\s.]|_")  # the point of 3.5 stays: it is not 5
_ROWS = re.compile(r"[;\n]")
_SEPARATORS = re.compile(r",|\band\b")
_LEAD = re.compile(
    r"\s*(?:[^,;:]{0,100}\b(?:are|is|were|was|includes?|following)\b[^,;:]{0,60}:(?=\s)"
    r"|(?:it|this|they|these|the (?:answers?|documents?|files?|items?)) (?:are|is|were|was)\b)",
    re.IGNORECASE,
)  # They are: ...; it is ...
_BULLET = re.compile(r"\s*(?:[-*\u2022]|\d{1,3}[.)])\s+")
_QUOTES = " \t\r\"'`[]"
_LABEL = re.compile(r"\W*(\w{1,3})\s*(?:[).:](?!\w)|$)")
_SUFFIX = re.compile(r"\.[a-z]\w{0,3}", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\w.,$\u20ac\u00a3-])[12]\d{3}(?![\w,]|\.\d)")
_NAME = re.compile(r"\b(?!USD|EUR|GBP)[^\W\d_]+\d+\b", re.IGNORECASE)  # Q3; F1
_YES = re.compile(r"\W*(yes|true|correct)\b", re.IGNORECASE)
_NO = re.compile(r"\W*(no|false|incorrect|not (true|correct))\b", re.IGNORECASE)
_ALIKE: Final[Mapping[Sort, tuple[Sort, ...]]] = {
    "money": ("money", "scaled"),
    "scaled": ("scaled", "money"),
    "share": ("share",),
    "point": ("point",),
    "whole": ("whole",),
}


class Score(Value):
    """How well a question was answered: ``value`` in [0, 1] by ``metric``, and the other metrics that apply.

    ``error`` is the absolute error of a count; None where no number was given or none is due.
    """

    value: float
    metric: str
    exact: float = 0.0
    contains: float = 0.0
    f1: float = 0.0
    error: float | None = None


def score(example: Example, answer: str | None) -> Score:
    """Score an answer; None is an abstention, as are words that say so: right where nothing can be answered."""
    if example.unanswerable:
        right = float(answer is None or says_nothing(answer))  # by all metrics, as in SQuAD 2.0
        return Score(value=right, metric="abstention", exact=right, contains=right, f1=right)
    if answer is None or abstains(example, answer):
        return Score(value=0.0, metric="abstained")
    forms = example.answers
    texts = {
        "exact": max((float(exact(answer, form)) for form in forms), default=0.0),
        "contains": max((float(contains(answer, form)) for form in forms), default=0.0),
        "f1": max((token_f1(answer, form) for form in forms), default=0.0),
    }
    value, metric = _headline(example, answer, texts)
    return Score(value=value, metric=metric, error=_count_error(example, answer), **texts)


def abstains(example: Example, answer: str) -> bool:
    """Whether an answer says in words that there is none, where no such words are among the known ones."""
    return says_nothing(answer) and not any(map(says_nothing, (*example.answers, *example.choices)))


def _headline(example: Example, answer: str, texts: dict[str, float]) -> tuple[float, str]:
    match example.kind:
        case "numeric" | "count":
            tolerance = TOLERANCE if example.kind == "numeric" else Decimal(0)
            return max(
                float(same_number(answer, form, tolerance=tolerance)) for form in example.answers
            ), "number"
        case "yesno":
            return max(float(same_verdict(answer, form)) for form in example.answers), "yes or no"
        case "multiple_choice":
            return float(same_choice(answer, example.answers, example.choices)), "choice"
        case "list":
            return set_f1(items(answer, example.answers), example.answers), "set F1"
        case "abstractive":
            shares = [
                share
                for form in example.answers
                if (share := figures_found(answer, form)) is not None
            ]
            return (max(shares), "figures") if shares else (texts["f1"], "token F1")
        case "extractive":
            names = [PurePath(form).stem for form in example.answers if form in example.documents]
            named = max((float(contains(answer, name)) for name in names), default=0.0)
            return max(texts["contains"], texts["f1"], named), "contains or token F1"


def normalised(text: str) -> str:
    """SQuAD's normal form, but that hyphens and dashes divide words; what has no words is left as it is."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _ARTICLES.sub(" ", _APART.sub(" ", _INSIDE.sub("", folded))).split()
    return " ".join(words or folded.split())


def exact(answer: str, truth: str) -> bool:
    """Whether they are the same once normalised."""
    return normalised(answer) == normalised(truth)


def contains(answer: str, truth: str) -> bool:
    """Whether the truth stands in the answer, word for word once normalised."""
    wanted = normalised(truth)
    return bool(wanted) and f" {wanted} " in f" {normalised(answer)} "


def token_f1(answer: str, truth: str) -> float:
    """Harmonic mean of the shares of words that they have in common."""
    given, wanted = normalised(answer).split(), normalised(truth).split()
    common = (Counter(given) & Counter(wanted)).total()
    if not given or not wanted:
        return float(given == wanted)
    return 2 * common / (len(given) + len(wanted))


def same_number(answer: str, truth: str, *, tolerance: Decimal = TOLERANCE) -> bool:
    """Whether a number is the wanted one within a relative tolerance, however it is written ("$4.2 billion" is 4,200
    million). A whole number without a unit, such as a year or a count, must be exact.
    """
    given, wanted = _number(answer, truth), parse_number(truth)
    if given is None or wanted is None:
        return False
    return _close(given, wanted, tolerance, is_amount=bool(parse_amounts(truth)))


def _number(answer: str, truth: str) -> Decimal | None:
    """The number that answers: the first of the truth's own sort, else the first at all. Years and names such as Q3 are
    passed over, unless a year is wanted, and then it comes before days.
    """
    if _YEAR.fullmatch(truth.strip()):
        year = _YEAR.search(answer)
        return parse_number(year[0] if year else answer)
    told, wanted = _NAME.sub(" ", answer), parse_number(truth)
    given = numbers_by_sort(_YEAR.sub(" ", told))
    for sort in next(
        (_ALIKE[sort] for sort, number in numbers_by_sort(truth) if number == wanted), ()
    ):
        if (first := next((number for kind, number in given if kind == sort), None)) is not None:
            return first
    return parse_number(answer) if (number := parse_number(told)) is None else number


def figures_found(answer: str, truth: str, *, tolerance: Decimal = TOLERANCE) -> float | None:
    """The share of the truth's amounts (money, percentages, scales, decimals) that stand in the answer; None when the
    truth has none.
    """
    wanted = parse_amounts(truth)
    if not wanted:
        return None
    given = parse_amounts(answer)
    found = sum(
        any(_close(one, amount, tolerance, is_amount=True) for one in given) for amount in wanted
    )
    return found / len(wanted)


def same_verdict(answer: str, truth: str) -> bool:
    """Whether both say yes, or both no; what begins with neither is neither."""
    given, wanted = _verdict(answer), _verdict(truth)
    return given is not None and given == wanted


def same_choice(answer: str, truths: Iterable[str], choices: tuple[str, ...]) -> bool:
    """Whether the answer means one of the true choices: by its text, by its letter or number, or by both."""
    return _choice(answer, choices) in {_choice(truth, choices) for truth in truths}


def chosen(answer: str, choices: tuple[str, ...]) -> str:
    """The text of the choice that an answer means; the answer itself where it means none."""
    place = _choice(answer, choices)
    return choices[place] if isinstance(place, int) else answer


def items(answer: str, known: Iterable[str] = ()) -> list[str]:
    """The items of a list in words: its lines or what stands between semicolons, else between commas. Words that lead
    to them are none, and a ``known`` item is never divided.
    """
    rows = [_BULLET.sub("", row, count=1) for row in _ROWS.split(answer) if row.strip()]
    if len(rows) > 1 and rows[0].rstrip().endswith(":"):
        del rows[0]
    listed = (
        rows if len(rows) > 1 else [item for row in rows for item in _divided(row, tuple(known))]
    )
    return [bare for item in listed if (bare := item.lstrip(_QUOTES).rstrip(_QUOTES + "."))]


def _divided(row: str, known: tuple[str, ...]) -> list[str]:
    """What stands between the separators of a row that are not a known item's own."""
    lead = _LEAD.match(row)
    if lead is not None and not any(
        normalised(one).startswith(normalised(lead[0])) for one in known
    ):
        row = row[lead.end() :]
    whole = sorted((one for one in known if _SEPARATORS.search(one)), key=len, reverse=True)
    either = "|".join(
        [
            *(rf"(?<!\w){re.escape(one)}(?!\w)" for one in whole),
            rf"(?P<apart>{_SEPARATORS.pattern})",
        ]
    )
    divided, start = [], 0
    for found in re.finditer(either, row, re.IGNORECASE):
        if found["apart"]:
            divided.append(row[start : found.start()])
            start = found.end()
    return [*divided, row[start:]]


def set_f1(given: Iterable[str], wanted: Iterable[str]) -> float:
    """Harmonic mean of precision and recall over the items; a file name counts with and without its suffix."""
    ours, theirs = {_item(one) for one in given}, {_item(one) for one in wanted}
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def _item(text: str) -> str:
    path = PurePath(text.strip())
    return normalised(path.stem if _SUFFIX.fullmatch(path.suffix) else text)


def _close(given: Decimal, wanted: Decimal, tolerance: Decimal, *, is_amount: bool) -> bool:
    return abs(given - wanted) <= (abs(wanted) * tolerance if is_amount else 0)


def _verdict(text: str) -> bool | None:
    return True if _YES.match(text) else False if _NO.match(text) else None


def _choice(text: str, choices: tuple[str, ...]) -> str | int:
    """The place of the choice that a text means; the normalised text where it means none.

    It is the choice itself; or its letter ("B", "(b)") or number (from 1), alone or before more ("B. Paris"); or the
    only choice whose words stand in it.
    """
    words, known = normalised(text), [normalised(choice) for choice in choices]
    if words in known:
        return known.index(words)
    label = _LABEL.match(text)
    for place in range(len(choices)):
        if label is not None and label[1].casefold() in {chr(ord("a") + place), str(place + 1)}:
            return place
    named = [place for place, choice in enumerate(known) if f" {choice} " in f" {words} "]
    return named[0] if len(named) == 1 else words


def _count_error(example: Example, answer: str) -> float | None:
    if example.kind not in {"numeric", "count"}:
        return None
    errors = [
        abs(given - truth)
        for form in example.answers
        if (given := _number(answer, form)) is not None
        and (truth := parse_number(form)) is not None
    ]
    return float(min(errors)) if errors else None
