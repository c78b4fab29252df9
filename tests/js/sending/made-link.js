import { ActQueue } from "../../../static/js/sending/act-queue.js";
import { MemoryStore } from "../../../static/js/sending/act-store.js";
import { Link } from "../../../static/js/sending/link.js";

/** A link over sockets that the test holds in its hands, on a clock of its own. */
export function makeLink() {
  const sockets = [];
  const told = [];
  const world = { now: 1000, sockets, told };
  const tell = (name) => (message) => told.push([name, message]);
  const on = Object.fromEntries(["welcome", "quality", "message", "pause", "rate", "seb", "error"].map((name) => [name, tell(name)]));
  on.state = (...told) => world.told.push(["state", ...told]);
  const open = () => {
    const socket = { bufferedAmount: 0, sent: [], closed: false, send: (data) => socket.sent.push(data), close: () => (socket.closed = true) };
    sockets.push(socket);
    return socket;
  };
  world.queue = new ActQueue(new MemoryStore(), "s");
  world.clock = { now: "a clock" };
  world.link = new Link("ws://x", world.queue, on, { open, now: () => world.now, random: () => 1, clock: world.clock });
  world.hear = (message, socket = sockets.at(-1)) => socket.onmessage({ data: JSON.stringify(message) });
  world.sent = (socket = sockets.at(-1)) => socket.sent.filter((data) => typeof data === "string").map((data) => JSON.parse(data));
  return world;
}
