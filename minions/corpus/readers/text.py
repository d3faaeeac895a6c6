"""Plain text and source code: the decoded text, verbatim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract

if TYPE_CHECKING:
    from minions.corpus.readers.extract import Source

_SUFFIXES: Final = """
.py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hh .hpp
.hxx .m .mm .cs .fs .go .rs .rb .php .pl .pm .lua .r .jl .swift .dart .ex .exs .erl .hs .ml .mli
.clj .cljs .lisp .el .scm .sh .bash .zsh .fish .ps1 .bat .cmd .sql .graphql .proto .css .scss .sass
.less .vue .svelte .toml .yaml .yml .ini .cfg .conf .cmake .mk .gradle .tf .nix .asm .s .v .sv .vhd
.f .f90 .pas .zig .nim .cu .cl .glsl
"""
SOURCE_SUFFIXES: Final = frozenset(_SUFFIXES.split())


def read_text(source: Source) -> Extract:
    """The whole text, verbatim."""
    return Extract(source.text(), "text/plain")


def read_source(source: Source) -> Extract:
    """Program text, verbatim."""
    return Extract(source.text(), "text/x-source")
