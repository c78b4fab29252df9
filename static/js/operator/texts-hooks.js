// Every sentence that the scripts of the page Webhooks say, ready for translation.

import { _, ngettext } from "../shared/translate.js";

export const texts = {
  failed: (message) => _("The webhooks can’t be read. %(message)s", { message }),
  everything: _("Everything"),
  kinds: (count) => ngettext("%(count)s kind of event", "%(count)s kinds of events", count),
  ofExams: (exams) => _("Exams: %(exams)s", { exams }),
  ofCourses: (courses) => _("Courses: %(courses)s", { courses }),
  withNames: _("With names"),
  enabled: _("Enabled"),
  disabled: _("Disabled"),
  disabledWhy: (why) => _("Disabled by the server: %(why)s", { why }),
  failing: (time, why) => _("It has taken nothing since %(time)s: %(why)s", { time, why }),
  slow: (time) => _("It asked to be left alone until %(time)s", { time }),
  oldSecret: (time) => _("The old secret signs until %(time)s", { time }),
  show: _("Deliveries"),
  showOf: (name) => _("Deliveries of %(name)s", { name }),
  test: _("Test"),
  testOf: (name) => _("Send a test to %(name)s", { name }),
  change: _("Change"),
  changeOf: (name) => _("Change %(name)s", { name }),
  disable: _("Disable"),
  enable: _("Enable"),
  secret: (name) => _("Secret of %(name)s", { name }),
  secretText: _("The receiver checks each notice’s signature with it. It is shown this once."),
  sure: {
    secret: { title: (name) => _("Make a new secret for %(name)s?", { name }), text: _("It signs from now on; the one before signs beside it for 24 hours. Change it at the receiver in that time."), yes: _("Make it") },
    disable: { title: (name) => _("Disable %(name)s?", { name }), text: _("Nothing is sent to it any more, and what happens meanwhile is not kept for it. What waits already is sent when it is enabled again."), yes: _("Disable") },
    remove: { title: (name) => _("Remove %(name)s?", { name }), text: _("Nothing is sent to it any more. What waits, and the list of what was sent, is deleted."), yes: _("Remove") },
  },

  deliveries: {
    failed: (message) => _("The deliveries can’t be read. %(message)s", { message }),
    states: { waiting: _("Waits"), delivered: _("Delivered"), given_up: _("Given up") },
    tries: (count) => ngettext("%(count)s try", "%(count)s tries", count),
    next: (time) => _("next at %(time)s", { time }),
    page: _("A web page answered. Look whether something stands in front of the receiver, such as a login."),
    again: _("Send again"),
    againOf: (event, time) => _("Send again: %(event)s of %(time)s", { event, time }),
    answered: (status, ms) => _("%(status)s in %(ms)s ms", { status, ms }),
  },
};
