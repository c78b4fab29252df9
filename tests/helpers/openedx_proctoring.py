"""Open edX's own `edx-proctoring`, in an environment of its own: its client, its programming interface and its views, on loopback.

It prints its port. `POST /do` with `{"do": NAME, …}` calls a function below, as Studio and the LMS do; `/api/edx_proctoring/…` are its views.
"""

# mypy: ignore-errors

import json
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

COURSE = "course-v1:Uni+ALG1+2026"
TOKEN = "lms-token"


class AsService:
    """In the place of the LMS's own tokens: whoever brings this one is the user that was made for the proctoring service."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.META.pop("HTTP_AUTHORIZATION", "") == f"JWT {TOKEN}":
            request.user = User.objects.get(username="proctor-service")
            request._dont_enforce_csrf_checks = True
        return self.get_response(request)


settings.configure(
    SECRET_KEY="of the tests",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.sites",
        "rest_framework",
        "waffle",
        "edx_when",
        "rules.apps.AutodiscoverRulesConfig",
        "edx_proctoring",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.AsService",
        "crum.CurrentRequestUserMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", "rules.permissions.ObjectPermissionBackend"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    SITE_ID=1,
    SITE_NAME="lms.example",
    HTTPS="off",
    PLATFORM_NAME="Open edX of the tests",
    LMS_ROOT_URL="https://lms.example",
    LEARNING_MICROFRONTEND_URL="https://learning.lms.example",
    FEATURES={},
    ENV_ROOT="/nowhere",
    COURSE_ID_PATTERN=r"(?P<course_id>[^/+]+(/|\+)[^/+]+(/|\+)[^/?]+)",
    PROCTORING_SETTINGS={},
    PROCTORING_BACKENDS={"DEFAULT": "proctor"},
    PROCTORING_USER_OBFUSCATION_KEY="of the tests",
    CONTACT_EMAIL="info@lms.example",
    DEFAULT_FROM_EMAIL="info@lms.example",
    TECH_SUPPORT_EMAIL="info@lms.example",
    JWT_AUTH={"JWT_AUTH_COOKIE": "jwt"},
    LOGGING_CONFIG=None,
)
django.setup()

from django.apps import apps  # noqa: E402 (Django must be set up first)
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from edx_proctoring import api  # noqa: E402
from edx_proctoring.backends.rest import BaseRestProctoringProvider  # noqa: E402
from edx_proctoring.runtime import set_runtime_service  # noqa: E402
from edx_proctoring.tests import test_services as services  # noqa: E402
from edx_proctoring.utils import obscured_user_id  # noqa: E402


class ProctorBackend(BaseRestProctoringProvider):
    """The few lines that a site installs."""

    verbose_name = "Exam proctoring"


def configure(**options):
    apps.get_app_config("edx_proctoring").backends["proctor"] = ProctorBackend(**options)
    return {}


def backend():
    return apps.get_app_config("edx_proctoring").backends["proctor"]


def config():
    return backend().get_proctoring_config()


def exam(content_id, practice=False, exam_name="Mid-term"):
    made = api.create_exam(COURSE, content_id, exam_name, 90, is_proctored=True, is_practice_exam=practice, backend="proctor")
    return told(made)


def change(exam_id, **fields):
    api.update_exam(exam_id, **fields)
    return told(exam_id)


def told(exam_id):
    found = api.get_exam_by_id(exam_id)
    return {"id": exam_id, "external_id": found["external_id"], "rules": backend().get_exam({"id": found["external_id"]})}


def attempt(exam_id, user):
    return shown(api.create_exam_attempt(exam_id, student(user).id, taking_as_proctored=True))


def shown(attempt_id):
    found = api.get_exam_attempt_by_id(attempt_id)
    ours = backend().get_attempt(found) if found["external_id"] else {}
    return {"id": attempt_id, "external_id": found["external_id"], "status": found["status"], "ours": ours}


def status(attempt_id, to):
    api.update_attempt_status(attempt_id, to)
    return {"status": api.get_exam_attempt_by_id(attempt_id)["status"]}


def remove(attempt_id):
    api.remove_exam_attempt(attempt_id, requesting_user=User.objects.get(username="proctor-service"))
    return {"gone": api.get_exam_attempt_by_id(attempt_id) is None}


def retire(user):
    return {"erased": backend().retire_user(obscured_user_id(student(user).id, "proctor"))}


def onboarding(user):
    return backend().get_onboarding_profile_info(COURSE, user_id=obscured_user_id(student(user).id, "proctor"))


def dashboard(**more):
    user = {"id": "c" * 40, "full_name": "Ada Byron", "email": "ada@uni.example"}
    return {"url": backend().get_instructor_url(COURSE, user, **more)}


def student(name):
    return User.objects.get_or_create(username=name, defaults={"email": f"{name}@uni.example"})[0]


DO = {one.__name__: one for one in (configure, config, exam, change, attempt, shown, status, remove, retire, onboarding, dashboard)}


def do(request):
    said = json.loads(request.body)
    try:
        return JsonResponse(DO[said.pop("do")](**said))
    except Exception as error:
        return JsonResponse({"error": f"{type(error).__name__}: {error}"}, status=500)


def token(request):
    right = (request.POST["client_id"], request.POST["client_secret"], request.POST["token_type"]) == ("proctor", "there", "jwt")
    return JsonResponse({"access_token": TOKEN, "expires_in": 600} if right else {"error": "invalid_client"}, status=200 if right else 401)


urlpatterns = [path("do", do), path("oauth2/access_token", token), path("api/", include("edx_proctoring.urls"))]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_given):
        pass


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    service = User.objects.create(username="proctor-service")
    service.groups.add(Group.objects.create(name="proctor_review"))
    set_runtime_service("credit", services.MockCreditService(profile_fullname="Ann Lee"))
    set_runtime_service("instructor", services.MockInstructorService())
    set_runtime_service("grades", services.MockGradesService())
    set_runtime_service("certificates", services.MockCertificateService())
    with make_server("127.0.0.1", 0, WSGIHandler(), handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
