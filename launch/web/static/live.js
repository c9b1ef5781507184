// Live: the large source and the tiles, each frame with its own boxes, and the facts about the source.

import { chart } from "./chart.js";
import { Chips } from "./chips.js";
import { SourceCard } from "./source_card.js";
import { countByPhrase, decode, drawFrame, drawPlaces } from "./stage.js";

const byId = (id) => document.getElementById(id);

export class Live {
  constructor(link) {
    this.link = link;
    this.large = null;
    this.shot = null; // the newest picture of the large source, with its message
    this.tiles = new Map();
    this.counts = [];
    this.chips = new Chips(link, () => this.large);
    this.card = new SourceCard(link, this);
    link.addEventListener("frame", ({ detail }) => this.show(detail));
    link.addEventListener("state", ({ detail }) => this.update(detail));
    setInterval(() => this.tick(), 1000);
  }

  async show({ message, jpeg }) {
    try {
      const image = jpeg && (await decode(jpeg));
      if (image) this.draw(message, image);
      if (message.source === this.large) this.showFigures(message);
    } finally {
      this.link.drawn();
    }
  }

  draw(message, image) {
    const isShown = (phrase) => this.chips.isShown(phrase);
    const canvas = message.source === this.large ? byId("stage") : null;
    if (canvas) {
      drawFrame(canvas, image, message.tracks, isShown);
      drawPlaces(canvas, this.places);
      byId("veil").hidden = true;
      this.shot = { message, image: this.keep(image) };
      canvas.dispatchEvent(new CustomEvent("drawn", { detail: message }));
    }
    const tile = this.tiles.get(message.source);
    if (tile && (!canvas || performance.now() - (tile.at ?? 0) > 500)) {
      tile.at = performance.now();
      drawTile(tile.canvas, image);
    }
    if (!canvas) image.close();
  }

  // The zones and lines of the large source.
  get places() {
    const { zones = [], lines = [] } = this.state?.settings[this.large] ?? {};
    return [...zones.map((one) => ({ ...one, points: one.polygon_px })), ...lines.map((one) => ({ ...one, points: one.points_px, isLine: true }))];
  }

  // Only the newest decoded picture stays in memory.
  keep(image) {
    this.shot?.image.close();
    return image;
  }

  showFigures(message) {
    const counts = countByPhrase(message.tracks.filter((track) => this.chips.isShown(track.phrase)));
    this.chips.showHits(counts);
    this.counts.push({ at: Date.now(), counts });
    const age = message.age_ms_now === undefined ? "from a file" : `${Math.round(message.age_ms_now)} ms old`;
    byId("figures").textContent = `${message.frame.width} x ${message.frame.height}, ${age}, frame ${message.frame.index}`;
    this.words = [...counts].map(([phrase, count]) => `${count} ${phrase}`).join(", ") || "nothing of it in view";
  }

  // What a screen reader says changes once a second, not with every frame.
  tick() {
    const since = Date.now() - 60000;
    this.counts = this.counts.filter((one) => one.at > since);
    chart(byId("counts"), this.counts);
    if (this.words !== undefined) {
      byId("summary").textContent = `${this.large}: ${this.words}`;
      byId("stage").setAttribute("aria-label", `${this.large}: ${this.words}`);
    }
  }

  update(state) {
    this.state = state;
    const names = state.sources.map((one) => one.source);
    if (!names.includes(this.large)) this.choose(names[0] ?? null);
    this.listTiles(names, state);
    this.chips.update(state);
    this.card.update(state);
    const source = state.sources.find((one) => one.source === this.large);
    const state_ = source && (source.paused ? "paused" : source.state);
    const veil = byId("veil");
    if (!names.length) veil.textContent = "the node has no source yet: add one";
    else if (state_ === "running") veil.textContent = "waiting for the first picture";
    else veil.textContent = `${this.large} is ${state_}${source.error ? `: ${source.error}` : ""}`;
    veil.hidden = names.length > 0 && state_ === "running" && this.shot?.message.source === this.large;
  }

  choose(name) {
    if (name === this.large) return;
    this.large = name;
    this.counts = [];
    this.words = undefined;
    this.shot?.image.close();
    this.shot = null;
    byId("summary").textContent = byId("figures").textContent = "";
    const stage = byId("stage");
    stage.getContext("2d").clearRect(0, 0, stage.width, stage.height);
    stage.setAttribute("aria-label", "No picture yet");
    stage.dispatchEvent(new Event("chosen"));
    byId("veil").hidden = false;
    this.watch();
    this.card.show();
    this.chips.show();
    for (const [source, { button }] of this.tiles) button.setAttribute("aria-pressed", String(source === name));
  }

  watch() {
    this.link.watch(this.large, [...this.tiles.keys()].filter((name) => name !== this.large));
  }

  listTiles(names, state) {
    const before = [...this.tiles.keys()].join(" ");
    for (const name of this.tiles.keys()) if (!names.includes(name)) this.dropTile(name);
    for (const name of names) if (!this.tiles.has(name)) this.addTile(name);
    if (before !== [...this.tiles.keys()].join(" ")) this.watch();
    for (const one of state.sources) {
      const tile = this.tiles.get(one.source);
      tile.state.textContent = one.paused ? "paused" : one.state;
      tile.state.dataset.state = one.paused ? "paused" : one.state;
    }
    byId("tiles").hidden = names.length < 2;
  }

  addTile(name) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const title = document.createElement("span");
    const state = document.createElement("span");
    [canvas.width, canvas.height] = [160, 90];
    canvas.setAttribute("aria-hidden", "true");
    title.textContent = name;
    state.className = "state";
    button.append(canvas, title, state);
    button.setAttribute("aria-pressed", String(name === this.large));
    button.addEventListener("click", () => this.choose(name));
    item.append(button);
    byId("tiles").append(item);
    this.tiles.set(name, { item, button, canvas, state });
  }

  dropTile(name) {
    this.tiles.get(name).item.remove();
    this.tiles.delete(name);
  }
}

function drawTile(canvas, image) {
  canvas.height = Math.round((canvas.width * image.height) / image.width);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
}
