// A standard Socket.IO client: joins one session and writes every event it hears as a line of JSON.
// node watch.mjs URL SESSION_ID
import { io } from "socket.io-client";

const [url, sessionId] = process.argv.slice(2);
const socket = io(url, { transports: ["websocket"] });
const say = (event, message) => process.stdout.write(JSON.stringify({ event, message }) + "\n");

socket.on("connect", () => {
  socket.emit("join_session", { session_id: sessionId }, (answer) => say("joined", answer));
});
for (const event of ["interval_flagged", "clip_ready", "session_started", "session_ended", "device_state"]) {
  socket.on(event, (message) => say(event, message));
}
socket.on("monitoring_update", (message) => {
  // The picture is checked and left out: a line a picture is enough.
  const picture = message.frame === null ? null : Buffer.from(message.frame, "base64");
  say("monitoring_update", { ...message, frame: picture && { bytes: picture.length, jpeg: picture[0] === 0xff && picture[1] === 0xd8 } });
});
socket.on("connect_error", (error) => say("connect_error", String(error)));
process.stdin.on("end", () => { socket.close(); });
process.stdin.resume();
