// Board: the picture with its boxes on a canvas, where the mouse draws, moves and resizes them.

import { colourOf, inkOn } from "/static/colours.js";
import { HANDLES, View } from "/static/view.js";

const MIN_DRAG = 4; // px of the screen
const cut = (value, most) => Math.min(most, Math.max(0, value));

export class Board extends EventTarget {
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.view = new View();
    this.picture = null; // as the server gives it
    this.image = null;
    this.selected = null; // the id of a box
    this.nameOfNew = null; // the class of boxes that are drawn
    this.draft = null; // {id or null, box}: shown in the place of the box until the server has answered
    this.isDrawing = false;
    this.isLocked = false;
    this.showsShapes = true;
    this.drag = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.#cancel());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  // The board owns the image, and closes it once another is shown. The view stays where the picture is the same one.
  show(picture, image) {
    const isSame = this.picture?.id === picture?.id && this.image?.width === image?.width && this.image?.height === image?.height;
    if (this.image !== image) this.image?.close();
    this.picture = picture;
    this.image = image;
    this.draft = null;
    if (!isSame) this.drag = null;
    else if (this.drag?.one) this.drag.one = picture.boxes.find(({ id }) => id === this.drag.one.id) ?? this.drag.one;
    if (!picture?.boxes.some(({ id }) => id === this.selected)) this.selected = null;
    isSame ? this.draw() : this.fit();
  }

  fit() {
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    this.canvas.width = wide * devicePixelRatio;
    this.canvas.height = high * devicePixelRatio;
    if (this.picture) this.view.fit(this.picture.width, this.picture.height, wide, high);
    this.draw();
  }

  select(id) {
    this.selected = id;
    this.draw();
    this.dispatchEvent(new Event("selected"));
  }

  draw() {
    const context = this.canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.picture) return;
    const { scale, left, top } = this.view;
    const { width, height } = this.picture;
    context.imageSmoothingEnabled = scale < 4;
    context.fillStyle = "#444";
    if (this.image) context.drawImage(this.image, left, top, width * scale, height * scale);
    else context.fillRect(left, top, width * scale, height * scale);
    const boxes = this.picture.boxes.map((one) => (one.id === this.draft?.id ? { ...one, box: this.draft.box, outlines: [] } : one));
    if (this.showsShapes) for (const one of boxes) this.#drawShape(context, one);
    const last = (one) => (one.id === this.selected ? 1 : 0);
    for (const one of boxes.sort((a, b) => last(a) - last(b))) this.#drawBox(context, one);
    if (this.draft && this.draft.id === null) this.#drawBox(context, { id: null, box: this.draft.box, name: this.draft.name, accepted: true });
    this.canvas.dispatchEvent(new CustomEvent("drawn", { detail: this.picture.id }));
  }

  #drawShape(context, { name, outlines }) {
    const path = new Path2D();
    for (const outline of outlines) {
      for (let at = 0; at < outline.length; at += 2) path[at ? "lineTo" : "moveTo"](...this.view.toScreen(outline[at], outline[at + 1]));
      path.closePath();
    }
    context.globalAlpha = 0.3;
    context.fillStyle = colourOf(name);
    context.fill(path, "evenodd");
    context.globalAlpha = 1;
    context.lineWidth = 1;
    context.strokeStyle = colourOf(name);
    context.stroke(path);
  }

  #drawBox(context, one) {
    const [x1, y1] = this.view.toScreen(one.box[0], one.box[1]);
    const [x2, y2] = this.view.toScreen(one.box[2], one.box[3]);
    const isSelected = one.id === this.selected || one.id === null;
    context.setLineDash(one.accepted || isSelected ? [] : [7, 4]);
    for (const [colour, width] of [["rgb(0 0 0 / 55%)", isSelected ? 5 : 4], [colourOf(one.name), isSelected ? 3 : 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    context.setLineDash([]);
    this.#drawLabel(context, one, x1, y1);
    if (!isSelected) return;
    for (const [across, down] of HANDLES) {
      const [x, y] = [x1 + (x2 - x1) * across, y1 + (y2 - y1) * down];
      context.fillStyle = "#fff";
      context.strokeStyle = "#000";
      context.lineWidth = 1;
      context.fillRect(x - 4, y - 4, 8, 8);
      context.strokeRect(x - 4, y - 4, 8, 8);
    }
  }

  #drawLabel(context, one, x, y) {
    const score = one.score === null || one.score === undefined ? "" : ` ${one.score.toFixed(2)}`;
    const text = `${one.name}${score}${one.crowd ? " (crowd)" : ""}`;
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const width = context.measureText(text).width + 8;
    const left = cut(x, this.canvas.clientWidth - width);
    const top = y >= 17 ? y - 17 : cut(y, this.canvas.clientHeight - 17);
    const colour = colourOf(one.name);
    const ink = inkOn(context, colour);
    context.fillStyle = colour;
    context.fillRect(left, top, width, 17);
    context.fillStyle = ink;
    context.fillText(text, left + 4, top + 9);
  }

  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #down(event) {
    if (!this.picture || this.isLocked) return;
    const [x, y] = this.#at(event);
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    const chosen = this.picture.boxes.find(({ id }) => id === this.selected);
    const handle = chosen && !this.isDrawing && this.view.handleAt(chosen.box, x, y);
    const under = this.isDrawing ? null : this.view.boxAt(this.picture.boxes, x, y);
    if (event.button === 1) this.drag = { kind: "view", x, y };
    else if (event.button !== 0) return;
    else if (handle) this.drag = { kind: "resize", one: chosen, handle, x, y };
    else if (under) {
      this.drag = { kind: "move", one: under, x, y };
      this.select(under.id);
    } else this.drag = { kind: "draw", x, y };
    event.preventDefault();
  }

  #move(event) {
    const [x, y] = this.#at(event);
    const drag = this.drag;
    if (!drag) {
      this.#point(x, y);
      return;
    }
    if (drag.kind === "view") {
      this.view.left += x - drag.x;
      this.view.top += y - drag.y;
      [drag.x, drag.y] = [x, y];
    } else if (drag.isBegun || Math.hypot(x - drag.x, y - drag.y) >= MIN_DRAG) {
      drag.isBegun = true;
      this.draft = { id: drag.one?.id ?? null, name: this.nameOfNew, box: this.#dragged(drag, x, y) };
    }
    this.draw();
  }

  #up(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag || drag.kind === "view") return;
    if (!drag.isBegun) {
      if (drag.kind === "draw") this.select(null);
      return;
    }
    const box = this.#dragged(drag, ...this.#at(event));
    this.draft = { id: drag.one?.id ?? null, name: this.nameOfNew, box };
    this.setDrawing(false);
    this.dispatchEvent(new CustomEvent("edited", { detail: drag.one ? { op: "move", box_id: drag.one.id, box } : { op: "add", box } }));
  }

  #cancel() {
    this.drag = this.draft = null;
    this.draw();
  }

  setDrawing(isDrawing) {
    this.isDrawing = isDrawing;
    this.canvas.style.cursor = isDrawing ? "crosshair" : "";
  }

  #dragged(drag, x, y) {
    const { width, height } = this.picture;
    const [px, py] = this.view.toPicture(x, y);
    const [fromX, fromY] = this.view.toPicture(drag.x, drag.y);
    if (drag.kind === "draw") {
      const [left, right] = [cut(fromX, width), cut(px, width)].sort((a, b) => a - b);
      const [top, bottom] = [cut(fromY, height), cut(py, height)].sort((a, b) => a - b);
      return [left, top, right, bottom];
    }
    const [left, top, right, bottom] = drag.one.box;
    if (drag.kind === "move") {
      const across = Math.min(width - right, Math.max(-left, px - fromX));
      const down = Math.min(height - bottom, Math.max(-top, py - fromY));
      return [left + across, top + down, right + across, bottom + down];
    }
    const [across, down] = drag.handle;
    const [toX, toY] = [cut(px, width), cut(py, height)];
    const xs = [across === 0 ? toX : left, across === 1 ? toX : right].sort((a, b) => a - b);
    const ys = [down === 0 ? toY : top, down === 1 ? toY : bottom].sort((a, b) => a - b);
    return [xs[0], ys[0], xs[1], ys[1]];
  }

  #point(x, y) {
    if (this.isDrawing || !this.picture) return;
    const chosen = this.picture.boxes.find(({ id }) => id === this.selected);
    const handle = chosen && this.view.handleAt(chosen.box, x, y);
    const cursors = { "0,0": "nwse-resize", "1,1": "nwse-resize", "1,0": "nesw-resize", "0,1": "nesw-resize" };
    const edge = handle && (handle[0] === 0.5 ? "ns-resize" : "ew-resize");
    this.canvas.style.cursor = handle ? (cursors[handle.join()] ?? edge) : this.view.boxAt(this.picture.boxes, x, y) ? "move" : "";
  }

  #wheel(event) {
    event.preventDefault();
    this.view.zoom(Math.exp(-event.deltaY / 400), ...this.#at(event));
    this.draw();
  }
}
