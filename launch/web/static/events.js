// Events: zones and lines drawn on the picture, their counts, and the last events.

import { refill } from "./refill.js";
import { drawPlaces } from "./stage.js";

const byId = (id) => document.getElementById(id);
const MAX_EVENTS = 200;
const STEP = 0.01; // of the picture's width, for one press of an arrow key

export class Events {
  constructor(link, live) {
    this.link = link;
    this.live = live;
    this.events = [];
    this.points = null;
    this.isLine = false;
    this.cross = null;
    byId("draw-zone").addEventListener("click", () => this.begin(false));
    byId("draw-line").addEventListener("click", () => this.begin(true));
    byId("undo").addEventListener("click", () => this.points.pop() && this.paint());
    byId("give-up").addEventListener("click", () => this.end());
    byId("place").addEventListener("submit", (event) => this.keep(event));
    byId("places").addEventListener("pointerdown", (event) => this.point(event));
    byId("places").addEventListener("pointermove", (event) => this.points && this.hover(event));
    byId("places").addEventListener("keydown", (event) => this.key(event));
    link.addEventListener("events", ({ detail }) => this.add(detail.events));
    link.addEventListener("state", ({ detail }) => this.update(detail));
    byId("stage").addEventListener("drawn", () => this.paint());
    byId("stage").addEventListener("chosen", () => this.leave());
    this.listEvents();
  }

  begin(isLine) {
    if (!this.live.shot) return this.say("there is no picture to draw on yet");
    [this.points, this.isLine] = [[], isLine];
    const { width, height } = this.live.shot.image;
    this.cross = [width / 2, height / 2];
    this.say("");
    byId("places").focus();
    this.paint();
  }

  end() {
    [this.points, this.cross] = [null, null];
    this.paint();
  }

  // Points belong to the source that they were drawn on.
  leave() {
    this.end();
    const canvas = byId("places");
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  point(event) {
    if (!this.points) return;
    this.hover(event);
    this.addPoint();
  }

  hover({ offsetX, offsetY }) {
    const canvas = byId("places");
    const scale = Math.min(canvas.clientWidth / canvas.width, canvas.clientHeight / canvas.height);
    const [left, top] = [(canvas.clientWidth - canvas.width * scale) / 2, (canvas.clientHeight - canvas.height * scale) / 2];
    this.moveTo((offsetX - left) / scale, (offsetY - top) / scale);
  }

  moveTo(x, y) {
    const { width, height } = byId("places");
    this.cross = [Math.round(Math.max(0, Math.min(width, x))), Math.round(Math.max(0, Math.min(height, y)))];
    this.paint();
  }

  addPoint() {
    if (this.isLine && this.points.length === 2) this.points.pop();
    this.points.push(this.cross);
    this.paint();
  }

  key(event) {
    if (!this.points) return;
    const step = Math.max(1, Math.round(byId("places").width * STEP));
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (moves[event.key]) this.moveTo(this.cross[0] + moves[event.key][0], this.cross[1] + moves[event.key][1]);
    else if (event.key === "Enter") this.addPoint();
    else if (event.key === "Escape") this.end();
    else return;
    event.preventDefault();
  }

  async keep(event) {
    event.preventDefault();
    this.say("");
    const needed = this.isLine ? 2 : 3;
    if (!this.points) return this.say("draw a zone or a line first");
    if (this.points.length < needed) return this.say(this.isLine ? "a line needs two points" : "a zone needs three corners or more");
    const name = byId("place-name").value;
    const phrases = byId("place-phrases").value.split(" . ").map((one) => one.trim()).filter(Boolean);
    const place = { name, [this.isLine ? "points_px" : "polygon_px"]: this.points, ...(phrases.length ? { phrases } : {}) };
    const [op, key] = this.isLine ? ["put_line", "line"] : ["put_zone", "zone"];
    if (await this.ask(op, { source: this.live.large, [key]: place })) {
      byId("place").reset();
      this.end();
    }
  }

  async ask(op, values) {
    this.say("");
    try {
      await this.link.request(op, values);
      return true;
    } catch (error) {
      this.say(error.message);
      return false;
    }
  }

  update(state) {
    byId("places-source").textContent = this.live.large ?? "";
    for (const id of ["draw-zone", "draw-line", "keep-place"]) byId(id).disabled = !state.control || !this.live.large;
    const counts = state.sources.find((one) => one.source === this.live.large)?.counts ?? [];
    const rows = this.live.places.map(({ name }) => {
      const count = counts.find((one) => one.name === name) ?? {};
      return this.row(name, words(count.now), totals(count.totals));
    });
    const list = byId("places-list");
    if (!list.querySelector(":active") && !refill(list, rows)) byId("draw-zone").focus();
    this.paint();
  }

  row(name, now, totals) {
    const button = Object.assign(document.createElement("button"), { textContent: "remove", className: "quiet" });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.dataset.key = name;
    button.addEventListener("click", () => this.ask("remove_place", { source: this.live.large, name }));
    return line(name, now, totals, button);
  }

  paint() {
    byId("undo").hidden = !this.points?.length;
    byId("give-up").hidden = !this.points;
    if (byId("events").hidden || !this.live.shot) return;
    const { image } = this.live.shot;
    const canvas = byId("places");
    if (canvas.width !== image.width || canvas.height !== image.height) [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const drawn = this.points ? [{ name: byId("place-name").value || "new", points: this.points, isLine: this.isLine }] : [];
    drawPlaces(canvas, [...this.live.places, ...drawn]);
    if (this.points) drawCross(context, this.cross, canvas.width / 100);
  }

  add(events) {
    const known = new Set(this.events.map((one) => one.key)); // after a lost connection the last ones come again
    const fresh = events.filter((one) => !known.has(one.key));
    this.events = [...fresh.toReversed(), ...this.events].slice(0, MAX_EVENTS);
    this.listEvents();
  }

  listEvents() {
    const rows = this.events.map((event) => line(new Date(event.at_unix_ms).toLocaleTimeString(), event.source, sentence(event)));
    byId("events-list").replaceChildren(...(rows.length ? rows : [line("", "", "none yet: draw a zone or a line")]));
  }

  say(text) {
    byId("place-problem").textContent = text;
  }
}

function sentence({ kind, phrase, place, direction, count, previous, seconds }) {
  const where = place ? ` ${place}` : "";
  const details = { cross: ` ${direction}`, count_changed: `: ${previous} to ${count}`, dwell: ` for ${Math.round(seconds)} s` }[kind] ?? "";
  return `${phrase ?? ""} ${kind.replaceAll("_", " ")}${where}${details}`.trim();
}

function totals(byKind) {
  return Object.entries(byKind ?? {}).filter(([, by]) => Object.keys(by).length).map(([kind, by]) => `${kind}: ${words(by)}`).join("; ");
}

function words(counts) {
  return Object.entries(counts ?? {}).map(([phrase, count]) => `${count} ${phrase}`).join(", ");
}

function line(...cells) {
  const row = document.createElement("tr");
  row.append(...cells.map((cell) => {
    const one = document.createElement("td");
    one.append(cell);
    return one;
  }));
  return row;
}

function drawCross(context, [x, y], size) {
  context.beginPath();
  for (const [dx, dy] of [[size, 0], [0, size]]) {
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
  }
  context.strokeStyle = "#fff";
  context.lineWidth = size / 4;
  context.stroke();
}
