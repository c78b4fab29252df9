// What is said of an exam's results and of what people conclude about sessions.

import { spellSeconds } from "../shared/clock.js";
import { _, list, ngettext, pgettext } from "../shared/translate.js";
import { labelled, percent } from "./phrases.js";

const conclusions = { no_finding: _("No finding"), finding: _("Finding"), passed_on: _("Passed on"), retake: _("To be taken again") };
const byAt = (name, time) => _("%(name)s, %(time)s", { name, time });

export const resultsTexts = {
  title: _("Results"),
  titleOf: (exam) => _("Results: %(exam)s", { exam }),
  failed: (message) => _("The results can’t be read. %(message)s", { message }),
  undefinedExam: _("Nobody defined this exam: it has the settings of this server."),
  fourEyes: _("A conclusion of this exam needs a second person."),
  sums: ({ sessions, open, none, proposed, contested, concluded }) =>
    list(
      [
        ngettext("%(count)s session", "%(count)s sessions", sessions),
        open && ngettext("%(count)s with flags to decide", "%(count)s with flags to decide", open),
        none && ngettext("%(count)s not concluded", "%(count)s not concluded", none),
        proposed && ngettext("%(count)s waiting for a second person", "%(count)s waiting for a second person", proposed),
        contested && ngettext("%(count)s contested", "%(count)s contested", contested),
        concluded && ngettext("%(count)s concluded", "%(count)s concluded", concluded),
      ].filter(Boolean),
    ),
  shown: (count, of) => {
    if (!count) return _("No session matches this choice.");
    return of > count ? ngettext("%(count)s session is shown; there are more.", "%(count)s sessions are shown; there are more.", count) : ngettext("%(count)s session.", "%(count)s sessions.", count);
  },
  watched: (seconds, of, share) => _("%(time)s of %(whole)s (%(share)s)", { time: spellSeconds(seconds), whole: spellSeconds(of), share: percent(share) }),
  unknown: _("Not known"),
  running: _("Running"),
  waiting: _("Not begun yet"),
  conclusions,
  /** What stands about a session, in a few words. */
  stands: ({ conclusion, state }) => {
    if (state === "proposed") return _("%(conclusion)s (waits for a second person)", { conclusion: conclusions[conclusion] });
    return state === "contested" ? _("%(conclusion)s (contested)", { conclusion: conclusions[conclusion] }) : conclusions[conclusion];
  },
  byAt,
  second: ({ agrees, by }, time) => (agrees ? _("%(name)s agreed, %(time)s", { name: by, time }) : _("%(name)s did not agree, %(time)s", { name: by, time })),
  none: _("Nothing is concluded."),
  notConcluded: _("Not concluded"),
  conclude: _("Conclude"),
  change: _("Conclusion"),
  concludeOf: (user) => _("Conclude the session of %(user)s", { user }),
  sessionOf: (user) => _("The session of %(user)s", { user }),
  who: (user, exam) => (exam ? _("The session of %(user)s in %(exam)s", { user, exam }) : _("The session of %(user)s", { user })),
  report: _("Report"),
  reportOf: (user) => _("The report of %(user)s", { user }),
  hints: {
    open: (count) => ngettext("%(count)s flag is not decided yet.", "%(count)s flags are not decided yet.", count),
    fourEyes: _("This exam asks for a second person: what you conclude is proposed until another one agrees."),
    second: _("It waits for a second person, who must be another one than the first."),
    contested: _("A third person settles it with a conclusion of their own."),
    withdraw: _("To conclude it anew, withdraw what is in force first."),
    running: _("It can be concluded once it has ended."),
  },
  atOnce: {
    conclude: {
      button: (count) => ngettext("Conclude %(count)s without a finding", "Conclude %(count)s without a finding", count),
      title: _("Conclude without a finding"),
      text: (count) => ngettext("%(count)s session has ended, no flag of it is confirmed or waits for a decision, and it is not concluded yet. Nothing is held against its student.", "%(count)s sessions have ended, no flag of them is confirmed or waits for a decision, and they are not concluded yet. Nothing is held against their students.", count),
      yes: (count) => ngettext("No finding for %(count)s", "No finding for %(count)s", count),
      done: (count) => ngettext("Concluded without a finding: %(count)s session.", "Concluded without a finding: %(count)s sessions.", count),
    },
    agree: {
      button: (count) => ngettext("Agree to %(count)s without a finding", "Agree to %(count)s without a finding", count),
      title: _("Agree as the second person"),
      text: (count) => ngettext("Of %(count)s session another person proposes no finding, and no flag of it is confirmed or waits for a decision. With you it is concluded.", "Of %(count)s sessions another person proposes no finding, and no flag of them is confirmed or waits for a decision. With you they are concluded.", count),
      yes: (count) => ngettext("Agree to %(count)s", "Agree to %(count)s", count),
      done: (count) => ngettext("You agreed to %(count)s session.", "You agreed to %(count)s sessions.", count),
    },
    unwatched: (count) => ngettext("%(count)s more could be watched for less than half of its time: look at it by itself.", "%(count)s more could be watched for less than half of their time: look at them by themselves.", count),
    notBegun: (count) => ngettext("%(count)s ended before its student came, and is left as it is.", "%(count)s ended before their students came, and are left as they are.", count),
    meanwhile: (count) => ngettext("%(count)s was left: somebody else acted on it meanwhile.", "%(count)s were left: somebody else acted on them meanwhile.", count),
    doing: (count) => ngettext("%(count)s is left.", "%(count)s are left.", count),
  },
  packing: (count) => ngettext("The package of %(count)s session is put together while it is downloaded.", "The package of %(count)s sessions is put together while it is downloaded: some minutes for hundreds. You can go on meanwhile.", count),
  reasonNeeded: _("(needed with all but No finding)"),
  reasonWithdraw: _("(needed to withdraw)"),
  reasonSecond: _("(needed unless you agree)"),
  choose: _("Choose one of the four."),
  allTheSame: _("Conclude all the same"),
  settle: _("Settle it"),
  noName: _("Nothing was concluded: it is kept with a name, and none was given."),
  notDone: (message) => _("That was not done. %(message)s", { message }),
  done: {
    proposed: _("It is proposed, and waits for a second person."),
    concluded: _("It is concluded."),
    contested: _("It is contested: a third person settles it."),
    withdrawn: _("It is withdrawn."),
  },
  /** One act of the history. */
  act: ({ act, conclusion, by }, time) => {
    const values = { conclusion: conclusions[conclusion] ?? "", name: by, time };
    if (act === "agreed") return _("%(time)s: %(name)s agreed", values);
    if (act === "disagreed") return _("%(time)s: %(name)s did not agree", values);
    if (act === "settled") return _("%(time)s: %(name)s settled it: %(conclusion)s", values);
    if (act === "withdrawn") return _("%(time)s: %(name)s withdrew: %(conclusion)s", values);
    return _("%(time)s: %(name)s concluded: %(conclusion)s", values);
  },
  withReason: (text, reason) => (reason ? labelled(text, reason) : text),
  exam: {
    made: (time, zone) => _("Made %(time)s (%(zone)s)", { time, zone }),
    sums: {
      sessions: _("Sessions"), open: _("With flags to decide"), disputed: _("With opinions that differ"), none: _("Not concluded"), proposed: _("Waiting for a second person"), contested: _("Contested"), concluded: _("Concluded"),
      no_finding: conclusions.no_finding, finding: conclusions.finding, passed_on: conclusions.passed_on, retake: conclusions.retake,
    },
    studentHead: [_("Student"), _("Could be watched"), _("Points"), _("To decide"), pgettext("flags", "Confirmed"), pgettext("flags", "Dismissed"), _("Opinions differ"), _("Conclusion")],
    peopleHead: [_("Name"), _("Flags confirmed"), _("Flags dismissed"), _("Concluded"), _("Agreed"), _("Did not agree"), _("Settled"), _("Withdrew")],
    nobody: _("Nobody has decided anything yet."),
    noSessions: _("There is no session."),
    reason: (text) => _("Reason: %(text)s", { text }),
  },
};
