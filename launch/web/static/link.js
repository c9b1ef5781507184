// Link: the WebSocket to the page's server. Each binary message is one frame: a message and its own picture.

const RETRY_MS = [250, 500, 1000, 2000];
const ANSWER_MS = 8000;

export class Link extends EventTarget {
  constructor() {
    super();
    this.waiting = new Map();
    this.count = 0;
    this.tries = 0;
    this.watched = null;
    this.open();
    document.addEventListener("visibilitychange", () => this.drawn());
  }

  open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.tries = 0;
      this.owed = false;
      this.tell("connected");
      if (this.watched) this.send({ op: "watch", ...this.watched });
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.readText(JSON.parse(data)) : this.readFrame(data));
    socket.onclose = ({ code, reason }) => this.closed(code, reason);
    this.socket = socket;
  }

  closed(code, reason) {
    for (const { reject } of this.waiting.values()) reject(new Error("the connection was lost: try again"));
    this.waiting.clear();
    this.tell("lost", { code, reason });
    setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  readText(message) {
    if (message.type !== "answer") return this.tell(message.type, message);
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    if (message.ok) waiting.resolve(message);
    else waiting.reject(new Error(message.error.message));
  }

  readFrame(data) {
    const length = new DataView(data).getUint32(0);
    const message = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const jpeg = data.byteLength > 4 + length ? new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }) : null;
    this.owed = true;
    this.tell("frame", { message, jpeg });
  }

  // The server sends the next frame once this one is drawn. A hidden tab draws nothing, and so gets nothing.
  drawn() {
    if (!this.owed || document.hidden) return;
    this.owed = false;
    this.send({ op: "ack" });
  }

  watch(large, tiles) {
    this.watched = { large, tiles };
    this.send({ op: "watch", large, tiles });
  }

  // Ask the node for something; rejects with the sentence that says why not.
  request(op, values = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("there is no connection: wait a moment"));
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      setTimeout(() => this.waiting.delete(id) && reject(new Error("the node did not answer in time: look at its log")), ANSWER_MS);
      this.send({ id, op, ...values });
    });
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
