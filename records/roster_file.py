"""A list of students as it comes, pasted or as a file: which encoding, which character parts its columns, which lines. Bounded before it is read."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from charset_normalizer import from_bytes

from basics.errors import InvalidInput, TooLarge
from basics.texts import _, ngettext

ROWS_MAX = 5000
LINES_MAX = ROWS_MAX + 1000  # with heads, empty lines and texts of several lines
FILE_BYTES_MAX = 3 << 20
LINE_MAX = 4000  # characters; the fields of a row have 1,200 at most
NAMES_DELIMITER = re.compile('"?sep=([\t;,|])"?\n', re.IGNORECASE)  # a first line that spreadsheets write and read
COLUMNS_MAX = 40
DELIMITERS = "\t;,|"
LOOKED_AT = 100  # lines from which the delimiter is told
ASKED_OF = 64 << 10  # bytes from which an encoding is told
# Windows-1252 first: where a text may be either, it is that by far most often.
CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "mac_roman", "cp850")
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ODD_FOR_NAMES = re.compile("[\x80-\x9f¡-©«-±´¶-¹»-¿×÷†‡•…‰™¤]")


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the number of the line on which it begins, from 1, and its cells."""

    number: int
    cells: tuple[str, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ListFile:
    """The list, in rows. `delimiter` is empty where there is one column only."""

    encoding: str
    delimiter: str
    lines: tuple[Line, ...]


def read_list(data: bytes | str) -> ListFile:
    """The rows of what came. Raise `TooLarge` before anything is parsed, `InvalidInput` for what is no text."""
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(_("The list has more than %(limit)s MB. An exam takes 5,000 students at most.", limit=FILE_BYTES_MAX >> 20))
    text, encoding = (data, "") if isinstance(data, str) else decoded(data)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        raise InvalidInput(_("This is no list of text. Save the table as CSV, and choose that file."), field="file")
    count = text.count("\n")
    if count > LINES_MAX:
        raise TooLarge(ngettext("The list has more than %(count)s line.", "The list has more than %(count)s lines.", ROWS_MAX))
    named = NAMES_DELIMITER.match(text)
    if named is not None:
        text = "\n" + text[named.end() :]  # an empty line: the others keep their numbers
    delimiter = named[1] if named is not None else delimiter_of(text)
    return ListFile(encoding, delimiter, tuple(_lines(text, delimiter)))


def decoded(data: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding."""
    for mark, name in BOMS:
        if data.startswith(mark):
            return data.decode(name, "replace"), "UTF-8" if name == "utf-8-sig" else "UTF-16"
    if data[:200].count(0) * 4 > len(data[:200]):  # Latin letters in UTF-16 without a mark: each second byte is nothing
        name = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        return data.decode(name, "replace"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        name = _code_page(data[:ASKED_OF])
    return data.decode(name, "replace"), name.replace("cp125", "Windows-125")


def _code_page(data: bytes) -> str:
    western = data.decode("cp1252", "replace")
    if not _ODD_FOR_NAMES.search(western) and "\ufffd" not in western and _letters_are_rare(western):
        return "cp1252"
    found = from_bytes(data, cp_isolation=list(CODE_PAGES)).best()
    return found.encoding if found is not None and found.encoding in CODE_PAGES else "cp1252"


def _letters_are_rare(text: str) -> bool:
    """Are letters beyond ASCII fewer than others, as in every language that is written with Latin ones?"""
    letters = [character for character in text if character.isalpha()]
    return sum(not character.isascii() for character in letters) * 2 < len(letters)


def delimiter_of(text: str) -> str:
    """What parts the columns: of the characters that do, that which gives most rows the same number of columns, two or more.

    One that parts the first row, too, goes before: that is the head as a rule, in which none is part of a text.
    """
    head = text.splitlines()[:LOOKED_AT]
    best, most = "", (False, 0.0)
    for delimiter in DELIMITERS:
        widths = [len(cells) for number, cells in _records(io.StringIO("\n".join(head)), delimiter) if any(cell.strip() for cell in cells)]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = (widths[0] > 1, widths.count(usual) / len(widths) * min(usual, 8)) if usual > 1 else (False, 0.0)
        if score > most:
            best, most = delimiter, score
    return best


def _lines(text: str, delimiter: str) -> Iterator[Line]:
    rows = 0
    for number, cells in _records(io.StringIO(text), delimiter):
        if not any(cell.strip() for cell in cells):
            continue
        rows += 1
        if rows > ROWS_MAX + 1:  # one may be the head
            raise TooLarge(ngettext("The list has more than %(count)s line.", "The list has more than %(count)s lines.", ROWS_MAX))
        length = sum(map(len, cells))
        if length > LINE_MAX and any("\n" in cell for cell in cells):
            yield Line(number, (), _("A quotation mark opens here and is closed much later, or never. Close it, or take it away."))
        elif length > LINE_MAX:
            yield Line(number, (), ngettext("This line has %(count)s character.", "This line has %(count)s characters.", length))
        else:
            yield Line(number, tuple(cells[:COLUMNS_MAX]))


def _records(source: Any, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records with the number of the line on which each begins."""
    limit = csv.field_size_limit()
    if limit < FILE_BYTES_MAX:  # what is too long is said of its line, not of the whole list
        csv.field_size_limit(FILE_BYTES_MAX + 1)
    reader = csv.reader(source, delimiter=delimiter or "\t", skipinitialspace=True)
    begins = 1
    for cells in reader:
        yield begins, cells
        begins = reader.line_num + 1
