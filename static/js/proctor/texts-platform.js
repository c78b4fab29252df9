// The sentences about the learning platform that has a session proctored, and what people ask of it.

import { _, ngettext } from "../shared/translate.js";

export const platformTexts = {
  attempt: (platform, number) => _("%(platform)s has this session proctored: attempt %(number)s.", { platform, number }),
  started: (when) => _("It was told on %(when)s to start its exam.", { when }),
  notStarted: _("It was not told to start its exam yet: the student does that once the check has passed and recording has begun."),
  ended: (when) => _("On %(when)s it said that the exam is over.", { when }),
  problem: (words) => _("It says that something went wrong: %(words)s", { words }),
  takesNothing: _("It takes no word on this attempt: what is to happen there is done there."),
  actions: {
    flag: _("Flag it there"),
    pause: _("Pause it there"),
    resume: _("Let it go on there"),
    terminate: _("End it there"),
    update: _("Give more time there"),
  },
  sure: {
    flag: _("Flag this attempt at the learning platform?"),
    pause: _("Pause the exam at the learning platform?"),
    resume: _("Let the exam go on at the learning platform?"),
    terminate: _("End the exam at the learning platform?"),
    update: _("Give more time at the learning platform?"),
  },
  asked: { flag: _("Flag"), pause: _("Pause"), resume: _("Go on"), terminate: _("End the exam"), update: _("More time") },
  told: (asked, state) => _("%(asked)s: %(state)s", { asked, state }),
  from: (by, when) => _("%(name)s, %(when)s", { name: by, when }),
  waits: _("being sent"),
  waitsAgain: (reason) => _("not taken yet, tried again (%(reason)s)", { reason }),
  taken: _("taken"),
  stands: { none: _("no attempt"), running: _("the attempt runs"), paused: _("the attempt is paused"), terminated: _("the attempt was ended"), complete: _("the attempt is complete") },
  extra: (minutes) => ngettext("%(count)s minute more", "%(count)s minutes more", minutes),
  notTaken: _("not taken."),
  refused: (status, said) => (said ? _("It answered with status %(status)s: %(said)s", { status, said }) : _("It answered with status %(status)s.", { status })),
  why: {
    late: _("It could not be reached in time."),
    gone: _("It is not registered here any more."),
    off: _("It is switched off here, or takes no word on this attempt any more."),
    unsure: _("Its answer was lost, so it can’t be told whether it was taken. Look there, and ask again if not."),
    page: _("A web page answered in place of its service, so it can’t be told whether it was taken. Look there, and ask again if not."),
    withdrawn: _("Withdrawn by a person."),
  },
  withdraw: _("Withdraw"),
  failed: (message) => _("That did not work. %(message)s", { message }),
  unreadable: (message) => _("How it stands at the learning platform can’t be read. %(message)s", { message }),
};
