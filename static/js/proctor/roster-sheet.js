// The sheet of codes: printed once all its pictures are there.

import { byId } from "../shared/dom.js";

byId("print").addEventListener("click", async () => {
  await Promise.allSettled([...document.querySelectorAll(".code-cards img")].map((picture) => picture.decode()));
  print();
});
