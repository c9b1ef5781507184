// Decodes groundcast's messages in Node, with no package but Node itself.
//
//     node read_message.mjs message.msgpack     prints one stored message as JSON, its BigInts as texts
//
//     import { Subscriber } from "zeromq";      // npm install zeromq
//     import { decode } from "./read_message.mjs";
//     const socket = new Subscriber();
//     socket.connect("tcp://127.0.0.1:5570");
//     socket.subscribe("det/1/");
//     for await (const [topic, body] of socket) console.log(decode(body).tracks);

import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";

// Nanoseconds pass 2**53, beyond which a Number leaves integers out. These keys hold a BigInt always, so that their type
// never depends on their value; any other integer becomes one only where a Number cannot hold it.
const IS_BIG = /(_ns|^epoch|^pts)$/;
const MAX_DEPTH = 16;

/** The map in `bytes`, the second part of a message: maps as objects, lists as arrays, nil as null. */
export function decode(bytes) {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  const message = read(reader, "", MAX_DEPTH);
  if (reader.at !== bytes.byteLength) throw new RangeError("bytes are left over behind the message");
  return message;
}

function read(reader, key, depth) {
  if (depth === 0) throw new RangeError("the message is nested too deeply");
  const kind = take(reader, 1).getUint8(0);
  if (kind <= 0x7f) return integer(BigInt(kind), key);
  if (kind <= 0x8f) return map(reader, kind & 0x0f, depth);
  if (kind <= 0x9f) return list(reader, kind & 0x0f, key, depth);
  if (kind <= 0xbf) return text(reader, kind & 0x1f);
  if (kind >= 0xe0) return integer(BigInt(kind - 0x100), key);
  switch (kind) {
    case 0xc0: return null;
    case 0xc2: return false;
    case 0xc3: return true;
    case 0xca: return take(reader, 4).getFloat32(0);
    case 0xcb: return take(reader, 8).getFloat64(0);
    case 0xcc: return integer(BigInt(take(reader, 1).getUint8(0)), key);
    case 0xcd: return integer(BigInt(take(reader, 2).getUint16(0)), key);
    case 0xce: return integer(BigInt(take(reader, 4).getUint32(0)), key);
    case 0xcf: return integer(take(reader, 8).getBigUint64(0), key);
    case 0xd0: return integer(BigInt(take(reader, 1).getInt8(0)), key);
    case 0xd1: return integer(BigInt(take(reader, 2).getInt16(0)), key);
    case 0xd2: return integer(BigInt(take(reader, 4).getInt32(0)), key);
    case 0xd3: return integer(take(reader, 8).getBigInt64(0), key);
    case 0xd9: return text(reader, take(reader, 1).getUint8(0));
    case 0xda: return text(reader, take(reader, 2).getUint16(0));
    case 0xdb: return text(reader, take(reader, 4).getUint32(0));
    case 0xdc: return list(reader, take(reader, 2).getUint16(0), key, depth);
    case 0xdd: return list(reader, take(reader, 4).getUint32(0), key, depth);
    case 0xde: return map(reader, take(reader, 2).getUint16(0), depth);
    case 0xdf: return map(reader, take(reader, 4).getUint32(0), depth);
    default: throw new RangeError(`0x${kind.toString(16)} occurs in no message`);
  }
}

function take(reader, length) {
  const start = reader.view.byteOffset + reader.at;
  if (reader.at + length > reader.view.byteLength) throw new RangeError("the message is cut off");
  reader.at += length;
  return new DataView(reader.view.buffer, start, length);
}

function integer(value, key) {
  const number = Number(value);
  return IS_BIG.test(key) || !Number.isSafeInteger(number) ? value : number;
}

function text(reader, length) {
  return new TextDecoder("utf-8", { fatal: true }).decode(take(reader, length));
}

function list(reader, length, key, depth) {
  const items = [];
  for (let count = 0; count < length; count++) items.push(read(reader, key, depth - 1));
  return items;
}

function map(reader, length, depth) {
  const entries = [];
  for (let count = 0; count < length; count++) {
    const key = read(reader, "", depth - 1);
    entries.push([key, read(reader, key, depth - 1)]);
  }
  return Object.fromEntries(entries);
}

if (argv[1] && import.meta.url === pathToFileURL(argv[1]).href) {
  const message = decode(readFileSync(argv[2]));
  console.log(JSON.stringify(message, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
}
