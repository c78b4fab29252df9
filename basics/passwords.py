"""Whether a password is one that is guessed: too short, or made of what everybody tries first."""

from __future__ import annotations

import re
import unicodedata

from basics.texts import _, ngettext

LEAST = 12  # characters
LEAST_OWN = 5  # characters that are left once the common parts are taken out
LEAST_KINDS = 5  # different characters

# Parts of the lists of leaked passwords, and what is near at hand in such a server. Figures and signs for letters are undone before.
COMMON = (
    *("administrator", "administration", "motherfucker", "international", "professional", "examination", "university", "passwort", "password"),
    *("proctoring", "proctor", "student", "teacher", "college", "school", "changeme", "letmein", "welcome", "iloveyou", "sunshine", "princess"),
    *("football", "baseball", "basketball", "superman", "batman", "starwars", "pokemon", "dragon", "monkey", "master", "shadow", "michael"),
    *("jackson", "jessica", "jennifer", "charlie", "liverpool", "manchester", "barcelona", "chelsea", "arsenal", "juventus", "supernatural"),
    *("transformers", "playstation", "needforspeed", "minecraft", "counterstrike", "finalfantasy", "residentevil", "harrypotter", "samsung"),
    *("justinbieber", "onedirection", "hannahmontana", "jesuslovesme", "ingodwetrust", "leavemealone", "cookiemonster", "peanutbutter"),
    *("telechargement", "sonnenschein", "ichliebedich", "motdepasse", "contrasena", "default", "example", "secret", "server", "access"),
    *("trustno", "whatever", "computer", "internet", "google", "facebook", "linkedin", "hello", "login", "admin", "guest", "demo", "test"),
    *("jamesbond", "sonyericsson", "projectsadmin", "ihatethisgame", "startfinding", "gettherefast", "cosmopolitan", "christopher", "neworleans"),
    *("ilovemyfamily", "stratocaster", "edwardcullen", "migration", "combat", "fallenangel", "heterosexual", "avrillavigne", "kartoffelpuffer"),
    *("megaparol", "seniseviyorum", "familiya", "gfhjkm", "ghbdtn", "przyjaciolki", "sebastian", "polniypizdec", "lightpower", "united"),
    *("exam", "pass", "user", "root", "love", "temp", "mypassword", "qazwsxedcrfv", "qazwsxedc", "qazwsx", "zaqxswcde", "qazxswedc"),
)
ROWS: tuple[str, ...] = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "01234567890")
ROWS += ("1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "zaq1xsw2cde3vfr4", "q1w2e3r4t5y6u7i8o9p0", "qweasdzxc", "147258369")
RUN = 3  # neighbours in a row
FIGURES = str.maketrans("013457", "oleast")
SIGNS = str.maketrans("@$€", "ase")
YEARS = re.compile(r"(19|20)\d\d")


def why_too_weak(password: str) -> str:
    """What is wrong with `password`, to be followed by what to do; empty where nothing is."""
    if len(password) < LEAST:
        return ngettext(
            "has %(count)s character and needs at least %(least)s",
            "has %(count)s characters and needs at least %(least)s",
            len(password),
            least=LEAST,
        )
    plain = re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", password).casefold().translate(SIGNS))
    if plain.isdigit():
        return _("has no letters")
    if len(set(password)) < LEAST_KINDS or re.fullmatch(r"(.{1,4}?)\1+.{0,3}", plain):
        return _("is the same few characters again and again")
    # Words first and rows after, and the other way round: `qwerty123` is read either way.
    if min(len(_without_rows(_without_words(plain))), len(_without_words(_without_rows(plain)))) < LEAST_OWN:
        return _("is one that everybody tries first")
    return ""


def _without_words(text: str) -> str:
    undone = text.translate(FIGURES)
    for word in sorted(COMMON, key=len, reverse=True):
        while (at := undone.find(word)) >= 0:
            undone, text = undone[:at] + undone[at + len(word) :], text[:at] + text[at + len(word) :]
    return text


def _without_rows(text: str) -> str:
    text = YEARS.sub("", text)
    kept, at = "", 0
    while at < len(text):
        length = max(_run(text, at, row) for row in (*ROWS, *(row[::-1] for row in ROWS), text[at] * 30))
        kept, at = (kept, at + length) if length >= RUN else (kept + text[at], at + 1)
    return kept


def _run(text: str, at: int, row: str) -> int:
    """How many characters of `text` from `at` on stand so in `row`."""
    begin, length = row.find(text[at]), 0
    while begin >= 0 and at + length < len(text) and begin + length < len(row) and text[at + length] == row[begin + length]:
        length += 1
    return length
