"""Whether the chunks that hold the evidence are among those that would be read: ways to rank them, in one run.

    python -m tests.benchmarks.measure_recall DATA [PART,PART...] [--sets passages,contracts]

``DATA`` is a folder of development sets. Parts: ``phrases`` (what is searched: the bare question, phrases and
instructions of plans written by hand), ``fusion`` (how rankings of several phrases become one), ``tasks`` (a reading
for each task, or one for all), ``weights`` (of words, of title and headings), ``near`` (words that stand close),
``neighbours``, ``feedback`` (words of what was found first), ``form`` (little words, and words of a question's form),
``cutting`` (size and overlap of chunks at equal tokens read), ``bounded`` (as many chunks scored as in an index that is
ten or fifty times as large), ``embeddings`` (needs ``pip install wordllama``).

A row a way: for each set how many of the questions are reached by the first 4, 8, 10 and 20 chunks, in all, and the
mean reciprocal rank; then how many questions are ranked better and worse than by the part's first way. A question with
several figures counts by the share of them that is reached. `retrieval.py` says what evidence is where no answer stands
word for word.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from functools import partial
from itertools import chain, pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import structlog

from minions.corpus.fts import matcher
from minions.corpus.fts.query import fuse
from tests.benchmarks.retrieval import MOST, Ranker, load, phrases, terms_of, words_of
from tests.benchmarks.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.benchmarks.retrieval import Asked, Bench, Ranking

    Way = Callable[[Bench, Asked], list[int]]
    Fusion = Callable[[Sequence[Ranking]], dict[int, float]]

DEPTHS: Final = (4, 8, 10, MOST)
SETS: Final = (
    "passages",
    "contracts",
    "papers",
    "papers_pdf",
    "covid_papers",
    "altered_facts",
    "filings",
)
_KEPT: Final = 80  # of each phrase's ranking
_READINGS: Final = (1_500, 3_000, 6_000)  # tokens
_BOUNDS: Final = ((20_000, 5_000, 20_000), (0, 500, 2_000), (0, 100, 400))
_FORM: Final = frozenset(
    (word,)
    for word in (
        "highlight",
        "part",
        "contract",
        "relat",
        "review",
        "lawyer",
        "detail",
        "clause",
        "agreement",
    )
)


def tell(text: str) -> None:
    """Print at once: some parts take minutes."""
    print(text, flush=True)  # noqa: T201 - a script's result


def by_rank(rankings: Iterable[Ranking], *, constant: int) -> dict[int, float]:
    """Reciprocal rank fusion."""
    scores = defaultdict[int, float](float)
    for ranking in rankings:
        for rank, (row, _) in enumerate(ranking, start=1):
            scores[row] += 1 / (constant + rank)
    return scores


def by_score(rankings: Iterable[Ranking], *, power: float) -> dict[int, float]:
    """The sum of scores, each a power of its share of the ranking's best; power 0: as they are."""
    scores = defaultdict[int, float](float)
    for ranking in rankings:
        for row, score in ranking:
            scores[row] += (score / ranking[0][1]) ** power if power else score
    return scores


def best(scores: dict[int, float]) -> list[int]:
    """The rows with the highest scores, as many as are looked at."""
    return sorted(scores, key=lambda row: -scores[row])[:MOST]


class Searches:
    """Rankings by phrase, one `Ranker` a bench."""

    def __init__(self, make: Callable[[Bench], Ranker] = Ranker) -> None:
        self._make, self._rankers = make, dict[str, Ranker]()

    def ranker(self, bench: Bench) -> Ranker:
        """The bench's ranker."""
        if bench.name not in self._rankers:
            self._rankers[bench.name] = self._make(bench)
        return self._rankers[bench.name]

    def rankings(self, bench: Bench, asked: Asked, what: str = "piq") -> list[Ranking]:
        """A ranking a phrase."""
        ranker = self.ranker(bench)
        return [
            ranker.rank(dict.fromkeys(terms_of(one), 1.0), asked.rows, _KEPT)
            for one in phrases(asked, what)
        ]

    def way(self, what: str = "piq") -> Way:
        """The product's own: `fuse`."""
        return lambda bench, asked: fuse(self.rankings(bench, asked, what), MOST)


INDEX: Final = Searches()


def ways_of_phrases(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """What is searched."""
    yield "bare question", INDEX.way("q")
    yield "instructions, question", INDEX.way("iq")
    yield "phrases", INDEX.way("p")
    yield "phrases, instructions", INDEX.way("pi")
    yield "phrases, instructions, question", INDEX.way("piq")
    yield "the same, by the index", lambda _, asked: list(asked.indexed)


def ways_of_fusion(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """How rankings become one."""
    ways: dict[str, Fusion] = {
        f"ranks, constant {one}": partial(by_rank, constant=one) for one in (60, 10, 2, 0)
    }
    ways["scores"] = partial(by_score, power=0)
    ways |= {
        f"share of the best score ^{power}": partial(by_score, power=power) for power in (1, 2, 3)
    }

    def joined(bench: Bench, asked: Asked, *, fusion: Fusion) -> list[int]:
        return best(fusion(INDEX.rankings(bench, asked)))

    for name, fusion in ways.items():
        yield name, partial(joined, fusion=fusion)


def ways_of_tasks(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """One reading for all tasks, or in turn the best of each; plans with several tasks differ."""

    def in_turn(bench: Bench, asked: Asked) -> list[int]:
        alone = [INDEX.way()(bench, asked._replace(tasks=(task,))) for task in asked.tasks]
        found = chain.from_iterable(zip_longest(*alone))
        return [row for row in dict.fromkeys(found) if row is not None][:MOST]

    yield "each task's best in turn", in_turn
    yield "all tasks together", INDEX.way()


def ways_of_weights(benches: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """What a word weighs, with the bare question and with plans."""
    large = Ranker(max(benches, key=lambda bench: len(bench.rows)))
    makers: dict[str, Callable[[Bench], Ranker]] = {
        "as the index": Ranker,
        "no word without weight": partial(Ranker, positive=True),
        "rarity within the question's documents": partial(Ranker, by_scope=True),
        f"rarity over {large.bench.name}, too": partial(Ranker, also=large),
        **{f"title and headings {weight}": partial(Ranker, heads=weight) for weight in (0, 1, 5)},
    }
    for what in ("q", "piq"):
        for name, make in makers.items():
            yield f"{'bare' if what == 'q' else 'plans'}: {name}", Searches(make).way(what)


def ways_of_near(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """Neighbouring words of a phrase that stand within so many words count as a term of its own."""

    def near(bench: Bench, asked: Asked, *, window: int, weight: float) -> list[int]:
        ranker, rankings = INDEX.ranker(bench), []
        for phrase in phrases(asked, "piq"):
            words = [term[0] for term in terms_of(phrase) if len(term) == 1]
            scores = defaultdict[int, float](
                float, ranker.rank(dict.fromkeys(terms_of(phrase), 1.0), asked.rows, 400)
            )
            for pair in pairwise(words):
                together = {
                    row: times
                    for row in set(bench.holders.get(pair[0], ())).intersection(
                        bench.holders.get(pair[1], ()), asked.rows
                    )
                    if (times := _within(pair, bench.rows[row].words, window))
                }
                for row, times in together.items():
                    scores[row] += weight * ranker.rarity(pair[:1], set()) * times / (times + 1.2)
            rankings.append(sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:_KEPT])
        return fuse(rankings, MOST)

    def alone(bench: Bench, asked: Asked) -> list[int]:
        ranker = INDEX.ranker(bench)
        words = (
            [one for one in terms_of(phrase) if len(one) == 1] for phrase in phrases(asked, "piq")
        )
        return fuse([ranker.rank(dict.fromkeys(one, 1.0), asked.rows) for one in words], MOST)

    yield "words, and all of a short phrase in sequence", INDEX.way()
    yield "words alone", alone
    for window, weight in ((1, 0.5), (5, 0.5), (10, 0.5), (10, 1)):
        yield f"pairs within {window}, weight {weight}", partial(near, window=window, weight=weight)


def _within(pair: tuple[str, str], words: Sequence[str], window: int) -> int:
    first, second = ([at for at, word in enumerate(words) if word == one] for one in pair)
    return sum(any(abs(at - other) <= window for other in second) for at in first)


def ways_of_neighbours(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """Chunks beside the first hits pulled in behind each; or a share of a hit's score given to those beside it."""

    def beside(bench: Bench, row: int) -> list[int]:
        around = (row + 1, row - 1)
        return [
            one
            for one in around
            if one in range(len(bench.rows)) and bench.rows[one][0] == bench.rows[row][0]
        ]

    def pulled(bench: Bench, asked: Asked, *, hits: int) -> list[int]:
        found = INDEX.way()(bench, asked)
        drawn = (
            [row, *beside(bench, row)] if rank < hits else [row] for rank, row in enumerate(found)
        )
        return list(dict.fromkeys(chain.from_iterable(drawn)))[:MOST]

    def shared(bench: Bench, asked: Asked, *, share: float) -> list[int]:
        own = by_score(INDEX.rankings(bench, asked), power=2)
        scores = defaultdict[int, float](float, own)
        for row, score in own.items():
            for other in beside(bench, row):
                scores[other] += share * score
        return best(scores)

    yield "hits alone", INDEX.way()
    for hits in (1, 2, 3):
        yield f"both neighbours of the first {hits}", partial(pulled, hits=hits)
    for share in (0.1, 0.25, 0.5):
        yield f"neighbours get {share:.0%} of a score", partial(shared, share=share)


def ways_of_feedback(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """The words that tell the first chunks from others, as one more phrase."""

    def fed(bench: Bench, asked: Asked, *, chunks: int, words: int, weight: float) -> list[int]:
        ranker, rankings = INDEX.ranker(bench), INDEX.rankings(bench, asked)
        searched = {
            term for phrase in phrases(asked, "piq") for term in terms_of(phrase) if len(term) == 1
        }
        telling = defaultdict[tuple[str, ...], float](float)
        for row in fuse(rankings, chunks):
            for word, times in bench.rows[row].counts.items():
                if len(word) > 2 and (word,) not in searched and len(bench.holders[word]) > 1:
                    telling[word,] += times / bench.rows[row].size * ranker.rarity((word,), set())
        most = sorted(telling.items(), key=lambda one: -one[1])[:words]
        added = {term: weight * score / most[0][1] for term, score in most}
        return fuse(
            [*rankings, ranker.rank({**dict.fromkeys(searched, 1.0), **added}, asked.rows)], MOST
        )

    yield "without", INDEX.way()
    for chunks, words, weight in ((3, 10, 0.3), (5, 10, 0.5), (5, 20, 0.3), (10, 20, 0.3)):
        named = f"{words} words of the first {chunks}, weight {weight}"
        yield named, partial(fed, chunks=chunks, words=words, weight=weight)


def ways_of_form(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """Little words kept; and left out what the questions of contracts share, which shows what knowing a form gains."""

    def otherwise(bench: Bench, asked: Asked, *, what: str, little: bool) -> list[int]:
        ranker, rankings = INDEX.ranker(bench), []
        for phrase in phrases(asked, what):
            terms = (
                (*terms_of(phrase), *((word,) for word in words_of(phrase)))
                if little
                else terms_of(phrase)
            )
            wanted = {one: 1.0 for one in terms if little or one not in _FORM}
            rankings.append(ranker.rank(wanted, asked.rows))
        return fuse(rankings, MOST)

    for what in ("q", "piq"):
        label = "bare" if what == "q" else "plans"
        yield f"{label}: without little words", INDEX.way(what)
        yield f"{label}: with little words", partial(otherwise, what=what, little=True)
        yield f"{label}: without the form's words, too", partial(otherwise, what=what, little=False)


def ways_of_embeddings(_: Sequence[Bench]) -> Iterator[tuple[str, Way]]:
    """Rankings by static vectors beside the words'."""
    vectors = Vectors()

    def joined(bench: Bench, asked: Asked, *, what: str, weight: float, alone: bool) -> list[int]:
        near = by_rank(
            [vectors.rank(bench, one, asked.rows, _KEPT) for one in phrases(asked, what)],
            constant=2,
        )
        words = {} if alone else by_rank(INDEX.rankings(bench, asked, what), constant=2)
        return best(
            {
                row: words.get(row, 0) + weight * near.get(row, 0)
                for row in words.keys() | near.keys()
            }
        )

    for what in ("q", "piq"):
        label = "bare" if what == "q" else "plans"
        for weight in (0, 0.25, 0.5, 1):
            yield (
                f"{label}: vectors {weight}",
                partial(joined, what=what, weight=weight, alone=False),
            )
        yield f"{label}: vectors alone", partial(joined, what=what, weight=1, alone=True)


PARTS: Final = {
    "phrases": ways_of_phrases,
    "fusion": ways_of_fusion,
    "tasks": ways_of_tasks,
    "weights": ways_of_weights,
    "near": ways_of_near,
    "neighbours": ways_of_neighbours,
    "feedback": ways_of_feedback,
    "form": ways_of_form,
    "embeddings": ways_of_embeddings,
}


def ranks(asked: Asked, found: Sequence[int]) -> list[int | None]:
    """The rank of the first row of each wanted set."""
    return [
        next((at for at, row in enumerate(found, start=1) if row in wanted), None)
        for wanted in asked.wanted
    ]


def reached(told: Sequence[int | None], depth: int) -> float:
    """The share of the wanted that is among the first."""
    return sum(rank is not None and rank <= depth for rank in told) / len(told)


def reciprocal(told: Sequence[int | None]) -> float:
    """The mean reciprocal rank of the wanted."""
    return sum(1 / rank for rank in told if rank) / len(told)


def compare(
    name: str, way: Way, benches: Sequence[Bench], first: list[float] | None
) -> list[float]:
    """Print a row; the reciprocal ranks of all questions."""
    by_set = [[ranks(asked, way(bench, asked)) for asked in bench.asked] for bench in benches]
    cells = [
        ", ".join(f"{sum(reached(one, depth) for one in told):.3g}" for depth in DEPTHS)
        for told in by_set
    ]
    everything = list(chain.from_iterable(by_set))
    cells.append(
        ", ".join(f"{sum(reached(one, depth) for one in everything):.1f}" for depth in DEPTHS)
    )
    mine = [reciprocal(one) for one in everything]
    pairs = list(zip(mine, first or mine, strict=True))
    cells.append(f"{sum(mine) / len(mine):.3f}")
    cells.append(
        f"{sum(one > other for one, other in pairs)}, {sum(one < other for one, other in pairs)}"
    )
    tell(f"| {name} | {' | '.join(cells)} |")
    return mine


def cutting(data: Path, sets: Sequence[str], scratch: Path) -> None:
    """Print a row a way of cutting: the questions reached by reading so many tokens."""
    tell(
        f"| cut | {' | '.join(sets)} | all, by {', '.join(map(str, _READINGS))} tokens |\n|{'---|' * (len(sets) + 2)}"
    )
    for tokens, overlap in ((300, 0.0), (500, 0.0), (800, 0.0), (500, 0.1), (500, 0.2)):
        searches, totals, cells = Searches(), [0.0] * len(_READINGS), []
        for name in sets:
            bench = load(data, name, scratch, chunk_tokens=tokens, overlap=overlap)
            shares = [list(_read(bench, asked, searches)) for asked in bench.asked]
            sums = [sum(column) for column in zip(*shares, strict=True)]
            totals = [sum(pair) for pair in zip(totals, sums, strict=True)]
            cells.append(", ".join(f"{one:.3g}" for one in sums) + f" of {len(bench.asked)}")
        tell(
            f"| {tokens}, overlap {overlap:.0%} | {' | '.join(cells)} | {', '.join(f'{one:.1f}' for one in totals)} |"
        )


def _read(bench: Bench, asked: Asked, searches: Searches) -> Iterator[float]:
    found = fuse(searches.rankings(bench, asked), _KEPT)
    for most in _READINGS:
        read, spent = list[int](), 0
        for row in found:
            spent += bench.rows[row].tokens
            if read and spent > most:
                break
            read.append(row)
        yield reached(ranks(asked, read), len(read))


def bounded(data: Path, sets: Sequence[str], scratch: Path) -> None:
    """Print a row a bound on what the index scores: `matching` bounds it in large indexes only."""
    name = sets[0]
    tell(f"| bounded | {name} | all | MRR | better, worse |\n|{'---|' * 5}")
    for what in ("q", "piq"):
        for exact, scored, common in _BOUNDS:
            with patch.multiple(matcher, EXACT_ROWS=exact, SCORED_ROWS=scored, COMMON_ROWS=common):
                bench = load(data, name, scratch, searched=what)
            label = (
                f"{'bare' if what == 'q' else 'plans'}: {'all' if exact else f'{scored:,}'} scored"
            )
            compare(label, lambda _, asked: list(asked.indexed), [bench], None)


def main() -> None:
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("parts", nargs="?", default="phrases,fusion")
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    sets = [name for name in options.sets.split(",") if (options.data / name).is_dir()]
    with tempfile.TemporaryDirectory() as folder:
        parts = options.parts.split(",")
        apart = {"cutting": cutting, "bounded": bounded}
        benches = [
            load(options.data, name, Path(folder))
            for name in sets
            if not apart.keys() >= set(parts)
        ]
        for part in parts:
            if part in apart:
                apart[part](options.data, sets, Path(folder))
                continue
            named = " | ".join(f"{bench.name} ({len(bench.asked)})" for bench in benches)
            tell(f"| {part} | {named} | all | MRR | better, worse |\n|{'---|' * (len(sets) + 4)}")
            first: list[float] | None = None
            for name, way in PARTS[part](benches):
                told = compare(name, way, benches, first)
                first = first or told


if __name__ == "__main__":
    main()
