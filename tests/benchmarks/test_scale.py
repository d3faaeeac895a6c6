"""A large corpus: how long the index takes, what search takes, and how much memory each command needs.

``MINIONS_BENCH_FILES`` (100,000 by default, about 10 KB each: 1 GB) sets the size. The files are made up, the same
every time, and removed at the end; with their index they take four gigabytes of the temporary folder's disk.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from minions.corpus.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minions.corpus.port import Corpus

    Searches = dict[str, list[float]]

pytestmark = pytest.mark.benchmark
FILES: Final = int(os.environ.get("MINIONS_BENCH_FILES", "100000"))
MAX_MIB, MAX_SEARCH_MS, MAX_AGAIN_S = 381, 50, 30  # 400 MB
WORDS, SENTENCES, SENTENCES_A_FILE, FILES_A_FOLDER, FILES_A_NEEDLE = 40_000, 30_000, 105, 1000, 500
SEED = 20261124
LITTLE_WORDS: Final = (
    "the of and to in a is that for it was on are as with they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so"
)
SYLLABLES: Final = (
    "ba cor den el fi gra hu in jo ka lim mo nas or pel qui ra sto tu ver wi xa yor zen"
)
TASK: Final = {
    "instruction": "Find the keeper.",
    "search": ["keeper of lighthouse 0000"],
    "documents": ["000/*", "d1"],
}
ANSWER: Final = {"answer": "Ada0000", "findings": ["f1"], "confidence": 0.9, "tasks": []}
RULES: Final = {
    "planner.json": [
        {"contains": "You plan how", "reply": {"tasks": [TASK]}},
        {"contains": "Answer the question", "reply": ANSWER},
    ],
    "worker.json": [
        {"first_token": {"yes": -0.1, "no": -3.0}},
        {"reply": {"lines": [1], "answer": "Ada0000"}},
    ],
}


class Language:
    """Made-up sentences whose words are as unevenly frequent as real ones (Zipf)."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)  # noqa: S311 - made-up text, not a secret
        syllables = SYLLABLES.split()
        # Frequent words are short, as in real texts.
        lengths = (2 + (rank > 300) + (rank > 8000) for rank in range(3 * WORDS))
        made = dict.fromkeys(
            "".join(self.random.choices(syllables, k=length)) for length in lengths
        )
        self.words = [*LITTLE_WORDS.split(), *made][:WORDS]
        self._weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        self.sentences = [self._sentence() for _ in range(SENTENCES)]

    def content_words(self, count: int) -> list[str]:
        """Words of a question: drawn by frequency, little words left out."""
        drawn: list[str] = []
        while len(drawn) < count:
            drawn += [
                word
                for word in self.random.choices(self.words, cum_weights=self._weights)
                if len(word) > 4
            ]
        return drawn

    def _sentence(self) -> str:
        words = self.random.choices(
            self.words, cum_weights=self._weights, k=self.random.randint(6, 22)
        )
        return " ".join(words).capitalize() + ". "


class Needle(NamedTuple):
    """A sentence that stands in one file only."""

    number: int

    @property
    def sentence(self) -> str:
        return f"The keeper of lighthouse {self.number:04} is called Ada{self.number:04}. "

    @property
    def question(self) -> str:
        return f"Who is the keeper of lighthouse {self.number:04}?"


def _text(language: Language, number: int) -> str:
    """A file's text: paragraphs, every other file with headings, and now and then a needle in the middle."""
    sentences = language.random.choices(language.sentences, k=SENTENCES_A_FILE)
    if number % FILES_A_NEEDLE == 0:
        sentences[SENTENCES_A_FILE // 2] = Needle(number // FILES_A_NEEDLE).sentence
    paragraphs = ["".join(sentences[at : at + 7]) for at in range(0, len(sentences), 7)]
    if number % 2:
        for at in range(0, len(paragraphs), 5):
            paragraphs[at] = f"## Section {at} of {number}\n\n{paragraphs[at]}"
        paragraphs.insert(0, f"# Report {number}")
    return "\n\n".join(paragraphs) + "\n"


@pytest.fixture(scope="module")
def language() -> Language:
    return Language()


@pytest.fixture(scope="module")
def folder(language: Language, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The documents in ``docs``, the scripts of planner and worker beside them."""
    root = tmp_path_factory.mktemp("scale")
    for number in range(FILES):
        place = (
            root
            / "docs"
            / f"{number // FILES_A_FOLDER:03}"
            / f"report-{number}.{'md' if number % 2 else 'txt'}"
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_text(language, number), encoding="utf-8")
    for name, rules in RULES.items():
        (root / name).write_text(json.dumps({"rules": rules}), encoding="utf-8")
    yield root
    shutil.rmtree(root)


class Measured(NamedTuple):
    """One command: seconds on the wall, resident memory at most (in MiB)."""

    name: str
    seconds: float
    mib: float


def _run(root: Path, name: str, *arguments: str) -> Measured:
    """Run a command, and wait for it in the way that tells its memory."""
    command = [
        sys.executable,
        "-m",
        "minions.cli.main",
        name,
        *arguments,
        str(root / "docs"),
        "--home",
        str(root / "home"),
        "--quiet",
    ]
    start = time.perf_counter()
    with (
        (root / "output.txt").open("ab") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (root / "output.txt").read_text(encoding="utf-8")[-2000:]
    return Measured(name, time.perf_counter() - start, usage.ru_maxrss / 1024)


def _searches_ms(root: Path, language: Language) -> Searches:
    """Milliseconds of each search of one open corpus: of everything, and of scopes that change with every question."""
    questions = [f"What of the {' '.join(language.content_words(4))}?" for _ in range(100)]
    needles = [Needle(number) for number in range(min(100, FILES // FILES_A_NEEDLE))]
    with Index.open(root / "home" / "index.sqlite3") as index:
        corpus, _ = index.update([root / "docs"])
        ids = [*corpus.contents.in_order()]
        few = [frozenset(language.random.sample(ids, 20)) for _ in range(7)]
        half = [frozenset(ids[start::2]) for start in (0, 1)]
        searches = {
            label: [
                _search_ms(corpus, question, scopes[at % len(scopes)])
                for at, question in enumerate(questions)
            ]
            for label, scopes in (
                ("search", [None]),
                ("in one of 7 scopes of 20", few),
                ("in one of 2 halves", half),
            )
        }
        searches["needles"] = [
            _search_ms(corpus, needle.question, None, needle.sentence.strip()) for needle in needles
        ]
    return searches


def _search_ms(
    corpus: Corpus, question: str, scope: frozenset[str] | None, first: str = ""
) -> float:
    start = time.perf_counter()
    found = corpus.search([question], documents=scope, limit=10)
    taken_ms = (time.perf_counter() - start) * 1000
    assert not first or first in found[0].text
    return taken_ms


def _report(root: Path, measured: Sequence[Measured], searches: Searches) -> str:
    size, stored = (
        sum(file.stat().st_size for file in (root / part).rglob("*.*")) / 1e6
        for part in ("docs", "home")
    )
    lines = [f"{FILES:,} files, {size:,.0f} MB; index {stored:,.0f} MB"]
    lines += [f"{name:12} {seconds:8.1f} s {mib:6.0f} MiB" for name, seconds, mib in measured]
    for label, times in searches.items():
        p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
        lines.append(
            f"{label}: p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms, worst {max(times):.1f} ms"
        )
    return "\n".join(lines)


def test_a_gigabyte_of_files_is_indexed_searched_and_asked_in_little_memory(
    folder: Path, language: Language
) -> None:
    """With 100,000 documents each command stays below 400 MB; a second index takes seconds, a search milliseconds."""
    scripts = (
        "--planner",
        f"scripted:{folder / 'planner.json'}",
        "--worker",
        f"scripted:{folder / 'worker.json'}",
    )
    measured = [
        _run(folder, "index"),
        _run(folder, "index")._replace(name="index again"),
        _run(folder, "search", Needle(0).question),
        _run(folder, "ask", Needle(0).question, *scripts),
    ]
    searches = _searches_ms(folder, language)
    print(f"\n{_report(folder, measured, searches)}")  # noqa: T201 - the report
    assert max(one.mib for one in measured) < MAX_MIB
    assert measured[1].seconds < MAX_AGAIN_S
    assert max(map(statistics.median, searches.values())) < MAX_SEARCH_MS
