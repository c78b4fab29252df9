"""Lists of students as they come: encodings, delimiters, heads in five languages, and what is wrong with a line."""

from __future__ import annotations

import pytest

from basics.errors import InvalidInput, TooLarge
from records.roster_file import read_list
from records.roster_rows import ReadRoster, extra_time, read_roster, with_known


def read(data: bytes | str) -> ReadRoster:
    return read_roster(read_list(data))


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"), ("cp1252", "Windows-1252")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, told: str, delimiter: str) -> None:
    rows = [["id", "name", "e-mail"], ["s1", "Änne Müller", "a@uni.example"], ["s2", "José Núñez", ""], ["s3", "Zoë", "z@uni.example"]]
    found = read("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    assert (found.encoding, found.delimiter, found.columns) == (told, delimiter, ("id", "name", "email"))
    assert [student.name for student in found.students] == ["Änne Müller", "José Núñez", "Zoë"]


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [("sep=;\nid;name", ";"), ("SEP=|\r\nid|name", "|"), ("\ufeffsep=;\n\nid;name", ";"), ("id;name", ";"), ("id|name", "|")],
)
def test_no_delimiter_is_taken_for_another_and_a_line_that_names_it_for_a_student(head: str, delimiter: str) -> None:
    found = read("\n".join((head, *(f"s{number}{delimiter}Ann, Dr., M.Sc." for number in range(3)))))
    assert (found.delimiter, found.has_head, found.faults) == (delimiter, True, ())
    assert [(student.user_id, student.name) for student in found.students] == [(f"s{number}", "Ann, Dr., M.Sc.") for number in range(3)]
    assert found.students[0].line == head.count("\n") + 2


@pytest.mark.parametrize("delimiter", [":", "/", " ", "^"])
def test_a_sign_that_parts_no_columns_is_said_to_be_none(delimiter: str) -> None:
    found = read(f"id{delimiter}name\ns1{delimiter}Ann\n")
    assert "not known here" in found.faults[0].what
    assert (found.faults[0].line, found.delimiter) == (1, "")
    assert read("s.name@uni.example\nid-1\n").faults == ()


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("Nachname;Vorname;Matrikelnummer", "Müller;Änne Sofie;s1"),
        ("First name;Surname;ID number", "Änne Sofie;Müller;s1"),
        ("Matrikelnummer;Name;Vorname", "s1;Müller;Änne Sofie"),
        ("Matrícula;Nombre;Apellidos", "s1;Änne Sofie;Müller"),
        ("id;name;given name;family name", "s1;Änne Sofie Müller;Änne;M."),
    ],
)
def test_a_name_in_two_columns_is_one(head: str, cells: str) -> None:
    found = read(f"{head}\n{cells}\n")
    assert [(student.user_id, student.name) for student in found.students] == [("s1", "Änne Sofie Müller")]
    assert "name" in found.has


def test_a_list_in_another_code_page_is_read_as_that() -> None:
    text = "id;name\n" + "".join(f"s{number};Иванов Иван Иванович\n" for number in range(20))
    found = read(text.encode("cp1251"))
    assert (found.encoding, found.students[0].name) == ("Windows-1251", "Иванов Иван Иванович")


@pytest.mark.parametrize(
    "head",
    [
        "Student ID,Full name,E-mail,Extra time,Comment,Accommodation",
        "Matrikelnummer,Name,E-Mail-Adresse,Zeitverlängerung,Bemerkung,Nachteilsausgleich",
        "Numéro,Nom,Courriel,Temps majoré,Remarque,Aménagement",
        "Matrícula,Nombre,Correo electrónico,Tiempo extra,Nota,Adaptación",
        "Matrícula,Nome,Correio eletrónico,Tempo extra,Observações,Adaptações",
        "الرقم الجامعي,الاسم,البريد الإلكتروني,وقت إضافي,ملاحظات,تسهيلات",
    ],
)
def test_heads_are_known_in_the_languages_of_the_pages(head: str) -> None:
    found = read(f"{head}\n1,Ann,a@uni.example,25%,sits apart,tics\n")
    assert found.columns == ("id", "name", "email", "extra", "note", "preset")
    (student,) = found.students
    assert (student.extra_percent, student.note, student.preset) == (25, "sits apart", "eye_movement")


def test_columns_without_heads_are_told_by_what_stands_in_them() -> None:
    found = read("s1\ta@uni.example\tAnn\t30 min\nstudent-2\tb@uni.example\tBo\t\n")
    assert (found.has_head, found.columns) == (False, ("id", "email", "name", "extra"))
    assert [student.extra_min for student in found.students] == [30, 0]
    assert read("student\n").students == ()  # a head alone
    assert [student.user_id for student in read("student-1\nstudent-2\n").students] == ["student-1", "student-2"]


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("s 1,Ann", "id", "a space"),
        (",Ann", "id", "There is no id"),
        (f"s1,{'x' * 20_000}", None, "characters"),
        (f"s1,{'x' * 300}", "name", "300 characters"),
        ("s1,\u202eevil", "name", "U+202E"),
        ("s\u200b1,Ann", "id", "U+200B"),
        ("аnna,Anna", "id", "two scripts"),
        ("s1,Ann,no address", "email", "no address"),
        ("s1,Ann,a@uni.example\nBcc: x@y.example", None, ""),
        ("s1,Ann,,999%", "extra", "no extra time"),
        ("s1,Ann,,,,unheard of", "preset", "known by name"),
        ('s1,"Ann\ns2,Bo', None, "quotation mark"),
        ("ok-1,Again", "id", "line 2 again"),
        ("OK-1,Again", "id", "line 2 again"),
        ("0k-1,Fine", "", ""),
    ],
)
def test_each_line_that_cannot_be_taken_says_why_and_what_to_do(line: str, column: str | None, what: str) -> None:
    found = read(f"id,name,e-mail,extra time,note,accommodation\nok-1,Ok,,,,\n{line}\n")
    if column == "":
        assert found.faults == ()
        return
    fault = found.faults[0]
    assert (fault.line, fault.column) == (3, column) if "Bcc" not in line else fault.line == 4
    assert what in fault.what
    assert fault.mend


def test_what_only_frames_an_id_is_taken_off() -> None:
    found = read("id,name\n\u200fs1\u200f,\ufeffAnn \n\u00a0s2 ,'=1+1\n")
    assert [(student.user_id, student.name) for student in found.students] == [("s1", "Ann"), ("s2", "=1+1")]
    assert read("id,name\nعلی‌رضا,علی‌رضا\n").students[0].user_id == "علی‌رضا"  # with the joiner that Persian names have


@pytest.mark.parametrize(
    ("given", "extra"),
    [
        ("33.3333%", (33.3333, 0)),  # as our own table has it
        *(("25%", (25, 0)), ("25 %", (25, 0)), ("12,5 %", (12.5, 0)), ("٢٥٪", (25, 0)), ("30", (0, 30)), ("+30 min", (0, 30)), ("1:30", (0, 90))),
        *(("1,5 h", (0, 90)), ("2 Stunden", (0, 120)), ("301%", None), ("1441", None), ("-5", None), ("a lot", None), ("1e9", None)),
        *(("25% + 30 min", (25, 30)), ("+15+10%", (10, 15)), ("25%+30%", None), ("10+20 min", None), ("25%+", None), ("1+2+3%", None)),
    ],
)
def test_extra_time_is_read_as_people_write_it(given: str, extra: tuple[float, float] | None) -> None:
    assert extra_time(given) == extra


def test_ids_are_spelled_as_they_are_known_and_mere_look_alikes_refused() -> None:
    found = with_known(read("id,name\nANNA,Anna\nсаrо,Caro\n".replace("саrо", "саго")), {"anna": "Anna", "caro": "caro"})
    assert [student.user_id for student in found.students] == ["Anna"]
    assert "looks like 'caro'" in found.faults[0].what


def test_millions_of_lines_are_refused_before_they_are_read() -> None:
    for data in (b"a\n" * 2_000_000, "a\n" * 1_000_000, b"a,b\n" * 6_001):
        with pytest.raises(TooLarge):
            read_list(data)
    with pytest.raises(InvalidInput, match="no list of text"):
        read_list(b"PK\x03\x04\x00\x00spreadsheet" + bytes(range(256)))
