"""A package's report as a PDF. Letters are shaped, so that Arabic joins and runs from the right; what no font here has is told at the end."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import WrapMode, XPos, YPos
from fpdf.fonts import TTFFont

from basics.errors import ProctorError
from basics.texts import _
from web.languages import known_languages, language, said
from web.proctor.package_report import Report, Section

FAMILY, MORE = "report", "more"
SMALL, TEXT, HEAD, TITLE = 8, 9.5, 12, 17  # points
LINE = 4.8  # mm
STILL_MM = 56.0
CELL_MAX = 2000  # characters of one cell
HAN_FONTS = (  # what systems have for Chinese, Japanese and Korean
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)


def pdf_of(report: Report) -> bytes:
    """The report as a PDF, A4."""
    pdf = _Pdf(report)
    for section in report.sections:
        pdf.section(section)
    pdf.note_missing()
    return bytes(pdf.output())


def _font_folder() -> Path:
    """Where the package of DejaVu Sans keeps it, which has Latin, Greek, Cyrillic and Arabic. It isn't loaded: it would ask for rinohtype."""
    package = find_spec("rinoh_typeface_dejavusans")
    if package is None or not package.submodule_search_locations:
        raise ProctorError(_("The package rinoh-typeface-dejavusans, whose letters PDFs have, is missing: run ./setup.sh."))
    return Path(package.submodule_search_locations[0])


@cache
def _han_font() -> Path | None:
    return next((path for path in map(Path, HAN_FONTS) if path.is_file()), None)


class _Pdf(FPDF):
    def __init__(self, report: Report) -> None:
        super().__init__(format="A4")
        folder = _font_folder()
        self.add_font(FAMILY, "", folder / "DejaVuSans.ttf")
        self.add_font(FAMILY, "B", folder / "DejaVuSans-Bold.ttf")
        self._known = self._letters(FAMILY)
        if (han := _han_font()) is not None:
            self.add_font(MORE, "", han)
            self.set_fallback_fonts([MORE], exact_match=False)
            self._known |= self._letters(MORE)
        self._missing = False
        self._right = known_languages()[language()].direction == "rtl"
        self.set_text_shaping(True, direction="rtl" if self._right else None)
        self.set_title(report.title)
        self.set_lang(language())
        self.set_auto_page_break(True, margin=15)
        self.alias_nb_pages()
        self.add_page()
        self.say(report.title, TITLE, "B")
        self.say(report.made, SMALL)

    def _letters(self, family: str) -> set[int]:
        font = self.fonts[family]
        return set(font.cmap) if isinstance(font, TTFFont) else set()

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FAMILY, "", SMALL)
        self.cell(0, LINE, f"{self.page_no()} / {{nb}}", align="C")

    def say(self, text: str, size: float = TEXT, style: str = "") -> None:
        """A paragraph."""
        self.set_font(FAMILY, style, size)
        align = "R" if self._right else "L"
        self.multi_cell(
            0,
            LINE * max(1.0, size / TEXT),
            self.plain(text),
            align=align,
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
            wrapmode=WrapMode.WORD if " " in text else WrapMode.CHAR,
        )

    def section(self, section: Section) -> None:
        self.ln(LINE)
        self.say(section.title, HEAD, "B")
        for line in section.lines:
            self.say(line)
        if section.table is not None:
            self._table(section.table.head, section.table.rows)
        for picture in section.pictures:
            tall = 2 * LINE + 2 + (STILL_MM * 0.75 if picture.jpeg else LINE)
            if self.get_y() + tall > self.page_break_trigger:
                self.add_page()
            self.ln(2)
            self.say(picture.title, TEXT, "B")
            if picture.jpeg:
                self.image(io.BytesIO(picture.jpeg), x=self.w - self.r_margin - STILL_MM if self._right else None, w=STILL_MM)
                self.ln(1)
            for line in picture.lines:
                self.say(line)

    def plain(self, text: str) -> str:
        """The text with a box for each letter that no font here has, and without what is no letter."""
        shown = "".join(
            " " if character in "\r\n\t" else character for character in text[:CELL_MAX] if character.isprintable() or character in "\r\n\t"
        )
        if all(ord(character) in self._known for character in shown):
            return shown
        self._missing = True
        return "".join(character if ord(character) in self._known else "\u25a1" for character in shown)

    def note_missing(self) -> None:
        """Say it where a letter could not be written."""
        if self._missing:
            self.ln(LINE)
            self.say(said(_("Letters that no font of this server has stand here as \u25a1; report.html and the records have them.")), SMALL)

    def _table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        self.set_font(FAMILY, "", SMALL)
        lines = [list(head)] if head else []
        lines += [list(row) for row in rows]
        longest = [min(60, max(10, *(len(row[column]) for row in lines))) for column in range(len(lines[0]))]
        order = slice(None, None, -1 if self._right else 1)
        with self.table(
            first_row_as_headings=bool(head),
            line_height=LINE - 0.4,
            text_align="RIGHT" if self._right else "LEFT",
            col_widths=tuple(longest[order]),
            borders_layout="HORIZONTAL_LINES",
            wrapmode=WrapMode.CHAR,
        ) as table:
            for line in lines:
                row = table.row()
                for cell in line[order]:
                    row.cell(self.plain(cell))
