"""People and organisations: an optional model's findings as spans, and nothing where there is no model."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from minions.errors import ConfigError
from minions.redaction.detector import detector
from minions.redaction.detectors import people

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALLED = importlib.util.find_spec("presidio_analyzer") is not None


@dataclass
class _Result:
    entity_type: str
    start: int
    end: int


class _Analyzer:
    """Finds the words it is given; keeps what it was asked."""

    def __init__(self, **names: str) -> None:
        self.names = names
        self.asked: list[tuple[str, str, list[str]]] = []

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[people.Result]:
        self.asked.append((text, language, entities))
        kinds = {name.replace("_", " "): kind for name, kind in self.names.items()}
        return [
            _Result(kind, text.index(name), text.index(name) + len(name))
            for name, kind in kinds.items()
            if name in text
        ]


def _found(text: str, analyzer: _Analyzer) -> list[tuple[str, str]]:
    detect = detector(people=people.detector_of(analyzer, "en"))
    return [(value.kind, text[value.start : value.end]) for value in detect(text)]


def test_names_become_values_of_our_kinds() -> None:
    """Presidio's names of kinds are not ours; other kinds than the two asked for are not taken."""
    analyzer = _Analyzer(Anna_Berg="PERSON", Acme="ORGANIZATION", London="LOCATION")
    assert _found("Anna Berg of Acme in London", analyzer) == [
        ("PERSON", "Anna Berg"),
        ("ORGANISATION", "Acme"),
    ]
    assert analyzer.asked == [("Anna Berg of Acme in London", "en", ["PERSON", "ORGANIZATION"])]


def test_marks_and_line_breaks_are_no_part_of_a_name() -> None:
    """The same person gets the same placeholder, whatever stands beside the name."""

    class Greedy(_Analyzer):
        def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[people.Result]:
            return [_Result("PERSON", 0, len(text))]

    assert _found('"Anna Berg",\nTom / --', Greedy()) == [
        ("PERSON", "Anna Berg"),
        ("PERSON", "Tom"),
    ]


def test_a_name_is_of_one_kind_throughout_a_text() -> None:
    """A company that a model takes for a person once has one placeholder, not two."""

    class Wavering(_Analyzer):
        def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[people.Result]:
            kinds = ["ORGANIZATION", "PERSON", "ORGANIZATION"]
            return [
                _Result(kind, place, place + 4)
                for kind, place in zip(kinds, (0, 5, 10), strict=True)
            ]

    assert {kind for kind, _ in _found("Acme Acme Acme", Wavering())} == {"ORGANISATION"}


def test_a_long_text_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that refuses a million characters is given fewer at a time, cut between words."""
    monkeypatch.setattr(people, "_PIECE", 12)
    analyzer = _Analyzer(Anna="PERSON")
    text = "one two three Anna four Anna"
    assert _found(text, analyzer) == [("PERSON", "Anna"), ("PERSON", "Anna")]
    assert "".join(piece for piece, _, _ in analyzer.asked) == text
    assert all(len(piece) <= 12 for piece, _, _ in analyzer.asked)


def test_a_text_without_spaces_is_cut_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """One endless word ends too."""
    monkeypatch.setattr(people, "_PIECE", 5)
    analyzer = _Analyzer()
    assert _found("x" * 17, analyzer) == []
    assert [len(piece) for piece, _, _ in analyzer.asked] == [5, 5, 5, 2]


def test_without_presidio_there_is_no_detector_unless_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run goes on without names redacted, or says what to install, as the user asked."""
    monkeypatch.setattr("minions.redaction.detectors.people.find_spec", lambda _: None)
    assert people.people_detector() is None
    with pytest.raises(ConfigError, match="presidio_analyzer and spacy are missing") as caught:
        people.people_detector(required=True)
    assert "local-minions[people]" in str(caught.value.hint)


def test_without_a_language_model_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presidio fetches a model that it misses; it is not asked where none is installed."""
    monkeypatch.setattr("minions.redaction.detectors.people.find_spec", lambda _: object())
    monkeypatch.setattr(people, "_installed_model", lambda: None)
    assert people.people_detector() is None
    with pytest.raises(ConfigError, match="no language model"):
        people.people_detector(required=True)


def test_a_model_that_does_not_load_is_a_setting_gone_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broken model ends the run; no name is sent because of it."""

    def broken(model: str, language: str) -> Any:
        raise OSError(model)

    monkeypatch.setattr("minions.redaction.detectors.people.find_spec", lambda _: object())
    monkeypatch.setattr(people, "_installed_model", lambda: "en_core_web_sm")
    monkeypatch.setattr(people, "_analyzer", broken)
    with pytest.raises(ConfigError, match="en_core_web_sm cannot be loaded"):
        people.people_detector()


@pytest.mark.skipif(not INSTALLED, reason="needs the people extra")
@pytest.mark.filterwarnings("ignore")
def test_presidio_reads_a_model_of_spacys(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real analyzer, over a model of rules made here, finds what the rules name."""
    spacy = pytest.importorskip("spacy")
    model = spacy.blank("en")
    ruler = model.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "PERSON", "pattern": "Anna Berg"}, {"label": "ORG", "pattern": "Acme"}]
    )
    model.to_disk(tmp_path / "en_rules")
    monkeypatch.setattr(people, "_installed_model", lambda: str(tmp_path / "en_rules"))
    detect = people.detector_of(people._analyzer(str(tmp_path / "en_rules"), "en"), "en")
    text = "Anna Berg left Acme."
    assert [(value.kind, text[value.start : value.end]) for value in detect(text)] == [
        ("PERSON", "Anna Berg"),
        ("ORGANISATION", "Acme"),
    ]
