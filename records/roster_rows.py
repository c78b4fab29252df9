"""The students of a list: which column is what, and of each line who it is, or what is wrong with it and how to mend it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from basics.identifiers import key_of, normal_id
from basics.looks import folded, look
from basics.plain_text import one_line, printable
from basics.texts import _, ngettext
from records.roster_file import Line, ListFile
from scoring.accommodation_presets import PresetName, preset_called

Column = Literal["id", "name", "given", "family", "email", "extra", "note", "preset"]
COLUMNS: tuple[Column, ...] = ("id", "name", "given", "family", "email", "extra", "note", "preset")
_PARTS_OF_NAME: tuple[Column, Column, Column] = ("given", "name", "family")  # in the order in which they are one
NAME_MAX, EMAIL_MAX, NOTE_MAX = 200, 254, 500
PERCENT_MAX, MINUTES_MAX = 300.0, 1440.0  # as an accommodation's own
_UNSEEN_AT_ENDS = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u061c\u00a0"
_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]{1,64}@[^\s@<>(),;:\"\\\[\]]+\.[^\s@<>(),;:\"\\\[\]]{2,}")
_EXTRA = re.compile(r"\+?\s*(?P<number>\d{1,5}(?:[.,]\d{1,6})?)\s*(?P<unit>%|٪|[^\W\d]*\.?)")
_CLOCK = re.compile(r"\+?(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)(?::00)?(?:\s*h)?")
_MINUTES = frozenset({"", "m", "min", "mins", "minute", "minutes", "minuten", "minuto", "minutos", "دقيقة", "دقائق"})
_HOURS = frozenset({"h", "hour", "hours", "stunde", "stunden", "std", "heure", "heures", "hora", "horas", "ساعة", "ساعات"})
_PER_CENT = frozenset({"%", "٪", "percent", "prozent", "pourcent"})

# What the heads of lists say, in the languages of the pages, without signs and spaces.
HEADS: Mapping[Column, tuple[str, ...]] = {
    "id": (
        *("id", "userid", "user", "username", "student", "studentid", "studentno", "studentnumber", "idnumber", "login", "matriculationnumber"),
        *(
            "matrikelnummer",
            "matrikelnr",
            "matrnr",
            "matrikel",
            "kennung",
            "benutzer",
            "benutzername",
            "nutzerkennung",
            "studierende",
            "personalnummer",
        ),
        *("identifiant", "numero", "numeroetudiant", "etudiant", "matricule", "utilisateur", "ine"),
        *("identificador", "estudiante", "matricula", "usuario", "dni", "expediente", "alumno", "codigo"),
        *("estudante", "aluno", "utilizador", "usuario", "ra", "numerodeestudante", "numerodealuno"),
        *("المعرف", "رقمالطالب", "الرقمالجامعي", "الطالب", "معرف", "رقم"),
    ),
    "name": (
        *("name", "fullname", "displayname", "studentname", "vollername", "vorundnachname", "namevorname", "nachnamevorname", "vollständigername"),
        *("nom", "nomcomplet", "nomprenom", "nometprenom", "prenomnom", "nombre", "nombrecompleto", "nombreyapellidos", "apellidosynombre"),
        *("nome", "nomecompleto", "الاسم", "اسم", "الاسمالكامل", "اسمالطالب"),
    ),
    # Of one name in two columns; the other of them may be called a name by itself.
    "given": (
        *("firstname", "givenname", "forename", "vorname", "rufname", "prenom", "primernombre", "nombredepila", "primeironome", "nomeproprio"),
        *("الاسمالأول", "الاسمالاول"),
    ),
    "family": (
        *("lastname", "familyname", "surname", "nachname", "familienname", "zuname", "nomdefamille", "apellido", "apellidos"),
        *("apelido", "apelidos", "sobrenome", "ultimonome", "اسمالعائلة", "اللقب", "الاسمالأخير", "الاسمالاخير"),
    ),
    "email": (
        *("email", "mail", "emailaddress", "emailadresse", "mailadresse", "courriel", "adressemail", "adresseemail", "correo"),
        *(
            "correoelectronico",
            "direcciondecorreo",
            "correioeletronico",
            "enderecodeemail",
            "البريد",
            "البريدالإلكتروني",
            "البريدالالكتروني",
            "بريدالكتروني",
        ),
    ),
    "extra": (
        *("extra", "extratime", "additionaltime", "timeextra", "extraminutes", "zeit", "zeitverlängerung", "zusatzzeit", "schreibzeitverlängerung"),
        *("tempsmajore", "tempssupplementaire", "tierstemps", "majoration", "tiempoextra", "tiempoadicional", "tempoextra", "tempoadicional"),
        *("وقتإضافي", "وقتاضافي", "الوقتالإضافي", "الوقتالاضافي"),
    ),
    "note": (
        *("note", "notes", "comment", "comments", "remark", "remarks", "notiz", "notizen", "bemerkung", "bemerkungen", "anmerkung", "kommentar"),
        *("remarque", "remarques", "commentaire", "commentaires", "nota", "notas", "comentario", "observaciones", "observacao", "observacoes"),
        *("ملاحظة", "ملاحظات"),
    ),
    "preset": (
        *("preset", "accommodation", "accommodations", "nachteilsausgleich", "amenagement", "amenagements", "adaptacion", "adaptaciones"),
        *("adaptacao", "adaptacoes", "acomodacao", "تسهيلات", "ترتيبات"),
    ),
}


@dataclass(frozen=True, slots=True)
class Student:
    """One student as the list has it. `extra_percent` and `extra_min` are None where the list has no such column."""

    line: int
    user_id: str
    name: str = ""
    email: str = ""
    extra_percent: float | None = None
    extra_min: float | None = None
    note: str = ""
    preset: PresetName | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line, and what to do about it."""

    line: int
    column: Column | None
    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class ReadRoster:
    """The students of a list, the lines that can't be taken, and how the list was read. `columns`: of each column what it is, None: not taken."""

    students: tuple[Student, ...]
    faults: tuple[Fault, ...]
    columns: tuple[Column | None, ...]
    has_head: bool
    encoding: str
    delimiter: str

    @property
    def has(self) -> frozenset[Column]:
        """The columns that there are; a name in two is one."""
        found = frozenset(column for column in self.columns if column is not None)
        return found if found.isdisjoint({"given", "family"}) else found.union(_PARTS_OF_NAME)


def read_roster(file: ListFile) -> ReadRoster:
    """The students of a list, each once."""
    good = [line for line in file.lines if not line.fault]
    head = _columns_of_head(good[0].cells) if good else None
    columns = head or _guessed([line.cells for line in good[:200]])
    students: list[Student] = []
    faults = [Fault(line.number, None, line.fault, _("Mend the line, or take it out.")) for line in file.lines if line.fault]
    first: dict[str, int] = {}
    looks: dict[str, tuple[str, int]] = {}
    for line in good[1:] if head else good:
        read = _student(line, columns) if line is not good[0] or not _is_unparted_head(line) else Fault(line.number, None, *_unparted())
        if isinstance(read, Student):
            read = _once(read, first, looks)
        if isinstance(read, Student):
            students.append(read)
        else:
            faults.append(read)
    return ReadRoster(
        tuple(students), tuple(sorted(faults, key=lambda fault: fault.line)), tuple(columns), head is not None, file.encoding, file.delimiter
    )


def with_known(read: ReadRoster, known: Mapping[str, str]) -> ReadRoster:
    """The same with ids as they are `known` (by their look), and without those that merely look like one of them."""
    students: list[Student] = []
    faults = list(read.faults)
    for student in read.students:
        other = known.get(look(student.user_id), student.user_id)
        if folded(other) == folded(student.user_id):
            students.append(student if other == student.user_id else replace(student, user_id=other))
        else:
            what = _("This id looks like %(other)s, which is known here already.", other=repr(other))
            faults.append(Fault(student.line, "id", what, _("Type the id anew: some of its letters are of another script.")))
    return replace(read, students=tuple(students), faults=tuple(sorted(faults, key=lambda fault: fault.line)))


def refused(read: ReadRoster, faults: Sequence[Fault]) -> ReadRoster:
    """The same without the students of these lines, which can't be taken."""
    lines = {fault.line for fault in faults}
    left = tuple(student for student in read.students if student.line not in lines)
    return replace(read, students=left, faults=tuple(sorted((*read.faults, *faults), key=lambda fault: fault.line)))


def _once(student: Student, first: dict[str, int], looks: dict[str, tuple[str, int]]) -> Student | Fault:
    key = key_of(student.user_id)
    if key in first:
        return Fault(student.line, "id", _("This is the student of line %(line)s again.", line=first[key]), _("Keep one of the two lines."))
    if (alike := looks.get(look(student.user_id))) is not None:
        other, line = alike
        what = _("This id looks like %(other)s in line %(line)s.", other=repr(other), line=line)
        return Fault(student.line, "id", what, _("Type the id anew: some of its letters are of another script."))
    first[key] = student.line
    looks[look(student.user_id)] = (student.user_id, student.line)
    return student


class _Wrong(Exception):
    """A cell that can't be taken: which, what is wrong with it, how to mend it."""

    def __init__(self, column: Column | None, what: str, mend: str) -> None:
        super().__init__(what)
        self.column, self.what, self.mend = column, what, mend


def _student(line: Line, columns: Sequence[Column | None]) -> Student | Fault:
    cells: dict[Column, str] = {column: tidy(cell) for column, cell in zip(columns, line.cells, strict=False) if column is not None}
    cells["name"] = _whole_name(cells)
    try:
        _check_quotes(cells)
        percent, minutes = _extra(cells.get("extra", "")) if "extra" in columns else (None, None)
        return Student(
            line.number,
            _id(cells.get("id", "")),
            _text("name", cells, NAME_MAX),
            _email(cells.get("email", "")),
            percent,
            minutes,
            _text("note", cells, NOTE_MAX),
            _preset(cells.get("preset", "")),
        )
    except _Wrong as wrong:
        return Fault(line.number, wrong.column, wrong.what, wrong.mend)


def _whole_name(cells: Mapping[Column, str]) -> str:
    """The name, of two columns with the given name first; beside both of these a third has the whole of it."""
    given, name, family = (cells.get(column, "") for column in _PARTS_OF_NAME)
    return name if given and name and family else " ".join(part for part in (given, name, family) if part)


def _check_quotes(cells: Mapping[Column, str]) -> None:
    one_liners: tuple[Column, ...] = ("id", "name", "email")
    if any("\n" in cells.get(column, "") for column in one_liners):
        raise _Wrong(None, _("A quotation mark opens here and is not closed on this line."), _("Close it, or take it away."))


def _id(cell: str) -> str:
    if not cell:
        raise _Wrong("id", _("There is no id."), _("Give each student the id by which your institution knows them."))
    try:
        return normal_id(cell)
    except ValueError as error:
        raise _Wrong("id", _("The id %(problem)s", problem=error.args[0]), _("Write it as your institution does.")) from None


def _text(column: Column, cells: Mapping[Column, str], most: int) -> str:
    text = " ".join(cells.get(column, "").split())
    if len(text) > most:
        what = ngettext("%(column)s has %(count)s character.", "%(column)s has %(count)s characters.", len(text), column=column)
        raise _Wrong(column, what, ngettext("Shorten it to %(count)s character.", "Shorten it to %(count)s characters.", most))
    try:
        return one_line(printable(text))
    except ValueError as error:
        raise _Wrong(column, _("%(column)s %(problem)s", column=column, problem=error.args[0]), _("Type it anew.")) from None


def _email(cell: str) -> str:
    if cell and not is_email(cell):
        raise _Wrong("email", _("%(email)s is no address of e-mail.", email=repr(cell[:100])), _("Write it as name@example.org, or leave it out."))
    return cell


def _extra(cell: str) -> tuple[float, float]:
    extra = extra_time(cell) if cell else (0.0, 0.0)
    if extra is None:
        what = _("%(given)s is no extra time; at most 300 per cent or 1,440 minutes are given.", given=repr(cell[:50]))
        raise _Wrong("extra", what, _("Write minutes, such as 30, or a share of the exam’s length, such as 25%."))
    return extra


def _preset(cell: str) -> PresetName | None:
    preset = preset_called(cell) if cell else None
    if cell and preset is None:
        what = _("%(given)s is no accommodation that is known by name.", given=repr(cell[:50]))
        raise _Wrong("preset", what, _("Set it for this student by hand."))
    return preset


def is_email(text: str) -> bool:
    """Is it one address of e-mail, that can stand in a letter's head?"""
    return len(text) <= EMAIL_MAX and _EMAIL.fullmatch(text) is not None and text.isprintable()


def extra_time(given: str) -> tuple[float, float] | None:
    """Per cent and minutes of an extra time as people write it (`25%`, `30`, `30 min`, `1:30`, `25% + 30 min`); None for what is none."""
    given = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in given.strip().lower())
    first, plus, second = given.lstrip("+").partition("+")
    if not plus:
        return _one_extra(given)
    both = _one_extra(first.strip()), _one_extra(second.strip())
    if both[0] is None or both[1] is None or bool(both[0][0]) == bool(both[1][0]):
        return None
    return both[0][0] + both[1][0], both[0][1] + both[1][1]


def _one_extra(given: str) -> tuple[float, float] | None:
    if clock := _CLOCK.fullmatch(given):
        return _bounded(0.0, int(clock["hours"]) * 60.0 + int(clock["minutes"]))
    found = _EXTRA.fullmatch(given)
    if found is None:
        return None
    number, unit = float(found["number"].replace(",", ".")), found["unit"].rstrip(".")
    if unit in _PER_CENT:
        return _bounded(number, 0.0)
    if unit in _MINUTES or unit in _HOURS:
        return _bounded(0.0, number * (60 if unit in _HOURS else 1))
    return None


def _bounded(percent: float, minutes: float) -> tuple[float, float] | None:
    return (percent, minutes) if percent <= PERCENT_MAX and minutes <= MINUTES_MAX else None


def tidy(cell: str) -> str:
    """A cell without what a spreadsheet, a table's copy or our own CSV put around it: spaces, marks that show nothing, the sign before a formula."""
    text = cell.strip().strip(_UNSEEN_AT_ENDS).strip()
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@" else text


def _columns_of_head(cells: Sequence[str]) -> list[Column | None] | None:
    """What a head says of the columns; None where the line is no head."""
    found: list[Column | None] = []
    for cell in cells:
        word = "" if any(character.isdigit() for character in cell) else _plain(tidy(cell))  # `student-1` is an id
        column = next((name for name in COLUMNS if word in _WORDS[name] and name not in found), None)
        found.append(column)
    return found if "id" in found and sum(one is not None for one in found) >= min(2, len(cells)) else None


def _is_unparted_head(line: Line) -> bool:
    """Is it a head whose columns are parted by a sign that parts none here?"""
    words = {_plain(word) for word in re.split(r"\W+", line.cells[0])} if len(line.cells) == 1 else set()
    return not words.isdisjoint(_WORDS["id"]) and not words.isdisjoint(_WORDS["name"] | _WORDS["email"])


def _unparted() -> tuple[str, str]:
    what = _("This is the head of a table whose columns are parted by a sign that is not known here.")
    return what, _("Save the table with commas, semicolons or tabs between its columns.")


def _guessed(rows: Sequence[Sequence[str]]) -> list[Column | None]:
    """What the columns are, as their cells look: the first has the ids, others e-mail or extra time, the rest are name and note in their order."""
    width = max((len(row) for row in rows), default=1)
    found: list[Column | None] = ["id", *[None] * (width - 1)]
    for at in range(1, width):
        cells = [text for row in rows if len(row) > at and (text := tidy(row[at]))]
        kinds: Iterable[tuple[Column, int]] = (
            ("email", sum("@" in cell for cell in cells)),
            ("extra", sum(extra_time(cell) is not None for cell in cells)),
            ("preset", sum(preset_called(cell) is not None for cell in cells)),
        )
        found[at] = next((name for name, count in kinds if cells and count * 2 > len(cells) and name not in found), None)
    rest: list[Column] = ["name", "note"]
    for at in range(1, width):
        if found[at] is None and rest:
            found[at] = rest.pop(0)
    return found


def _plain(word: str) -> str:
    text = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in text if character.isalpha())


_WORDS: Mapping[Column, frozenset[str]] = {column: frozenset(_plain(word) for word in words) for column, words in HEADS.items()}
