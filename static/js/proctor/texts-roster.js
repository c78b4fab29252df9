// What the page of an exam's students says.

import { _, ngettext, number } from "../shared/translate.js";

export const rosterTexts = {
  named: (name, user) => _("%(name)s (%(user)s)", { name, user }),
  failed: (message) => _("The students can’t be read. %(message)s", { message }),
  sum: (count) => ngettext("%(count)s student", "%(count)s students", count),
  found: (count) => ngettext("%(count)s student fits.", "%(count)s students fit.", count),
  everyState: _("Every state"),
  notCome: _("Has not come"),
  counted: (state, count) => _("%(state)s (%(count)s)", { state, count: number(count) }),
  states: {
    added: _("Not invited"), invited: _("Invited"), rehearsed: _("Rehearsed"), awaited: _("Not come yet"), late: _("Late"), absent: _("Did not come"),
    in_exam: _("In the exam"), ended: _("Ended"), to_review: _("To review"), concluded: _("Concluded"),
  },
  rehearsedAt: (time) => _("Rehearsed %(time)s", { time }),
  notReady: (items) => _("Not ready: %(items)s", { items }),
  begunAt: (time) => _("Began %(time)s", { time }),
  endedAt: (time) => _("Ended %(time)s", { time }),
  percent: (share) => _("%(share)s%% extra time", { share: number(share) }),
  minutes: (count) => ngettext("%(count)s minute of extra time", "%(count)s minutes of extra time", count),
  presets: {
    reads_aloud: _("Reads aloud"), eye_movement: _("Tics or involuntary eye movement"), low_vision: _("Low vision or screen reader"), breaks: _("Breaks"), another_person: _("Another person present"),
  },
  noPreset: _("None"),
  course: {
    asks: _("The learning platform is asked…"),
    filled: ({ new: fresh, changed, inactive }) => _("The list is filled: %(fresh)s new, %(changed)s changed, %(inactive)s not active in the course.", { fresh: number(fresh), changed: number(changed), inactive: number(inactive) }),
    failed: (message) => _("The list stays as it was. %(message)s", { message }),
    left: _("Not active in the course"),
  },
  revoked: _("Revoked"),
  sent: (time) => _("Sent %(time)s", { time }),
  givenOut: (time) => _("Given out %(time)s", { time }),
  notGivenOut: _("Not given out"),
  mail: { queued: _("The letter waits to be sent"), failed: (error) => _("The letter could not be sent: %(error)s", { error }) },
  open: _("Link and details"),
  session: _("Session"),
  tooLarge: _("The file has more than 3 MB. An exam takes 5,000 students at most."),
  empty: _("Paste a list, or choose a file."),
  unreadable: _("The file can’t be read. Choose it again."),
  previewFailed: (message) => _("The list can’t be read. %(message)s", { message }),
  previewSum: (count, fresh, changed, same) =>
    _("%(students)s: %(fresh)s new, %(changed)s changed, %(same)s as they are.", {
      students: ngettext("%(count)s student", "%(count)s students", count), fresh: number(fresh), changed: number(changed), same: number(same),
    }),
  columns: { id: _("ID"), name: _("Name"), email: _("E-mail"), extra: _("Extra time"), note: _("Note"), preset: _("Accommodation") },
  leftOut: _("left out"),
  read: (columns) => _("The columns are taken as: %(columns)s.", { columns }),
  encoding: (encoding) => _("The file is written in %(encoding)s.", { encoding }),
  faults: (count) => ngettext("%(count)s line can’t be taken", "%(count)s lines can’t be taken", count),
  moreRows: (count) => ngettext("%(count)s more student is not shown here.", "%(count)s more students are not shown here.", count),
  missing: (count) => ngettext("Take out %(count)s student who is not in this list", "Take out %(count)s students who are not in this list", count),
  change: { new: _("New"), changed: _("Changed"), same: _("As it is") },
  take: (count) => ngettext("Import %(count)s student", "Import %(count)s students", count),
  mendFirst: _("Some lines can’t be taken. Mend them and look at the list again, or leave them out."),
  taken: ({ new: fresh, changed, removed }) => _("The list is imported: %(fresh)s new, %(changed)s changed, %(removed)s taken out.", { fresh: number(fresh), changed: number(changed), removed: number(removed) }),
  takeFailed: (message) => _("The list is not imported. %(message)s", { message }),
  changeFailed: (message) => _("That was not changed. %(message)s", { message }),
  queued: (count) => ngettext("%(count)s letter is on its way.", "%(count)s letters are on their way.", count),
  withoutAddress: (count) => ngettext("%(count)s student has no address of e-mail.", "%(count)s students have no address of e-mail.", count),
  mailFailed: (message) => _("The letters are not sent. %(message)s", { message }),
  notComeSum: (count, late) => {
    const missing = ngettext("%(count)s student has not come", "%(count)s students have not come", count);
    return late ? ngettext("%(missing)s, %(count)s late", "%(missing)s, %(count)s late", late, { missing }) : missing;
  },
  notComeOf: (count, total) => _("%(count)s of %(total)s", { count: number(count), total: number(total) }),
  linksSet: (count) => ngettext("%(count)s link and code changed.", "%(count)s links and codes changed.", count),
  sure: {
    renew: [_("Renew all links and codes?"), _("Those that were given out let nobody in any more. Give out the new ones afterwards."), _("Renew")],
    revoke: [_("Revoke all links and codes?"), _("They let nobody in until they are restored or renewed."), _("Revoke")],
    mail: [_("Send the letters now?"), _("Students get them within minutes. What is sent can’t be had back."), _("Send")],
    renewOne: (user) => [_("New link and code for %(user)s?", { user }), _("The old ones let nobody in any more."), _("Renew")],
    saveFirst: [_("Save what you have changed here first?"), _("The accommodation is on another page, and what is not saved is lost."), _("Save and go on")],
    remove: (user) => [_("Take %(user)s out of the list?", { user }), _("The link and the code let nobody in any more."), _("Take out")],
  },
};
