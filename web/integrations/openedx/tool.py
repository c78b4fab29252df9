"""What the Open edX backend of one server is made of: what is kept, how it is asked, and its limits."""

from __future__ import annotations

from basics.texts import _
from database import Database
from records.edx_attempts import EdxAttempts
from records.edx_exams import EdxExams
from records.edx_installations import Installations
from web.access.limits import RateLimit
from web.integrations.lti.outward import Outward
from web.integrations.openedx.lms import Lms
from web.integrations.openedx.tokens import Tokens

WRONG, WRONG_S = 20, 60.0  # secrets that are wrong, of one address in so many seconds
CALLS, CALLS_S = 600, 10.0  # of one installation: an exam begins for a thousand at once, each with two or three
COMINGS, COMINGS_S = 30, 10.0  # of teachers, of one address


class OpenEdx:
    """Safe between threads."""

    def __init__(self, database: Database, secret_key: str, outward: Outward) -> None:
        self.installations = Installations(database, secret_key)
        self.exams = EdxExams(database)
        self.attempts = EdxAttempts(database)
        self.tokens = Tokens(secret_key, self.installations)
        self.lms = Lms(outward, self.installations)
        self.wrong = RateLimit(WRONG, WRONG_S, _("Too many secrets from this address were wrong."))
        self.calls = RateLimit(CALLS, CALLS_S, _("Open edX asks too often."))
        self.comings = RateLimit(COMINGS, COMINGS_S, _("Many come at once."))
