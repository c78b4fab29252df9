// What whoever runs the server must know, a line each at the top of every proctors' page: which part isn't well, why, and what to do.

import { call } from "../shared/api.js";
import { byId, icon, make } from "../shared/dom.js";
import { socket } from "./desk.js";
import { troublesOf } from "./troubles.js";

const READ_MS = 10_000;
const list = byId("server-trouble");

function show(troubles) {
  const key = troubles.join("\n");
  if (list.dataset.key === key) return; // a live region says what is put into it
  list.dataset.key = key;
  list.hidden = troubles.length === 0;
  list.replaceChildren(make("ul", {}, ...troubles.map((text) => make("li", {}, icon("triangle"), make("span", { text })))));
}

async function read() {
  if (document.hidden) return;
  try {
    const { parts } = await call("/api/health");
    show(troublesOf(parts ?? {}));
  } catch (error) {
    console.info("The server's state can't be read.", error.message); // that it doesn't answer stands in the side bar
  }
}

document.addEventListener("visibilitychange", read);
socket.onConnect(read);
setInterval(read, READ_MS);
read();
