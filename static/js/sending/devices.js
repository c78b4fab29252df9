// Camera and microphone: asked for, told apart when they can't be had, noticed when they go.

import { asChosen } from "./device-choice.js";

const CAMERA = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 15, max: 30 } };
// What the student's room really sounds like: the browser must not clean, level or cut it.
const MICROPHONE = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 1 } };

/** Why a device can't be had, from what getUserMedia threw: `denied` (by the student), `denied_by_system`, `busy`, `missing`, `insecure`, `unsupported` or `failed`. */
export function failureOf(error, { secure = true, supported = true } = {}) {
  if (!secure) return "insecure";
  if (!supported) return "unsupported";
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(error.message) ? "denied_by_system" : "denied"; // Chrome: "Permission denied by system"
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "busy";
    case "NotFoundError":
    case "OverconstrainedError":
    case "DevicesNotFoundError":
      return "missing";
    default:
      return "failed";
  }
}

/** The state that the server is told for such a failure. */
export function stateOf(failure) {
  return { denied: "denied", denied_by_system: "denied", insecure: "denied", missing: "missing" }[failure] ?? "lost";
}

/** What is wrong in mid-exam with a device that is not `ok`, as its texts are named: from the state and the reason that the server is told. */
export function troubleOf(state, reason) {
  if (["denied", "denied_by_system", "busy", "missing"].includes(reason)) return reason;
  return ["denied", "missing", "off"].includes(state) ? state : "lost";
}

async function ask(constraints) {
  const media = navigator.mediaDevices;
  if (!media?.getUserMedia) {
    throw Object.assign(new Error("no getUserMedia"), { failure: failureOf(null, { secure: isSecureContext, supported: false }) });
  }
  try {
    return await media.getUserMedia(constraints);
  } catch (error) {
    throw Object.assign(error, { failure: failureOf(error, { secure: isSecureContext }) });
  }
}

/** Open the camera alone. The thrown error has `failure`. */
export async function openCamera() {
  return (await ask({ video: asChosen("camera", CAMERA) })).getVideoTracks()[0];
}

/** Open the microphone alone. The thrown error has `failure`. */
export async function openMicrophone() {
  return (await ask({ audio: asChosen("microphone", MICROPHONE) })).getAudioTracks()[0];
}

/** Open both with one question to the student, and each alone when that fails, so that one bad device does not take the other along. */
export async function openBoth() {
  try {
    const stream = await ask({ video: asChosen("camera", CAMERA), audio: asChosen("microphone", MICROPHONE) });
    return { camera: { track: stream.getVideoTracks()[0] }, microphone: { track: stream.getAudioTracks()[0] } };
  } catch (error) {
    if (error.failure === "insecure" || error.failure === "unsupported") {
      return { camera: { failure: error.failure }, microphone: { failure: error.failure } };
    }
    const one = (open) => open().then((track) => ({ track }), (reason) => ({ failure: reason.failure ?? "failed" }));
    return { camera: await one(openCamera), microphone: await one(openMicrophone) };
  }
}

/**
 * Tell `told()` when the student allows `name` (camera, microphone) after all. Gives a function that says whether the browser refuses it now
 * and will tell of a change; where it won't, only the student can say when to try again.
 */
export function watchPermission(name, told) {
  let permission = null;
  const asked = navigator.permissions?.query({ name });
  asked?.then(
    (found) => {
      permission = found;
      permission.addEventListener("change", () => permission.state === "granted" && told());
    },
    (error) => console.info(`This browser does not tell of ${name} permissions.`, error.name),
  );
  return () => permission?.state === "denied";
}

/** Tell `told(state, reason)` when the track ends, falls silent or comes back. */
export function watchTrack(track, told) {
  track.addEventListener("ended", () => told("lost", "device_ended"));
  track.addEventListener("mute", () => told("off", "turned_off"));
  track.addEventListener("unmute", () => told("ok", ""));
}
