// A package's ZIP format: nothing is compressed, and what stands around the files follows from their names, sizes and CRCs (records/zip_frame.py is the same).

const [LOCAL, CENTRAL, END, END64, FIND64] = [30, 46, 22, 56, 20]; // bytes
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const UTF8 = 0x0800;
const DAY = 0x21; // 1980-01-01
const FILES_MAX = 2_000_000;

export const TAIL = END + FIND64 + END64;

const bytesOf = (text) => new TextEncoder().encode(text);

/** Bytes of fields `[value, size]`, little endian. */
function packed(fields) {
  const data = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 8) data.setBigUint64(at, BigInt(value), true);
    else if (size === 4) data.setUint32(at, value, true);
    else data.setUint16(at, value, true);
    at += size;
  }
  return new Uint8Array(data.buffer);
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What stands before a file's bytes. */
export function localHeader({ path, size, crc32 }) {
  const name = bytesOf(path);
  const fields = [[0x04034b50, 4], [20, 2], [UTF8, 2], [0, 2], [0, 2], [DAY, 2], [crc32, 4], [size, 4], [size, 4], [name.length, 2], [0, 2]];
  return joined(packed(fields), name);
}

function central({ path, size, crc32, offset }) {
  const name = bytesOf(path);
  const far = offset >= MAX_32;
  const extra = far ? packed([[1, 2], [8, 2], [offset, 8]]) : new Uint8Array();
  const needs = far ? 45 : 20;
  const fields = [[0x02014b50, 4], [needs, 2], [needs, 2], [UTF8, 2], [0, 2], [0, 2], [DAY, 2], [crc32, 4], [size, 4], [size, 4], [name.length, 2], [extra.length, 2], [0, 2], [0, 2], [0, 2], [0, 4], [far ? MAX_32 : offset, 4]];
  return joined(packed(fields), name, extra);
}

/** What stands behind the last file: the list of all, and what closes the package. */
export function closing(entries, at) {
  const directory = joined(...entries.map(central));
  const [count, size] = [entries.length, directory.length];
  const far = count >= MAX_16 || at >= MAX_32 || size >= MAX_32;
  const end64 = [[0x06064b50, 4], [END64 - 12, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [size, 8], [at, 8]];
  const find64 = [[0x07064b50, 4], [0, 4], [at + size, 8], [1, 4]];
  const short = Math.min(count, MAX_16);
  const end = [[0x06054b50, 4], [0, 2], [0, 2], [short, 2], [short, 2], [Math.min(size, MAX_32), 4], [Math.min(at, MAX_32), 4], [0, 2]];
  return joined(directory, ...(far ? [packed(end64), packed(find64)] : []), packed(end));
}

/** Of a package's last bytes: how many files it lists, where the list begins and its size. Null where it is no whole package. */
export function readEnd(tail, whole) {
  if (tail.length < END) return null;
  const data = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const begin = tail.length - END;
  if (data.getUint32(begin, true) !== 0x06054b50) return null;
  let [count, size, at] = [data.getUint16(begin + 10, true), data.getUint32(begin + 12, true), data.getUint32(begin + 16, true)];
  let length = END;
  if (count === MAX_16 || size === MAX_32 || at === MAX_32) {
    length = TAIL;
    const far = tail.length - TAIL;
    if (far < 0 || data.getUint32(far, true) !== 0x06064b50) return null;
    [count, size, at] = [32, 40, 48].map((place) => Number(data.getBigUint64(far + place, true)));
  }
  return count <= FILES_MAX && at + size + length === whole ? { count, at, size } : null;
}

/** The files that the list names, as far as it can be read. */
export function readDirectory(bytes, count) {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries = [];
  let at = 0;
  while (entries.length < count && at + CENTRAL <= bytes.length) {
    const [names, extras] = [data.getUint16(at + 28, true), data.getUint16(at + 30, true)];
    const path = new TextDecoder().decode(bytes.subarray(at + CENTRAL, at + CENTRAL + names));
    let offset = data.getUint32(at + 42, true);
    if (offset === MAX_32 && extras === 12 && at + CENTRAL + names + 12 <= bytes.length) offset = Number(data.getBigUint64(at + CENTRAL + names + 4, true));
    entries.push({ path, size: data.getUint32(at + 24, true), crc32: data.getUint32(at + 16, true), offset, begin: offset + LOCAL + bytesOf(path).length });
    at += CENTRAL + names + extras;
  }
  return entries;
}
