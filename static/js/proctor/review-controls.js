// The keys and buttons of the review page, and what each asks of it.

import { byId, oneWish } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { askReviewer } from "./ask-reviewer.js";
import { keyAction } from "./review-keys.js";

const KEYS_OFF = "review.keys";

/** Let people work `page` (the review page) by keys and buttons. */
export function wireControls(page) {
  const { player, verdict, list } = page;
  const dismiss = () => page.mayDecide() && verdict.startDismissing();
  const actions = {
    next: () => page.move(1),
    previous: () => page.move(-1),
    play: () => player.toggle(),
    back: () => player.seekBy(-1),
    forward: () => player.seekBy(1),
    frame_back: () => player.step(-1),
    frame_forward: () => player.step(1),
    confirm: () => page.decide("confirmed"),
    dismiss,
    cancel: () => verdict.stopDismissing(),
    note: () => byId("note").focus(),
    undo: () => page.undo(),
    mute: () => player.mute(),
    speed: () => page.speed.next(),
    boxes: () => page.boxes.toggle(),
    same: () => page.same.toggle(),
    keys: () => byId("keys-dialog").showModal(),
  };
  const withoutItem = new Set(["keys", "undo", "speed", "boxes"]);

  function act(action) {
    if (action.startsWith("reason:")) page.decide("dismissed", action.slice("reason:".length));
    else if (page.queue.current || withoutItem.has(action)) actions[action]?.();
  }

  function key(event) {
    if (document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.matches("textarea, select, input:not([type=range], [type=checkbox])")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const onControl = target.closest("button, a, summary, [type=checkbox]") && !list.contains(target);
    if (event.key === " " && onControl) return;
    const action = keyAction(event, { dismissing: verdict.dismissing });
    const single = event.key.length === 1;
    if (!action || (single && !byId("keys-switch").checked)) return;
    event.preventDefault();
    act(action);
  }

  document.addEventListener("keydown", key);
  oneWish(byId("confirm")).addEventListener("click", actions.confirm);
  oneWish(byId("dismiss")).addEventListener("click", () => (verdict.dismissing ? verdict.stopDismissing() : dismiss()));
  oneWish(byId("undo")).addEventListener("click", actions.undo);
  byId("keys").addEventListener("click", actions.keys);
  byId("more").addEventListener("click", () => page.read());
  byId("fresh").addEventListener("click", () => page.restart());
  byId("note").addEventListener("input", ({ target }) => page.queue.current && page.decisions.drafts.set(page.queue.current.video_id, target.value));
  byId("note").addEventListener("change", () => page.saveNote());
  byId("who").addEventListener("click", async () => {
    await askReviewer();
    page.drawWho();
  });
  const keys = byId("keys-switch");
  keys.checked = remembered(KEYS_OFF) !== "off";
  keys.addEventListener("change", () => remember(KEYS_OFF, keys.checked ? "on" : "off"));
}
