"""Static word vectors that a package of PyPI carries: `wordllama` (MIT), 32,000 pieces of words, 256 numbers each.

Its own loader asks the network for a tokenizer that lies in the wheel, in another folder than it looks in, so the two
files are read here. A text's vector is the mean of its pieces'.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.benchmarks.retrieval import Bench, Ranking


class Vectors:
    """Rankings by the cosine of vectors; a bench's chunks are worked out once."""

    def __init__(self) -> None:
        spec = find_spec("wordllama")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("pip install wordllama")
        folder = Path(spec.submodule_search_locations[0])
        self._numpy: Any = import_module("numpy")
        weights = import_module("safetensors.numpy").load_file(
            folder / "weights" / "l2_supercat_256.safetensors"
        )
        self._table = weights["embedding.weight"].astype("float32")
        tokenizers = import_module("tokenizers")
        self._pieces: Any = tokenizers.Tokenizer.from_file(
            str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")
        )
        self._benches: dict[str, Any] = {}

    def rank(self, bench: Bench, phrase: str, rows: Sequence[int], limit: int) -> Ranking:
        """Rows by the cosine between their text and the phrase, highest first."""
        if bench.name not in self._benches:
            self._benches[bench.name] = self._of(row.text for row in bench.rows)
        scope = self._numpy.asarray(rows)
        near = self._benches[bench.name][scope] @ self._of([phrase])[0]
        order = self._numpy.argsort(-near, kind="stable")[:limit]
        return [(int(scope[at]), float(near[at])) for at in order]

    def _of(self, texts: Iterable[str]) -> Any:
        means = [
            self._table[pieces.ids].mean(0)
            if pieces.ids
            else self._numpy.zeros(self._table.shape[1])
            for pieces in self._pieces.encode_batch(list(texts), add_special_tokens=False)
        ]
        stacked = self._numpy.asarray(means, dtype="float32")
        return stacked / (self._numpy.linalg.norm(stacked, axis=1, keepdims=True) + 1e-9)
