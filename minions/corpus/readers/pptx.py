"""PPTX: one page a slide. Needs the ``office`` extra."""

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
    """Each slide as a page: its title as a heading, its texts from top to bottom, its tables as rows, its notes."""
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
        text = "\n\n".join(storable(part) for part in _slide(slide, title, number)) + "\n\n"
        outline.append(Heading(level=1, text=title or f"Slide {number}", start=start))
        pages.append(Page(number=number, start=start, end=start + len(text)))
        texts.append(text)
        start += len(text)
        if number > MAX_PAGES or start > MAX_EXTRACTED_CHARS:
            raise too_much("PPTX repeats its slides beyond measure: it is broken, or an attack")
    name = storable(deck.core_properties.title or "").strip()
    first = outline[0].text if outline else None
    return Extract(
        "".join(texts), MEDIA_TYPE, title=name or first, pages=tuple(pages), outline=tuple(outline)
    )


def _title(slide: Any) -> str:
    shape = slide.shapes.title
    return " ".join(storable(shape.text_frame.text).split()) if shape is not None else ""


def _slide(slide: Any, title: str, number: int) -> Iterator[str]:
    yield f"# {title or f'Slide {number}'}"
    title_id = slide.shapes.title.shape_id if title else None
    for shape in _shapes(slide.shapes, 0):
        if shape.shape_id == title_id:
            continue
        if shape.has_table:
            yield "\n".join(
                table_lines([[cell.text for cell in row.cells] for row in shape.table.rows])
            )
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield "\n".join(_paragraphs(shape.text_frame.paragraphs))
    if (
        slide.has_notes_slide
        and (frame := slide.notes_slide.notes_text_frame)
        and frame.text.strip()
    ):
        yield f"Notes: {frame.text.strip()}"


def _paragraphs(paragraphs: Iterable[Any]) -> Iterator[str]:
    """Lines, those below the first level as list items."""
    for paragraph in paragraphs:
        text = " ".join(paragraph.text.split())
        if text:
            yield f"{'  ' * (paragraph.level - 1)}- {text}" if paragraph.level else text


def _shapes(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Every shape, groups opened, from the top of the slide down."""
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if hasattr(shape, "shapes") and depth < MAX_DEPTH:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape
