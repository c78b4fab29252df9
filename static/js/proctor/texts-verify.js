// The sentences of the page that checks a package.

import { _, ngettext, number } from "../shared/translate.js";

const about = (path) => path || _("the package");

export const verifyTexts = {
  reading: (share) => _("Checking: %(share)s %% are done.", { share: number(Math.floor(100 * share)) }),
  unreadable: _("The file can't be read. Choose it again."),
  insecure: _("This browser checks nothing on a page without HTTPS. Open this page by https://, or use “flask --app app verify”."),
  notWhole: _("This is no whole package: it was cut off, something was added at its end, or it is another file."),
  unchanged: _("Nothing was changed."),
  lacking: (count) =>
    ngettext(
      "Nothing was changed, but it is not whole: %(count)s file that its records say is there could not be put in. Have it made again.",
      "Nothing was changed, but it is not whole: %(count)s files that its records say are there could not be put in. Have it made again.",
      count,
    ),
  changed: (count) => ngettext("%(count)s thing is not as it was.", "%(count)s things are not as they were.", count),
  unsigned: _("No file was changed since the list of hashes was made, but this browser can't check who signed that list. Use a current browser, or “flask --app app verify”."),
  wrong: {
    changed: (path) => _("%(file)s was changed.", { file: about(path) }),
    unsigned: (path) => _("%(file)s was changed: its signature does not fit.", { file: about(path) }),
    around: (path) => _("%(file)s was changed: what stands before it is not as it was.", { file: about(path) }),
    added: (path) => _("%(file)s was added afterwards.", { file: about(path) }),
    gone: (path) => _("%(file)s is gone.", { file: about(path) }),
    twice: () => _("A file stands in it twice."),
    list: () => _("Its list of files was changed."),
  },
  facts: { key: _("Signed by the key"), made: _("Made"), by: _("By"), exam: _("Exam"), sessions: _("Sessions"), files: _("Files"), chain: _("End of the audit’s chain") },
  missing: (path, why) => _("Not in it from the start: %(file)s (%(why)s)", { file: path, why }),
  keyRight: _("The key is the one that you gave."),
  keyWrong: _("The key is another one than the one that you gave."),
  keyOpen: _("Whose key it is says only its fingerprint: compare it with the one that the school gives, at its server’s /api/packages/key."),
};
