"""How well an answer agrees with the known one, by kind of question. Pure functions; every score is in [0, 1].

Token F1 and normalisation are SQuAD's (Rajpurkar et al., 2016): lower case, no punctuation, no articles.
"""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.evidence.numbers import parse_amounts, parse_number
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minions.evals.dataset import Example

TOLERANCE = Decimal("0.01")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_APART = re.compile(r"[^\w\s]|_")
_SEPARATORS = re.compile(r"[,;\n]|\band\b")
_YES = re.compile(r"\s*(yes|true|correct)\b", re.IGNORECASE)
_NO = re.compile(r"\s*(no|not|false|incorrect)\b", re.IGNORECASE)


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
    """Score an answer; None is an abstention, right only where nothing can be answered."""
    if example.unanswerable:
        return Score(value=float(answer is None), metric="abstention")
    if answer is None:
        return Score(value=0.0, metric="abstained")
    forms = example.answers
    texts = {
        "exact": max((float(exact(answer, form)) for form in forms), default=0.0),
        "contains": max((float(contains(answer, form)) for form in forms), default=0.0),
        "f1": max((token_f1(answer, form) for form in forms), default=0.0),
    }
    value, metric = _headline(example, answer, texts)
    return Score(value=value, metric=metric, error=_count_error(example, answer), **texts)


def _headline(example: Example, answer: str, texts: dict[str, float]) -> tuple[float, str]:
    match example.kind:
        case "numeric" | "count":
            return max(float(same_number(answer, form)) for form in example.answers), "number"
        case "yesno":
            return max(float(same_verdict(answer, form)) for form in example.answers), "yes or no"
        case "multiple_choice":
            return float(same_choice(answer, example.answers, example.choices)), "choice"
        case "list":
            return set_f1(items(answer), example.answers), "set F1"
        case "abstractive":
            shares = [share for form in example.answers if (share := figures_found(answer, form)) is not None]
            return (max(shares), "figures") if shares else (texts["f1"], "token F1")
        case "extractive":
            return max(texts["contains"], texts["f1"]), "contains or token F1"


def normalised(text: str) -> str:
    """SQuAD's normal form."""
    return " ".join(_ARTICLES.sub(" ", _APART.sub(" ", text.casefold())).split())


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
    given, wanted = parse_number(answer), parse_number(truth)
    if given is None or wanted is None:
        return False
    return _close(given, wanted, tolerance, is_amount=bool(parse_amounts(truth)))


def figures_found(answer: str, truth: str, *, tolerance: Decimal = TOLERANCE) -> float | None:
    """The share of the truth's amounts (money, percentages, scales, decimals) that stand in the answer; None when the
    truth has none.
    """
    wanted = parse_amounts(truth)
    if not wanted:
        return None
    given = parse_amounts(answer)
    found = sum(any(_close(one, amount, tolerance, is_amount=True) for one in given) for amount in wanted)
    return found / len(wanted)


def same_verdict(answer: str, truth: str) -> bool:
    """Whether both say yes, or both no; what begins with neither is neither."""
    given, wanted = _verdict(answer), _verdict(truth)
    return given is not None and given == wanted


def same_choice(answer: str, truths: Iterable[str], choices: tuple[str, ...]) -> bool:
    """Whether the answer means one of the true choices: by its text, or by its letter or number alone."""
    meant = {normalised(truth) for truth in truths} | {normalised(_choice(truth, choices)) for truth in truths}
    return normalised(answer) in meant or normalised(_choice(answer, choices)) in meant


def items(answer: str) -> list[str]:
    """The items of a list in words."""
    return [item.strip() for item in _SEPARATORS.split(answer) if item.strip()]


def set_f1(given: Iterable[str], wanted: Iterable[str]) -> float:
    """Harmonic mean of precision and recall over the items; a file name counts with and without its suffix."""
    ours, theirs = {_item(one) for one in given}, {_item(one) for one in wanted}
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def _item(text: str) -> str:
    path = PurePath(text.strip())
    return normalised(path.stem if path.suffix and " " not in path.name else text)


def _close(given: Decimal, wanted: Decimal, tolerance: Decimal, *, is_amount: bool) -> bool:
    return abs(given - wanted) <= (abs(wanted) * tolerance if is_amount else 0)


def _verdict(text: str) -> bool | None:
    return True if _YES.match(text) else False if _NO.match(text) else None


def _choice(text: str, choices: tuple[str, ...]) -> str:
    """The choice that a letter ("B", "(b)", "B.") or number (from 1) stands for; the text itself otherwise."""
    label = text.strip().strip("().: ").casefold()
    for number, choice in enumerate(choices):
        if label in {chr(ord("a") + number), str(number + 1)}:
            return choice
    return text


def _count_error(example: Example, answer: str) -> float | None:
    if example.kind not in {"numeric", "count"}:
        return None
    given = parse_number(answer)
    errors = [
        abs(given - truth)
        for form in example.answers
        if given is not None and (truth := parse_number(form)) is not None
    ]
    return float(min(errors)) if errors else None
