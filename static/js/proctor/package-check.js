// Checks a package in the browser: every byte of it, and who signed it. It is read in slices from the reader's own disk, and goes nowhere.

import { TAIL, closing, localHeader, readDirectory, readEnd } from "./package-zip.js";

const [MANIFEST, SIGNATURE] = ["manifest.json", "manifest.sig"];
const FORMAT = "proctor-package/1";
const READ_MAX = 512 << 20; // bytes of the manifest, or of the list of files

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const isNumber = (value) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff;

function bytesOfHex(text) {
  return /^([0-9a-f]{2})*$/.test(text) ? Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16)) : new Uint8Array();
}

function parsed(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

class Check {
  constructor(file, subtle, tell) {
    Object.assign(this, { file, subtle, tell });
    this.findings = [];
    this.done = 0;
  }

  async slice(at, end) {
    return new Uint8Array(await this.file.slice(at, Math.max(at, end)).arrayBuffer());
  }

  found(path, wrong) {
    this.findings.push({ path, wrong });
  }

  async run() {
    const end = readEnd(await this.slice(Math.max(0, this.file.size - TAIL), this.file.size), this.file.size);
    if (!end || end.size > READ_MAX) return { whole: false };
    const entries = readDirectory(await this.slice(end.at, end.at + end.size), end.count);
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    const [own, signature] = [byPath.get(MANIFEST), byPath.get(SIGNATURE)];
    if (!own || !signature || own.size > READ_MAX || signature.size > READ_MAX) return { whole: false };
    const bytes = await this.slice(own.begin, own.begin + own.size);
    const { about, listed } = this.manifest(bytes);
    const signed = await this.signature(bytes, await this.slice(signature.begin, signature.begin + signature.size));
    if (byPath.size < entries.length) this.found("", "twice");
    await this.frame(entries, listed);
    for (const { path } of entries) if (!listed.has(path) && path !== MANIFEST && path !== SIGNATURE) this.found(path, "added");
    for (const [path, row] of listed) {
      const entry = byPath.get(path);
      if (!entry) this.found(path, "gone");
      else if (entry.size !== row.size || hex(await this.subtle.digest("SHA-256", await this.slice(entry.begin, entry.begin + entry.size))) !== row.sha256) this.found(path, "changed");
      this.done += row.size;
      this.tell(Math.min(1, this.done / this.file.size));
    }
    return { whole: true, about, files: listed.size, findings: this.findings, ...signed };
  }

  manifest(bytes) {
    const about = parsed(bytes);
    const rows = about?.format === FORMAT && Array.isArray(about.files) ? about.files : [];
    const sound = rows.length && rows.every((row) => row && typeof row.path === "string" && isNumber(row.size) && isNumber(row.crc32));
    if (!sound) {
      this.found(MANIFEST, "changed");
      return { about: {}, listed: new Map() };
    }
    return { about, listed: new Map(rows.map((row) => [row.path, row])) };
  }

  /** `signed`: true, false, or null where this browser knows no Ed25519. */
  async signature(manifest, bytes) {
    const given = parsed(bytes) ?? {};
    const { algorithm, fingerprint, public_key, signature } = given;
    const key = bytesOfHex(String(public_key));
    const own = key.length === 32 ? hex(await this.subtle.digest("SHA-256", key)) : "";
    const written = new TextEncoder().encode(JSON.stringify({ algorithm, fingerprint, public_key, signature }));
    if (algorithm !== "Ed25519" || !own || own !== fingerprint || !same(written, bytes)) {
      this.found(SIGNATURE, "changed");
      return { signed: false, fingerprint: own };
    }
    let imported;
    try {
      imported = await this.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    } catch {
      return { signed: null, fingerprint: own };
    }
    const signed = await this.subtle.verify("Ed25519", imported, bytesOfHex(String(signature)), manifest);
    if (!signed) this.found(MANIFEST, "unsigned");
    return { signed, fingerprint: own };
  }

  /** Is every byte outside the files what it must be? */
  async frame(entries, listed) {
    let at = 0;
    const whole = [];
    for (const entry of entries) {
      const { size, crc32 } = listed.get(entry.path) ?? entry;
      const header = localHeader({ path: entry.path, size, crc32 });
      const here = await this.slice(entry.offset, entry.offset + header.length);
      if (entry.offset !== at || entry.crc32 !== crc32 || !same(here, header)) this.found(entry.path, "around");
      at = entry.offset + header.length + entry.size;
      whole.push({ path: entry.path, size, crc32, offset: entry.offset });
    }
    if (!same(await this.slice(at, this.file.size), closing(whole, at))) this.found("", "list");
  }
}

/**
 * Check `file`, a Blob. `tell` is told the share that is done. Gives `whole` (false: it is no whole package), `about` (the manifest), `files`,
 * `fingerprint` of the key, `signed`, and `findings`: each a `path` and what is `wrong` (changed, unsigned, around, added, gone, twice, list).
 */
export function checkPackage(file, { subtle = globalThis.crypto.subtle, tell = () => {} } = {}) {
  return new Check(file, subtle, tell).run();
}
