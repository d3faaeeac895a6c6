"""Score an answer against the known answers, by kind of question. Pure functions.

Scores are from 0 to 1. Token F1 and normalisation follow SQuAD's (Rajpurkar et al., 2016): lower
case, no punctuation, no articles.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from minions.text.non_answer import says_nothing
from minions.text.numbers import numbers_by_sort, parse_amounts, parse_number
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from minions.evals.dataset import Example
    from minions.text.numbers import Sort

TOLERANCE = Decimal("0.01")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
# Marks inside a word, which are removed: 1,000; U.S.; it's.
_INSIDE = re.compile(r"(?<=\d),(?=\d{3})|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)|(?<=\w)['\u2019](?=\w)")
# Marks between words, which become blanks. The point of 3.5 stays, so that 5 is not found in it.
_APART = re.compile(r"(?<!\d)\.|\.(?!\d)|[^\w\s.]|_")
_ROWS = re.compile(r"[;\n]")
_SEPARATORS = re.compile(r",|\band\b")
# Words that introduce a list: "They are: ..."; "it is ...".
_LEAD = re.compile(
    r"\s*(?:[^,;:]{0,100}\b(?:are|is|were|was|includes?|following)\b[^,;:]{0,60}:(?=\s)"
    r"|(?:it|this|they|these|the (?:answers?|documents?|files?|items?)) (?:are|is|were|was)\b)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*(?:[-*\u2022]|\d{1,3}[.)])\s+")
_QUOTES = " \t\r\"'`[]"
_LABEL = re.compile(r"\W*(\w{1,3})\s*(?:[).:](?!\w)|$)")
_SUFFIX = re.compile(r"\.[a-z]\w{0,3}", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\w.,$\u20ac\u00a3-])[12]\d{3}(?![\w,]|\.\d)")
_NAME = re.compile(r"\b(?!USD|EUR|GBP)[^\W\d_]+\d+\b", re.IGNORECASE)  # names such as Q3 and F1
_YES = re.compile(r"\W*(yes|true|correct)\b", re.IGNORECASE)
_NO = re.compile(r"\W*(no|false|incorrect|not (true|correct))\b", re.IGNORECASE)
# For each sort of number that is asked for, the sorts that can answer it, the best first.
_ALIKE: Final[Mapping[Sort, tuple[Sort, ...]]] = {
    "money": ("money", "scaled"),
    "scaled": ("scaled", "money"),
    "share": ("share",),
    "point": ("point",),
    "whole": ("whole",),
}


class Score(Value):
    """The score of one answer."""

    value: float
    """From 0 to 1, by ``metric``."""

    metric: str
    exact: float = 0.0
    contains: float = 0.0
    f1: float = 0.0

    error: float | None = None
    """The absolute error of a number; None where no number was given, or none was asked for."""


def score(example: Example, answer: str | None) -> Score:
    """Score an answer.

    None is an abstention, and so are words that say that nothing is known. An abstention is right
    where the question cannot be answered, and scores 0 elsewhere.
    """
    if example.unanswerable:
        right = float(answer is None or says_nothing(answer))  # by all metrics, as in SQuAD 2.0
        return Score(value=right, metric="abstention", exact=right, contains=right, f1=right)
    if answer is None or abstains(example, answer):
        return Score(value=0.0, metric="abstained")
    contained = _best(contains, answer, example.answers)
    f1 = _best(token_f1, answer, example.answers)
    value, metric = _headline(example, answer, contained=contained, f1=f1)
    return Score(
        value=value,
        metric=metric,
        exact=_best(exact, answer, example.answers),
        contains=contained,
        f1=f1,
        error=_number_error(example, answer),
    )


def abstains(example: Example, answer: str) -> bool:
    """True where an answer says that nothing is known, and no known answer or choice does."""
    if any(map(says_nothing, (*example.answers, *example.choices))):
        return False
    return says_nothing(answer)


def _best(metric: Callable[[str, str], float], answer: str, forms: Iterable[str]) -> float:
    """The score by the accepted form that agrees best; 0 if there is no form."""
    scores = [float(metric(answer, form)) for form in forms]
    return max(scores, default=0.0)


def _headline(example: Example, answer: str, *, contained: float, f1: float) -> tuple[float, str]:
    """The value and the name of the metric that suits the kind of the question."""
    forms = example.answers
    match example.kind:
        case "numeric":
            metric = "number"
            value = _best(same_number, answer, forms)
        case "count":
            metric = "number"
            value = _best(partial(same_number, tolerance=Decimal(0)), answer, forms)
        case "yesno":
            metric = "yes or no"
            value = _best(same_verdict, answer, forms)
        case "multiple_choice":
            metric = "choice"
            value = float(same_choice(answer, forms, example.choices))
        case "list":
            metric = "set F1"
            value = set_f1(items(answer, forms), forms)
        case "abstractive":
            shares = [figures_found(answer, form) for form in forms]
            known = [share for share in shares if share is not None]
            metric = "figures" if known else "token F1"
            value = max(known, default=f1)
        case "extractive":
            names = [PurePath(form).stem for form in forms if form in example.documents]
            metric = "contains or token F1"
            value = max(contained, f1, _best(contains, answer, names))
    return value, metric


def normalised(text: str) -> str:
    """SQuAD's normal form, except that hyphens and dashes divide words.

    A text that consists of punctuation or articles alone keeps them.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    joined = _INSIDE.sub("", folded)
    spaced = _APART.sub(" ", joined)
    words = _ARTICLES.sub(" ", spaced).split()
    return " ".join(words or folded.split())


def exact(answer: str, truth: str) -> bool:
    """True where both texts are the same once normalised."""
    return normalised(answer) == normalised(truth)


def contains(answer: str, truth: str) -> bool:
    """True where the answer holds the truth, word for word once normalised."""
    wanted = normalised(truth)
    return bool(wanted) and f" {wanted} " in f" {normalised(answer)} "


def token_f1(answer: str, truth: str) -> float:
    """The F1 score over words: the harmonic mean of precision and recall (SQuAD)."""
    given = normalised(answer).split()
    wanted = normalised(truth).split()
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


def same_number(answer: str, truth: str, *, tolerance: Decimal = TOLERANCE) -> bool:
    """True where the answer's number is the wanted one within a relative tolerance.

    The notation does not matter: "$4.2 billion" is 4,200 million. A whole number without a unit,
    such as a year or a count, must be exact.
    """
    given = _number(answer, truth)
    wanted = parse_number(truth)
    if given is None or wanted is None:
        return False
    if not parse_amounts(truth):
        return given == wanted
    return _close(given, wanted, tolerance)


def _number(answer: str, truth: str) -> Decimal | None:
    """The number that a sentence gives as its answer; None where it has none.

    It is the first number of the same sort as the truth's number, else the first number. Years and
    names such as Q3 are skipped, except where a year is wanted, which then comes before days.
    """
    if _YEAR.fullmatch(truth.strip()):
        year = _YEAR.search(answer)
        return parse_number(year[0] if year else answer)
    without_names = _NAME.sub(" ", answer)
    numbers = numbers_by_sort(_YEAR.sub(" ", without_names))
    wanted = parse_number(truth)
    sorts: tuple[Sort, ...] = ()
    for sort, number in numbers_by_sort(truth):
        if number == wanted:
            sorts = _ALIKE[sort]
            break
    for wanted_sort in sorts:
        for sort, number in numbers:
            if sort == wanted_sort:
                return number
    number_or_year = parse_number(without_names)
    if number_or_year is not None:
        return number_or_year
    return parse_number(answer)


def figures_found(answer: str, truth: str, *, tolerance: Decimal = TOLERANCE) -> float | None:
    """The share of the truth's amounts that the answer holds; None where the truth has no amounts.

    Amounts are money, percentages, numbers with a scale, and decimals.
    """
    wanted = parse_amounts(truth)
    if not wanted:
        return None
    given = parse_amounts(answer)
    found = 0
    for amount in wanted:
        if any(_close(number, amount, tolerance) for number in given):
            found += 1
    return found / len(wanted)


def same_verdict(answer: str, truth: str) -> bool:
    """True where both begin with yes, or both with no."""
    given = _verdict(answer)
    return given is not None and given == _verdict(truth)


def same_choice(answer: str, truths: Iterable[str], choices: tuple[str, ...]) -> bool:
    """True where the answer means one of the true choices, by text, letter or number."""
    return _choice(answer, choices) in {_choice(truth, choices) for truth in truths}


def chosen(answer: str, choices: tuple[str, ...]) -> str:
    """The text of the choice that an answer means; the answer itself where it means no choice."""
    place = _choice(answer, choices)
    if isinstance(place, int):
        return choices[place]
    return answer


def items(answer: str, known: Iterable[str] = ()) -> list[str]:
    """The items of a list in words.

    Lines and semicolons divide items; in a single line, commas and "and" do. Words that introduce
    the items are left out, and a ``known`` item is never divided.
    """
    rows = [_BULLET.sub("", row, count=1) for row in _ROWS.split(answer) if row.strip()]
    if len(rows) > 1 and rows[0].rstrip().endswith(":"):
        del rows[0]
    listed = rows
    if len(rows) == 1:
        listed = _divided(rows[0], tuple(known))
    bare = [item.lstrip(_QUOTES).rstrip(_QUOTES + ".") for item in listed]
    return [item for item in bare if item]


def _divided(row: str, known: tuple[str, ...]) -> list[str]:
    """The parts of a row between commas and "and", except those inside a known item.

    An introduction such as "They are:" is left out, unless a known item begins with these words.
    """
    lead = _LEAD.match(row)
    if lead is not None:
        words = normalised(lead[0])
        if not any(normalised(item).startswith(words) for item in known):
            row = row[lead.end() :]
    whole = [item for item in known if _SEPARATORS.search(item)]
    whole.sort(key=len, reverse=True)
    alternatives = [rf"(?<!\w){re.escape(item)}(?!\w)" for item in whole]
    alternatives.append(rf"(?P<apart>{_SEPARATORS.pattern})")
    parts = []
    start = 0
    for found in re.finditer("|".join(alternatives), row, re.IGNORECASE):
        if found["apart"]:
            parts.append(row[start : found.start()])
            start = found.end()
    parts.append(row[start:])
    return parts


def set_f1(given: Iterable[str], wanted: Iterable[str]) -> float:
    """The F1 score over items: the harmonic mean of precision and recall.

    A file name counts with and without its suffix.
    """
    given_items = {_item(item) for item in given}
    wanted_items = {_item(item) for item in wanted}
    if not given_items or not wanted_items:
        return float(given_items == wanted_items)
    return 2 * len(given_items & wanted_items) / (len(given_items) + len(wanted_items))


def _item(text: str) -> str:
    path = PurePath(text.strip())
    if _SUFFIX.fullmatch(path.suffix):
        return normalised(path.stem)
    return normalised(text)


def _close(given: Decimal, wanted: Decimal, tolerance: Decimal) -> bool:
    return abs(given - wanted) <= abs(wanted) * tolerance


def _verdict(text: str) -> bool | None:
    """True for yes, False for no; None for a text that begins with neither."""
    if _YES.match(text):
        return True
    if _NO.match(text):
        return False
    return None


def _choice(text: str, choices: tuple[str, ...]) -> str | int:
    """The place of the choice that a text means; the normalised text where it means no choice.

    A text means a choice that it repeats; else one whose letter ("B", "(b)") or number (from 1) it
    gives, alone or before more words ("B. Paris"); else the only choice whose words it holds.
    """
    words = normalised(text)
    known = [normalised(choice) for choice in choices]
    if words in known:
        return known.index(words)
    label = _LABEL.match(text)
    if label is not None:
        for place in range(len(choices)):
            if label[1].casefold() in {chr(ord("a") + place), str(place + 1)}:
                return place
    named = [place for place, choice in enumerate(known) if f" {choice} " in f" {words} "]
    if len(named) == 1:
        return named[0]
    return words


def _number_error(example: Example, answer: str) -> float | None:
    """The distance of the answer's number to the nearest known one; None for other kinds."""
    if example.kind not in {"numeric", "count"}:
        return None
    errors = []
    for form in example.answers:
        given = _number(answer, form)
        truth = parse_number(form)
        if given is not None and truth is not None:
            errors.append(abs(given - truth))
    if not errors:
        return None
    return float(min(errors))
