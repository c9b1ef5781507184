// Chips: the phrases that are looked for. Those that a viewer adds are that viewer's own, until they become the node's.

import { colourOf } from "./colours.js";
import { refill } from "./refill.js";

const byId = (id) => document.getElementById(id);

export class Chips {
  constructor(link, source) {
    this.link = link;
    this.source = source;
    this.mine = []; // {name, threshold}
    this.hidden = new Set(); // phrases of the node that this viewer does not want to see
    this.hits = new Map();
    this.state = null;
    this.asking = Promise.resolve(); // one after the other, each with what the one before left
    byId("ask").addEventListener("submit", (event) => this.add(event));
    byId("make-prompt").addEventListener("click", () => this.makePrompt());
    byId("forget").addEventListener("click", () => this.ask(() => []));
    byId("others").addEventListener("change", () => this.show());
    byId("score").addEventListener("input", ({ target }) => (byId("score-value").textContent = Number(target.value).toFixed(2)));
    byId("score").addEventListener("change", ({ target }) => this.setAll(Number(target.value)));
    link.addEventListener("connected", () => this.mine.length && this.ask((mine) => mine));
  }

  get all() {
    return this.state?.prompts?.[this.source()] ?? [];
  }

  get leased() {
    return new Set((this.state?.leases ?? []).flatMap((lease) => lease.phrases));
  }

  isMine(name) {
    return this.mine.some((one) => same(one.name, name));
  }

  isOthers(name) {
    return this.leased.has(name) && !this.isMine(name);
  }

  isShown(phrase) {
    return !this.hidden.has(phrase) && (byId("others").checked || !this.isOthers(phrase));
  }

  update(state) {
    this.state = state;
    if (state.lease_error || this.leaseError) this.say(state.lease_error ?? "");
    this.leaseError = state.lease_error;
    for (const control of [byId("phrase"), byId("ask").querySelector("button"), byId("score")]) control.disabled = !state.control;
    byId("phrase").placeholder = state.control ? "red mug . bolt" : "this page may only watch";
    this.show();
  }

  async add(event) {
    event.preventDefault();
    const field = byId("phrase");
    const text = field.value;
    if (!text.trim()) return this.say("Type what to look for, such as red mug . bolt");
    if ((await this.ask((mine) => mine, text)) && field.value === text) field.value = "";
  }

  // Ask for what a function makes of this viewer's phrases, and for those of a text. Resolves to whether that went well.
  ask(change, text = "") {
    this.asking = this.asking.then(() => this.askNow(change(this.mine), text));
    return this.asking;
  }

  async askNow(phrases, text) {
    this.say("");
    try {
      const answer = await this.link.request("ask", { phrases, text });
      this.mine = answer.phrases;
      for (const { name } of this.mine) this.hidden.delete(name);
      this.show();
      return true;
    } catch (error) {
      this.say(error.message);
      return false;
    }
  }

  async makePrompt() {
    const others = this.leased;
    const kept = this.all.filter(({ name }) => !this.hidden.has(name) && !others.has(name) && !this.isMine(name));
    try {
      await this.link.request("set_prompt", { phrases: [...kept, ...this.mine], if_version: this.state.prompt_version });
      await this.ask(() => []);
      this.hidden.clear();
      this.show();
    } catch (error) {
      this.say(error.message);
    }
  }

  setAll(threshold) {
    if (this.mine.length) return this.ask((mine) => mine.map((one) => ({ ...one, threshold })));
    this.say("");
    const own = this.all.filter(({ name, negative }) => !negative && !this.leased.has(name));
    return this.setNode(Object.fromEntries(own.map(({ name }) => [name, threshold])));
  }

  async setNode(thresholds) {
    if (!Object.keys(thresholds).length) return;
    try {
      await this.link.request("set_thresholds", { thresholds });
    } catch (error) {
      this.say(error.message);
    }
  }

  showHits(counts) {
    this.hits = counts;
    for (const chip of byId("chips").children) chip.querySelector(".hits").textContent = counts.get(chip.dataset.name) ?? 0;
  }

  show() {
    const others = this.all.filter(({ name }) => this.isOthers(name));
    const shown = this.all.filter((one) => byId("others").checked || !others.includes(one));
    const pending = this.mine.filter(({ name }) => !this.all.some((one) => same(one.name, name)));
    const wanted = [...shown, ...pending];
    const list = byId("chips");
    const key = JSON.stringify([wanted, this.mine, [...this.hidden], others]);
    if (key !== this.drawn && !list.querySelector(":active")) {
      refill(list, wanted.map((one) => this.chip(one)));
      this.drawn = key;
      this.showHits(this.hits);
    }
    byId("others-label").hidden = !others.length && !byId("others").checked;
    byId("make-prompt").hidden = !this.state?.control || (!this.mine.length && !this.hidden.size);
    byId("forget").hidden = !this.mine.length;
    byId("score-note").textContent = this.mine.length
      ? "Holds for the phrases that you added."
      : "Holds for the node's own prompt, and so for every viewer.";
  }

  chip({ name, threshold, negative }) {
    const [mine, hidden] = [this.isMine(name), this.hidden.has(name)];
    const chip = document.createElement("li");
    chip.dataset.name = name;
    chip.className = [mine ? "mine" : "", hidden || negative ? "off" : "", this.isOthers(name) ? "others" : ""].join(" ");
    const dot = document.createElement("i");
    dot.style.backgroundColor = colourOf(name);
    const label = document.createElement("span");
    label.className = "name";
    label.textContent = negative ? `not: ${name}` : name;
    label.title = mine ? "yours" : this.isOthers(name) ? "another viewer's" : "the node's";
    const hits = document.createElement("span");
    hits.className = "hits";
    chip.append(dot, label, hits);
    if (this.state?.control && !negative && !this.isOthers(name)) chip.append(this.slider(name, threshold, mine));
    if (!negative && !this.isOthers(name)) chip.append(this.cross(name, mine, hidden));
    return chip;
  }

  slider(name, threshold, mine) {
    const own = this.mine.find((one) => same(one.name, name))?.threshold ?? threshold;
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0.05, max: 0.95, step: 0.05, value: own ?? 0.3 });
    range.setAttribute("aria-label", `Minimum score of ${name}`);
    range.dataset.key = `score ${name}`;
    range.title = own === undefined || own === null ? "minimum score: the model's" : `minimum score: ${own}`;
    range.addEventListener("input", () => (range.title = `minimum score: ${range.value}`));
    range.addEventListener("change", () => {
      const value = Number(range.value);
      if (mine) this.ask((all) => all.map((one) => (same(one.name, name) ? { ...one, threshold: value } : one)));
      else this.setNode({ [name]: value });
    });
    return range;
  }

  cross(name, mine, hidden) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = mine ? "\u00d7" : hidden ? "show" : "hide";
    button.setAttribute("aria-label", mine ? `No longer look for ${name}` : `${hidden ? "Show" : "Hide"} ${name}`);
    button.dataset.key = `cross ${name}`;
    button.addEventListener("click", () => {
      if (mine) return this.ask((all) => all.filter((one) => !same(one.name, name)));
      if (hidden) this.hidden.delete(name);
      else this.hidden.add(name);
      this.show();
    });
    return button;
  }

  say(text) {
    byId("ask-problem").textContent = text;
  }
}

function same(one, other) {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
