"""What one app is made of. Each app has its own `Parts`; nothing in it is shared between two apps in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from basics.figures import Figure
from basics.texts import _
from basics.times import utc_now
from cluster.notices import AccommodationsImported
from media.clip_stills import ClipStills
from records.conclusions import Conclusions
from records.entry_codes import EntryKeys
from records.exam_passwords import ExamPasswords
from records.hooks import Hooks
from records.identity import IdentityRecords
from records.kept_files import KeptFiles, files_of, s3_origin
from records.logins import EndedLogins
from records.lti_attempts import LtiAttempts
from records.lti_courses import LtiCourses
from records.lti_waiting import LtiWaiting
from records.mailer import Mailer
from records.names import Names
from records.outbox import Outbox
from records.platform_acts import PlatformActs
from records.results import Results
from records.reviews import Reviews
from records.rosters import RosterRow, Rosters
from records.snippet_secrets import SnippetSecrets
from records.student_answers import StudentAnswers
from scoring.exam import ExamDefinition
from settings.settings import Settings
from storage.disks import Disks
from storage.erased import ErasedMark
from web.access.codes import Codes
from web.access.limits import RateLimit
from web.access.people import People
from web.access.sign_in import SignIn
from web.access.who_may import Access
from web.exam_page import ExamPage
from web.hop.sending import Hops
from web.integrations.lti.outward import Outward
from web.integrations.lti.service import Platforms
from web.integrations.lti.tool import LtiTool
from web.integrations.openedx.tool import OpenEdx
from web.links import Links
from web.student.cut_links import CutLinks
from web.student.http_links import HttpLinks
from web.traces import Traces

if TYPE_CHECKING:
    from cluster.bus import Bus
    from cluster.membership import Membership
    from cluster.notices import Notice
    from database import Database
    from records.audit_export import AuditExport
    from records.exams import Exams
    from records.hook_sender import HookSender
    from records.retention import Retention
    from records.uploads import Uploads
    from sessions.monitor import Monitor
    from web.access.oidc import Provider
    from web.integrations.lti.act_sender import ActSender
    from web.proctor.live import Live

WRONG_ASKS, WRONG_ASKS_S = 200, 60.0  # questions of exams' own sites that are not believed, from one address; as many are looked at together
EXTENSION = "proctor"  # the parts' name in `app.extensions`


@dataclass(slots=True)
class Parts:
    """The parts a request may use. `live` is the proctors' Socket.IO, None where only REST is served; `links` the students who are connected,
    `by_http` what is kept of those whose network blocks WebSockets; `membership` knows the other servers, `bus` tells them, `retention` deletes
    what was kept for long enough, `audit_export` sends the audit on, `uploads` clips to their store, `hook_sender` tells other systems, `act_sender`
    learning platforms; they are set where the server runs. `instance` is the server's name among others, as it began; each of `figures` gives some
    for `/metrics`, which are asked for then.
    """

    settings: Settings
    database: Database
    monitor: Monitor
    access: Access
    links: Links
    live: Live | None = None
    membership: Membership | None = None
    bus: Bus | None = None
    retention: Retention | None = None
    audit_export: AuditExport | None = None
    uploads: Uploads | None = None
    hook_sender: HookSender | None = None
    act_sender: ActSender | None = None
    instance: str = ""
    figures: list[Callable[[], Iterable[Figure]]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    reviews: Reviews = field(init=False)
    conclusions: Conclusions = field(init=False)
    results: Results = field(init=False)
    answers: StudentAnswers = field(init=False)
    stills: ClipStills = field(init=False)
    disks: Disks = field(init=False)
    by_http: HttpLinks = field(init=False)
    cut_links: CutLinks = field(default_factory=CutLinks)
    exam_page: ExamPage = field(init=False)
    people: People = field(init=False)
    sign_in: SignIn = field(init=False)
    provider: Provider | None = field(init=False)
    rosters: Rosters = field(init=False)
    codes: Codes = field(init=False)
    mailer: Mailer = field(init=False)
    names: Names = field(init=False)
    hooks: Hooks = field(init=False)
    outbox: Outbox = field(init=False)
    identity: IdentityRecords = field(init=False)
    erased: ErasedMark = field(init=False)
    files: KeptFiles = field(init=False)
    hops: Hops = field(init=False)
    traces: Traces | None = field(init=False)
    exam_passwords: ExamPasswords = field(init=False)
    snippet_secrets: SnippetSecrets = field(init=False)
    snippet_asks: RateLimit = field(default_factory=lambda: RateLimit(WRONG_ASKS, WRONG_ASKS_S, _("Many tokens were not believed.")))
    lti_waiting: LtiWaiting = field(init=False)
    lti_courses: LtiCourses = field(init=False)
    lti_attempts: LtiAttempts = field(init=False)
    platform_acts: PlatformActs = field(init=False)
    platforms: Platforms = field(init=False)
    lti: LtiTool = field(init=False)
    openedx: OpenEdx = field(init=False)

    @property
    def exams(self) -> Exams:
        """The exams that somebody defined."""
        return self.monitor.exams

    @property
    def clips_from(self) -> str:
        """The address of the store to which who watches a clip is sent; empty: clips come from this server."""
        return s3_origin(self.settings) if self.settings.clip_store == "s3" and self.settings.s3_presigned else ""

    def tell(self, notice: Notice) -> None:
        """Tell the other servers on this database, where there may be any, that something is another than before. Never blocks."""
        if self.bus is not None:
            self.bus.post(notice)

    def _definition_of(self, exam_id: str | None) -> ExamDefinition | None:
        exam = self.exams.get(exam_id)
        return exam.definition if exam is not None else None

    def _course_of(self, exam_id: str | None) -> str:
        definition = self._definition_of(exam_id)
        return definition.course if definition is not None else ""

    def _accommodated(self, rows: Sequence[RosterRow], by: str) -> None:
        self.monitor.accommodations.changed_elsewhere()
        self.monitor.taking_effect.changed_in({row.user_id for row in rows}, rows[0].exam_id, by)
        self.tell(AccommodationsImported(rows[0].exam_key))

    def lists_deleted(self, exam_key: str) -> None:
        """Students of this exam's list, and what it made different for them, went by their time. Raise `StorageError`."""
        self.rosters.forget()
        self.monitor.accommodations.read_all_again()
        self.tell(AccommodationsImported(exam_key))

    def __post_init__(self) -> None:
        self.access.link_number = lambda session_id: self.monitor.link_number(session_id)  # noqa: PLW0108 (asked late: tests have apps without one)
        self.people = People(self.database, self.settings)
        self.access.sign_ins = self.people
        self.access.ended_logins = EndedLogins(self.database)
        self.sign_in = SignIn(self.access, self.people, lambda entry: self.database.audit(entry))  # noqa: PLW0108 (tests have apps without one)
        self.provider = _provider(self.settings) if self.settings.oidc_issuer else None
        outward = Outward(self.settings.lti_hosts)
        self.lti = LtiTool(self.database, self.access.secret_key, outward)
        self.openedx = OpenEdx(self.database, self.access.secret_key, outward)
        self.reviews = Reviews(self.database)
        self.rosters = Rosters(self.database, EntryKeys(self.access.secret_key))
        self.rosters.route_of = lambda row: self.monitor.maker.routing.of(row.user_id, row.exam_id)
        self.rosters.accommodated = self._accommodated
        self.codes = Codes()
        self.mailer = Mailer(self.settings, self.database, lambda: self.exams, self.rosters)
        self.names = Names(self.database, lambda: self.exams, self.rosters, anonymous=self.settings.anonymous_review)
        if self.live is not None:
            self.live.name_of = self.names.known
            self.live.where = lambda session_id: self.monitor.elsewhere.where(session_id)  # noqa: PLW0108 (tests have apps without one)
        self.hooks = Hooks(self.database, self.access.secret_key, self.settings.private_hosts)
        self.outbox = Outbox(
            self.database,
            utc_now,
            keep_days=self.settings.hooks_keep_days,
            course_of=self._course_of,
            name_of=self.names.of,
            is_anonymous=self.names.are_untold,
        )
        self.answers = StudentAnswers(self.database, self.reviews, self._definition_of, self.settings)
        self.conclusions = Conclusions(self.database, may_conclude=[self.answers.may_conclude])
        self.results = Results(self.database, names=self.names.of_exam)
        self.files = files_of(self.settings, self.database)
        self.erased = ErasedMark.of(self.settings)
        self.identity = IdentityRecords(self.database, self.files, self.names.of_exam)
        self.by_http = HttpLinks()
        self.hops = Hops(self.access.secret_key, self.membership)
        self.traces = Traces(self.settings, self.instance or self.hops.name) if self.settings.traces_url else None
        if self.traces is not None:
            self.hops.traces = self.traces
            self.figures.append(self.traces.figures)
        self.figures.append(self.hops.figures)
        if self.membership is not None:
            self.figures.append(self.membership.figures)
        self.exam_page = ExamPage(self.settings)
        self.exam_passwords = ExamPasswords(self.database, self.access.secret_key)
        self.snippet_secrets = SnippetSecrets(self.database, self.access.secret_key)
        self.lti_waiting = LtiWaiting(self.database)
        self.lti_courses = LtiCourses(self.database)
        self.lti_attempts = LtiAttempts(self.database)
        self.platform_acts = PlatformActs(self.database, self.outbox, utc_now)
        self.platforms = Platforms(outward, self.lti.keys)
        self.stills = ClipStills(self.settings.temp_dir / "stills")
        folders = {"data": self.settings.data_dir, "temp": self.settings.temp_dir, "clips": self.settings.clips_dir, "logs": self.settings.log_dir}
        folders["identity"] = self.settings.identity_dir
        self.disks = Disks(folders, min_free_mb=self.settings.min_free_mb)


def _provider(settings: Settings) -> Provider:
    from web.access.oidc import Provider  # its libraries take a tenth of a second to load, and few servers have a provider

    return Provider(settings)


def parts_of(app: Flask) -> Parts:
    """The parts of `app`."""
    return cast(Parts, app.extensions[EXTENSION])


def parts() -> Parts:
    """The parts of the app that answers the present request."""
    return parts_of(current_app)
