// The snippet on an exam's page of another site: the bar, the window that watches, and what is done on this page, told to that window.

import { ActWatch } from "../sending/acts.js";
import { pageMs } from "../shared/clock.js";
import { Bar } from "./bar.js";
import { Watcher } from "./watcher.js";

const TICK_MS = 100;
const TOKEN_MS = 10_000; // the window waits for 15 s

/** Begin on this page. `address` is the script's own, as the page names it; `words` are the bar's. */
export function start(address, words) {
  const { dataset } = [...document.scripts].find((one) => one.src === address) ?? { dataset: {} };
  const { searchParams: query } = new URL(address);
  const exam = query.get("exam");
  if (!exam || !dataset.tokenUrl) throw new Error("The exam's page must load embed/snippet.js?exam=KEY in a script with type=\"module\" and data-token-url.");
  let acts = null;
  const watcher = new Watcher(window, {
    home: new URL(address.slice(0, address.indexOf("embed/snippet.js"))),
    exam,
    lang: query.get("lang") ?? "",
    token: () => tokenFrom(dataset.tokenUrl),
    onChange: ({ state, message }) => {
      bar.draw({ state, message });
      document.dispatchEvent(new CustomEvent("proctor", { detail: { state } }));
      if (state === "watched" && !acts) {
        acts = new ActWatch(window, (act) => watcher.act(act, pageMs() - act.page_ms), { blurLeast: watcher.blurLeast, elsewhere: () => watcher.hasFocus });
        acts.start();
      }
      acts?.pause(state !== "watched");
    },
  });
  const bar = new Bar(document, words, { onOpen: () => watcher.open(), onShow: () => watcher.show() });
  bar.draw(watcher);
  setInterval(() => {
    watcher.look();
    acts?.look();
    bar.keep();
  }, TICK_MS);
}

/** The start token: this site's own server knows from its cookie who the student is. */
async function tokenFrom(address) {
  const answer = await fetch(address, { method: "POST", credentials: "same-origin", signal: AbortSignal.timeout(TOKEN_MS) });
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
  return answer.text();
}
