// Every sentence that the scripts of the pages of people say, ready for translation.

import { texts as shared } from "../shared/texts.js";
import { _, list, ngettext } from "../shared/translate.js";

const ROLES = { administrator: _("Administrator"), teacher: _("Teacher"), proctor: _("Proctor"), officer: _("Accommodations officer"), auditor: _("Auditor") };

export const texts = {
  ...shared,

  people: {
    failed: (message) => _("The accounts can’t be read. %(message)s", { message }),
    sum: (count, more) => (more ? ngettext("%(count)s person; there are more.", "%(count)s people; there are more.", count) : ngettext("%(count)s person.", "%(count)s people.", count)),
    role: (role) => ROLES[role] ?? role,
    noRole: _("No role"),
    byGroup: (roles) => _("By group: %(roles)s", { roles: list(roles) }),
    inExam: (exam, roles) => _("%(exam)s: %(roles)s", { exam, roles: list(roles) }),
    groupsAre: (roles) => _("The institution’s groups give these roles too: %(roles)s. They are changed there.", { roles: list(roles) }),
    states: { active: _("Active"), invited: _("Invited"), disabled: _("Disabled") },
    invitedUntil: (time) => _("Invited until %(time)s", { time }),
    invitationOver: _("The invitation is over"),
    secondFactor: _("with a second factor"),
    loggedIn: (count) => ngettext("logged in at %(count)s place", "logged in at %(count)s places", count),
    never: _("Never"),
    change: _("Change"),
    changeOf: (name) => _("Change %(name)s", { name }),
    about: (login, state) => _("%(login)s, %(state)s", { login, state }),
    disable: _("Disable the account"),
    enable: _("Enable the account"),
    invitation: (name) => _("Invitation for %(name)s", { name }),
    invitationText: _("Send this link to the person alone. It is good once, for seven days, and is shown this once."),
    sure: {
      disable: { title: (name) => _("Disable the account of %(name)s?", { name }), text: _("All its logins end at once, and what is watched by them. What the person decided stays."), yes: _("Disable") },
      remove: { title: (name) => _("Delete the account of %(name)s?", { name }), text: _("All its logins end at once. Who comes from the learning platform again gets a new one; disable it to keep somebody out."), yes: _("Delete") },
      reset: { title: (name) => _("Reset the account of %(name)s?", { name }), text: _("Password and second factor are taken away and all logins end. The person chooses a new password by a link."), yes: _("Reset") },
      out: { title: (name) => _("Log %(name)s out everywhere?", { name }), text: _("All logins end at once, and what is watched by them. The person can log in again."), yes: _("Log out") },
      revoke: { title: (name) => _("Revoke the token %(name)s?", { name }), text: _("Scripts that send it are refused from now on."), yes: _("Revoke") },
    },
  },

  tokens: {
    failed: (message) => _("The tokens can’t be read. %(message)s", { message }),
    allExams: _("All"),
    noEnd: _("No end"),
    over: (time) => _("Over since %(time)s", { time }),
    used: (time, address) => (address ? _("%(time)s from %(address)s", { time, address }) : time),
    never: _("Never"),
    revoke: _("Revoke"),
    revokeOf: (name) => _("Revoke %(name)s", { name }),
    made: (name) => _("Token %(name)s", { name }),
    madeText: _("The script sends it as “Authorization: Bearer …”. It is shown this once."),
    noScope: _("Choose what it may."),
  },

  account: {
    failed: (message) => _("Your account can’t be read. %(message)s", { message }),
    passwordSet: _("The password is changed. Your other logins have ended."),
    factorSet: _("The second factor is set. Your other logins have ended."),
    factorRemoved: _("The second factor is removed."),
    factor: { none: _("None: your password alone lets you in."), set: (left) => ngettext("Set. %(count)s recovery code is left.", "Set. %(count)s recovery codes are left.", left) },
    here: _("This login"),
    end: _("Log out"),
    endOf: (browser, time) => _("Log out %(browser)s, used %(time)s", { browser, time }),
    ended: _("That login has ended."),
    othersEnded: _("All other logins have ended."),
    unknownBrowser: _("Another program"),
    browserOn: (browser, system) => _("%(browser)s on %(system)s", { browser, system }),
  },

  platforms: {
    failed: (message) => _("The learning platforms can’t be read. %(message)s", { message }),
    noDeployment: _("None yet"),
    on: _("On"),
    off: _("Off"),
    add: _("Register a learning platform"),
    change: _("Change"),
    changeOf: (name) => _("Change %(name)s", { name }),
    remove: _("Remove"),
    removeOf: (name) => _("Remove %(name)s", { name }),
    link: _("Registration link"),
    linkText: _("For the platform’s administrator alone, who pastes it as the tool’s registration URL. It is good once, for a day, and is shown this once."),
    rotated: _("The next key is published. This server signs with it from tomorrow on."),
    sure: {
      remove: { title: (name) => _("Remove %(name)s?", { name }), text: _("Nobody comes from this platform any more, and the logins of its teachers end. Exams, accounts and sessions stay."), yes: _("Remove") },
      rotate: { title: () => _("Make a new signing key?"), text: _("Platforms read it for a day before it is used, and know the present one until a day after."), yes: _("Make it") },
    },
  },

  invitation: {
    noToken: _("This is not the whole link. Open it once more from the message that you were sent."),
    invited: (name) => _("You were invited as %(name)s.", { name }),
    done: _("The password is set. You go on to the login."),
  },
};
