// The page that checks a package on the reader's own computer. Once it is loaded it needs no connection, and it sends nothing.

import { byId, make, setText } from "../shared/dom.js";
import { checkPackage } from "./package-check.js";
import { verifyTexts as t } from "./texts-verify.js";

const SHOWN_MAX = 200;
let turn = 0; // the newest choice; one that was overtaken shows nothing

function line(name, value) {
  return make("div", {}, make("dt", { text: name }), make("dd", {}, make("bdi", { text: value })));
}

function show(result) {
  const { about = {}, findings = [], fingerprint = "", files = 0, signed, whole } = result;
  const missing = Array.isArray(about.missing) ? about.missing : [];
  const lacking = missing.filter((row) => row?.lacking === true).length;
  const wrong = !whole || findings.length > 0 || lacking > 0;
  const right = lacking ? t.lacking(lacking) : signed === null ? t.unsigned : t.unchanged;
  const said = !whole ? t.notWhole : findings.length ? t.changed(findings.length) : right;
  byId("verify-verdict").classList.toggle("error", wrong);
  setText(byId("verify-verdict"), said);
  byId("verify-findings").replaceChildren(...findings.slice(0, SHOWN_MAX).map(({ path, wrong: how }) => make("li", { text: t.wrong[how](path) })));
  const wanted = byId("verify-key").value.trim().toLowerCase().replace(/^sha256:/, "");
  setText(byId("verify-whose"), !fingerprint ? "" : !wanted ? t.keyOpen : wanted === fingerprint ? t.keyRight : t.keyWrong);
  const facts = [
    [t.facts.key, fingerprint],
    [t.facts.made, about.made_at],
    [t.facts.by, about.made_by],
    [t.facts.exam, about.exam_id],
    [t.facts.sessions, about.sessions?.join(" ")],
    [t.facts.files, files ? String(files) : ""],
    [t.facts.chain, about.chain ? `${about.chain.seq}:${about.chain.hash}` : ""],
  ];
  byId("verify-facts").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => line(name, String(value))));
  byId("verify-missing").replaceChildren(...missing.slice(0, SHOWN_MAX).map(({ path, why }) => make("li", { text: t.missing(path, why) })));
}

async function check(file) {
  turn += 1;
  const own = turn;
  for (const id of ["verify-findings", "verify-facts", "verify-missing"]) byId(id).replaceChildren();
  setText(byId("verify-whose"), "");
  byId("verify-verdict").classList.remove("error");
  byId("verify-verdict").hidden = false;
  if (!globalThis.crypto?.subtle) {
    setText(byId("verify-verdict"), t.insecure);
    return;
  }
  setText(byId("verify-verdict"), t.reading(0));
  try {
    const result = await checkPackage(file, { tell: (share) => own === turn && setText(byId("verify-progress"), t.reading(share)) });
    if (own === turn) show(result);
  } catch (error) {
    console.error(error);
    if (own === turn) setText(byId("verify-verdict"), t.unreadable);
  }
  if (own === turn) setText(byId("verify-progress"), "");
}

const checkChosen = () => {
  const [file] = byId("verify-file").files;
  if (file) check(file);
};
byId("verify-file").addEventListener("change", checkChosen);
byId("verify-key").addEventListener("change", checkChosen);
