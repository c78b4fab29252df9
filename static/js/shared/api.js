// Calls of the server's REST interface, with its one form of error.

import { addressOf } from "./base.js";
import { routed } from "./route.js";
import { texts } from "./texts.js";

export class ApiError extends Error {
  constructor(status, { code = "error", message = "", field = null, ...details } = {}) {
    super(message || texts.api.status(status));
    Object.assign(this, { status, code, field, details });
  }
}

/** Call `path`, by the page's key or `by`; give the JSON answer. Throws ApiError; `code` is `unreachable` when there was no answer. */
export async function call(path, { method = "GET", body, token, signal, by } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(addressOf(routed(path, by)), { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "unreachable", message: texts.api.unreachable });
  }
  if (response.status === 401 && !token) globalThis.document?.dispatchEvent(new Event("signed-out"));
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? {});
  if (answer === null) throw new ApiError(response.status, { message: texts.api.unreadable });
  return answer;
}
