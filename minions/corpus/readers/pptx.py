"""PPTX: a page for each slide. Needs the ``office`` extra."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from minions.corpus.readers.archive import check_parts, open_archive
from minions.corpus.readers.encoding import storable
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.limits import MAX_DEPTH, MAX_EXTRACTED_CHARS, MAX_PAGES, too_much
from minions.corpus.readers.tables import table_lines
from minions.corpus.readers.xlsx import OFFICE_MISSING
from minions.values.documents import Heading, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minions.corpus.readers.extract import Source

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def read_pptx(source: Source) -> Extract:
    """Each slide as a page: its title as a heading, texts from top to bottom, tables, and notes."""
    with open_archive(source, "PPTX") as archive:
        check_parts(source, archive, "PPTX")
    try:
        presentation = import_module("pptx").Presentation  # an extra without types
    except ImportError as error:
        raise source.unreadable(OFFICE_MISSING) from error
    deck = presentation(io.BytesIO(source.data))
    texts: list[str] = []
    pages: list[Page] = []
    outline: list[Heading] = []
    start = 0
    for number, slide in enumerate(deck.slides, start=1):
        title = _title(slide)
        parts = [f"# {title or f'Slide {number}'}", *_parts(slide, title)]
        text = "\n\n".join(map(storable, parts)) + "\n\n"
        outline.append(Heading(level=1, text=title or f"Slide {number}", start=start))
        pages.append(Page(number=number, start=start, end=start + len(text)))
        texts.append(text)
        start += len(text)
        if number > MAX_PAGES or start > MAX_EXTRACTED_CHARS:
            raise too_much("PPTX repeats its slides beyond measure: it is broken, or an attack")
    name: str | None = storable(deck.core_properties.title or "").strip()
    if not name and outline:
        name = outline[0].text
    return Extract(
        "".join(texts),
        MEDIA_TYPE,
        title=name or None,
        pages=tuple(pages),
        outline=tuple(outline),
    )


def _title(slide: Any) -> str:
    """The slide's title on one line; empty where it has none."""
    shape = slide.shapes.title
    if shape is None:
        return ""
    return " ".join(storable(shape.text_frame.text).split())


def _parts(slide: Any, title: str) -> Iterator[str]:
    """The slide's texts and tables from top to bottom, without its title, then its notes."""
    title_id = slide.shapes.title.shape_id if title else None
    for shape in _shapes(slide.shapes, 0):
        if shape.shape_id == title_id:
            continue
        if shape.has_table:
            rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
            yield "\n".join(table_lines(rows))
        elif shape.has_text_frame and shape.text_frame.text.strip():
            lines: list[str] = []
            for paragraph in shape.text_frame.paragraphs:
                text = " ".join(paragraph.text.split())
                if text and paragraph.level:
                    text = "  " * (paragraph.level - 1) + "- " + text
                if text:
                    lines.append(text)
            yield "\n".join(lines)
    notes = ""
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame:
        notes = slide.notes_slide.notes_text_frame.text.strip()
    if notes:
        yield f"Notes: {notes}"


def _shapes(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Every shape from the top of the slide down; groups are replaced by their shapes."""
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if hasattr(shape, "shapes") and depth < MAX_DEPTH:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape
