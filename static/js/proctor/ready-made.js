// Lists of ready-made words: what is chosen stands in the field beside the list, where it can be changed before it is sent.

/** Wire every list in `root`. A text of the proctor's own is not written over: what is chosen is added to it. */
export function wireReadyMade(root) {
  for (const list of root.querySelectorAll("[data-fills]")) {
    const field = document.getElementById(list.dataset.fills);
    const all = new Set([...list.options].map(({ value }) => value));
    list.addEventListener("change", () => {
      if (!list.value) return;
      const own = field.value.trim();
      field.value = (own && !all.has(own) ? `${own} ${list.value}` : list.value).slice(0, field.maxLength);
    });
  }
}

/** The list begins anew: its words were sent, or belong to nothing that is open. */
export function clearReadyMade(field) {
  field.value = "";
  for (const list of document.querySelectorAll(`[data-fills="${field.id}"]`)) list.selectedIndex = 0;
}
