"""Open edX's own platform code (`lti-consumer-xblock`), in an environment of its own: `python openedx_platform.py KEY`.

It prints its port. `/tool` takes where the tool is (`at`), and its public key (`pem`) where it can't be asked for it. `/open?user=…&role=…` begins a
launch as a course's page does, with `message` one of a proctored exam; `/auth` answers our login; `/keys` are its keys. `/start` takes the message by
which its exam starts, and shows a browser the exam; `/token` and `/control` take what is asked of an attempt.
"""

# mypy: ignore-errors

import json
import sys
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import django
from django.conf import settings

settings.configure(
    PLATFORM_NAME="Open edX of the tests",
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    LTI_CUSTOM_URL_CLAIM=None,
    FEATURES={},
    SECRET_KEY="of the tests",
)
django.setup()

from lti_consumer.data import Lti1p3LaunchData, Lti1p3ProctoringLaunchData  # noqa: E402 (Django must be set up first)
from lti_consumer.lti_1p3.constants import LTI_1P3_ACS_SCOPE  # noqa: E402
from lti_consumer.lti_1p3.consumer import LtiConsumer1p3, LtiProctoringConsumer  # noqa: E402
from lti_consumer.utils import get_data_from_cache  # noqa: E402

KEY = sys.argv[1]
COURSE = "course-v1:Uni+ALG1+2026"
LINK = "block-v1:Uni+ALG1+2026+type@lti_consumer+block@1"
TOOL = {}
CAME = {}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        given = dict(parse_qsl(address.query))
        if address.path == "/keys":
            self.answer("application/json", json.dumps(consumer().get_public_keyset()))
        elif address.path == "/open":
            CAME.update(given)
            data = Lti1p3LaunchData(
                user_id=given["user"],
                user_role=given["role"],
                config_id="1",
                resource_link_id=LINK,
                name=given["name"],
                email=given["email"],
                launch_presentation_document_target="window",
                context_id=COURSE,
                context_title="Algebra 1",
                context_label=COURSE,
                **({"message_type": given["message"], "proctoring_launch_data": attempt()} if "message" in given else {}),
            )
            self.send_response(302)
            self.send_header("Location", consumer().prepare_preflight_url(data))
            self.end_headers()
        else:
            self.auth(given)

    def auth(self, given):
        data = get_data_from_cache(given["lti_message_hint"])
        platform = proctoring() if data.proctoring_launch_data else consumer()
        platform.set_user_data(user_id=data.user_id, role=data.user_role, full_name=data.name, email_address=data.email)
        platform.set_resource_link_claim(data.resource_link_id)
        platform.set_launch_presentation_claim(document_target=data.launch_presentation_document_target)
        platform.set_context_claim(data.context_id, context_title=data.context_title, context_label=data.context_label)
        form = platform.generate_launch_request(given)
        fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in form.items())
        self.answer(
            "text/html", f'<form method="post" action="{escape(given["redirect_uri"])}">{fields}</form><script>document.forms[0].submit()</script>'
        )

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body))
        if self.path == "/tool":
            TOOL.clear()
            TOOL.update(json.loads(body))
            self.answer("text/plain", "")
        elif self.path == "/start":
            said = json.dumps(proctoring().check_and_decode_token(form["JWT"]))
            if "text/html" not in self.headers.get("Accept", ""):
                self.answer("application/json", said)
                return
            over = urlencode({**CAME, "message": "LtiEndAssessment"})
            self.answer("text/html", f'<!doctype html><h1>Question 1</h1><pre>{escape(said)}</pre><a href="/open?{escape(over)}">Submit</a>')
        elif self.path == "/token":
            platform = proctoring() if LTI_1P3_ACS_SCOPE in form["scope"] else consumer()  # Open edX has one for each block, as it is set there
            self.answer("application/json", json.dumps(platform.access_token(form)))
        elif proctoring().check_token(self.headers["Authorization"].removeprefix("Bearer "), [LTI_1P3_ACS_SCOPE]):
            self.answer("application/json", json.dumps(f"{json.loads(body)['action']} by the tool"))
        else:
            self.send_error(403)

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given):
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
ISSUER = f"http://127.0.0.1:{server.server_address[1]}"


def consumer(kind=LtiConsumer1p3):
    return kind(
        iss=ISSUER,
        lti_oidc_url=f"{TOOL['at']}/lti/login",
        lti_launch_url=f"{TOOL['at']}/lti/launch",
        client_id="tool-1",
        deployment_id="1",
        rsa_key=open(KEY).read(),
        rsa_key_id="of-openedx",
        redirect_uris=[f"{TOOL['at']}/lti/launch"],
        **({"tool_key": TOOL["pem"]} if "pem" in TOOL else {"tool_keyset_url": f"{TOOL['at']}/lti/jwks"}),
    )


def attempt():
    control = {"assessment_control_url": f"{ISSUER}/control", "assessment_control_actions": ["flag", "terminate"]}
    return Lti1p3ProctoringLaunchData(attempt_number=1, start_assessment_url=f"{ISSUER}/start", **control)


def proctoring():
    platform = consumer(LtiProctoringConsumer)
    one = attempt()
    platform.set_proctoring_data(
        attempt_number=one.attempt_number,
        session_data="of this browser",
        resource_link_id=LINK,
        start_assessment_url=one.start_assessment_url,
        assessment_control_url=one.assessment_control_url,
        assessment_control_actions=one.assessment_control_actions,
    )
    return platform


print(server.server_address[1], flush=True)
server.serve_forever()
