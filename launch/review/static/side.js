// Side: the lists and forms beside the picture.

import { colourOf } from "/static/colours.js";
import { refill } from "/static/refill.js";

const byId = (id) => document.getElementById(id);

function swatch(name) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.fillStyle = colourOf(name);
  context.fillRect(0, 0, 1, 1);
  return canvas;
}

function element(kind, className, text) {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

function entry(key, name, more, isPressed, onClick) {
  const button = document.createElement("button");
  button.dataset.key = key;
  button.type = "button";
  button.setAttribute("aria-pressed", String(isPressed));
  button.append(swatch(name), element("span", "name", name), more);
  button.addEventListener("click", onClick);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

export class Side extends EventTarget {
  constructor() {
    super();
    this.current = null;
    byId("name").addEventListener("change", ({ target }) => target.value.trim() && this.#tell("relabel", target.value));
    byId("add-class").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = byId("class-name").value.trim().replace(/\s+/g, " ");
      byId("class-name").value = "";
      if (name) this.choose(name, false);
    });
    byId("accept").addEventListener("submit", (event) => {
      event.preventDefault();
      const everywhere = event.submitter?.value === "everywhere";
      const score = Number(byId("accept-score").value);
      this.#tell("accept", { name: byId("accept-class").value, score, check: byId("accept-check").checked, everywhere });
    });
  }

  nameOfNew(classes) {
    return this.current ?? classes[0];
  }

  // A class by its number or name: for the selected box, else for new ones.
  choose(name, isSelected) {
    if (!name) return;
    if (isSelected) return void this.#tell("relabel", name);
    this.current = name;
    this.#tell("current");
  }

  paint(picture, classes, selected) {
    byId("file").textContent = picture?.file ?? "No picture";
    for (const button of document.querySelectorAll("button.state")) button.setAttribute("aria-pressed", String(button.dataset.set === picture?.state));
    const boxes = (picture?.boxes ?? []).map((one) => {
      const said = [one.score?.toFixed(2), one.accepted ? "✓" : ""].filter(Boolean).join(" ");
      return entry(one.id, one.name, element("span", "score", said), one.id === selected, () => this.#tell("select", one.id));
    });
    refill(byId("boxes"), boxes);
    const chosen = picture?.boxes.find(({ id }) => id === selected);
    byId("selected").hidden = !chosen;
    if (chosen) {
      if (document.activeElement !== byId("name")) byId("name").value = chosen.name;
      byId("drop-shape").disabled = !chosen.outlines.length;
      byId("boxes").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" });
    }
    this.#paintClasses(classes);
  }

  #paintClasses(classes) {
    const all = this.current && !classes.includes(this.current) ? [...classes, this.current] : classes;
    const key = (at) => element("kbd", "", at < 9 && at < classes.length ? at + 1 : "");
    const current = this.nameOfNew(classes);
    refill(byId("classes"), all.map((name, at) => entry(name, name, key(at), name === current, () => this.choose(name, false))));
    const options = (list) => list.map((name) => Object.assign(document.createElement("option"), { value: name, textContent: name }));
    byId("names").replaceChildren(...options(all));
    const accept = byId("accept-class");
    const before = accept.value;
    accept.replaceChildren(...options(classes));
    if (classes.includes(before)) accept.value = before;
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
