// Which camera and microphone this student has chosen on this browser, and which there are.

import { remember, remembered } from "../shared/storage.js";

const KEY = { camera: "portal.camera", microphone: "portal.microphone" };
const KIND = { camera: "videoinput", microphone: "audioinput" };

/** The id of the chosen device; empty: the browser's own choice. */
export const chosen = (name) => remembered(KEY[name]) ?? "";

export const choose = (name, id) => remember(KEY[name], id);

/** `constraints` for the chosen device. A wish, and no condition: one that was unplugged gives way to another. */
export function asChosen(name, constraints) {
  const id = chosen(name);
  return id ? { ...constraints, deviceId: { ideal: id } } : constraints;
}

/** The devices of `name` (camera, microphone) that can be told apart, as `{id, label}`; none before the student has allowed them. */
export async function listed(name) {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devicesOf(name, all);
}

/** The same from what enumerateDevices gave. Pure. */
export function devicesOf(name, all) {
  const seen = new Set();
  return all
    .filter(({ kind, deviceId, label }) => kind === KIND[name] && deviceId && label && deviceId !== "communications")
    .filter(({ deviceId }) => !seen.has(deviceId) && seen.add(deviceId))
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}
