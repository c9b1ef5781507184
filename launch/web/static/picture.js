// Picture: one picture from the disk, detected in by the page's server, with its boxes, a table and JSON.

import { drawFrame } from "./stage.js";

const byId = (id) => document.getElementById(id);

export class Picture {
  constructor() {
    this.file = null;
    this.image = null;
    this.answer = null;
    this.asked = 0; // counts what was asked: only the answer to the last is shown
    this.listModels();
    byId("file").addEventListener("change", ({ target }) => target.files[0] && this.take(target.files[0]));
    byId("try").addEventListener("submit", (event) => this.detect(event));
    byId("save-drawing").addEventListener("click", () => save(byId("shot"), `${this.stem}-boxes.png`));
    byId("save-crops").addEventListener("click", () => this.saveCrops());
    byId("copy-json").addEventListener("click", () => this.copy());
    byId("by-text").addEventListener("change", () => this.allow());
    for (const id of ["box", "text", "nms"]) byId(id).addEventListener("input", ({ target }) => (byId(`${id}-value`).textContent = Number(target.value).toFixed(2)));
    for (const radio of document.getElementsByName("kind")) radio.addEventListener("change", () => this.allow());
    for (const type of ["dragover", "dragleave", "drop"]) byId("picture").addEventListener(type, (event) => this.drag(event));
    document.addEventListener("paste", ({ clipboardData }) => !byId("picture").hidden && clipboardData.files[0] && this.take(clipboardData.files[0]));
  }

  get kind() {
    return [...document.getElementsByName("kind")].find((radio) => radio.checked).value;
  }

  get stem() {
    return this.file.name.replace(/\.[^.]*$/, "") || "picture";
  }

  async listModels() {
    const values = await fetch("/api/models").then((answer) => answer.json()).catch(() => ({}));
    byId("model").replaceChildren(...(values.models ?? []).map((name) => new Option(name, name)));
  }

  allow() {
    const refers = this.kind === "refer";
    byId("words-label").textContent = refers ? "Sentence" : 'Phrases, parted by " . "';
    byId("words").placeholder = refers ? "the mug on the left" : "red mug . blue cube";
    for (const id of ["box", "by-text", "nms"]) byId(id).disabled = refers;
    byId("text").disabled = refers || !byId("by-text").checked;
    if (byId("by-text").checked) byId("nms").disabled = true;
  }

  drag(event) {
    event.preventDefault();
    byId("picture").classList.toggle("over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) this.take(event.dataTransfer.files[0]);
  }

  async take(file) {
    this.forget();
    this.file = file;
    const image = await createImageBitmap(file).catch(() => null);
    if (this.file !== file) return image?.close(); // another one was taken meanwhile
    this.image = image;
    byId("shot-veil").hidden = image !== null;
    byId("shot-veil").textContent = `${file.name}: this browser cannot show it, but the detector may read it`;
    if (image) drawFrame(byId("shot"), image, []);
    byId("shot").setAttribute("aria-label", `${file.name}, not looked at yet`);
    this.show();
    if (byId("words").value.trim()) byId("try").requestSubmit();
  }

  // Nothing of the picture before stays, and no answer about it is waited for.
  forget() {
    this.asked += 1;
    this.image?.close();
    this.image = this.answer = null;
    const shot = byId("shot");
    shot.getContext("2d").clearRect(0, 0, shot.width, shot.height);
    byId("shot-said").textContent = "";
    byId("detect").disabled = false;
    this.show();
  }

  async detect(event) {
    event.preventDefault();
    this.say("");
    const words = byId("words").value.trim();
    if (!this.file) return this.say("Choose a picture first.");
    if (!words) return this.say("Type what to look for, such as red mug . blue cube");
    const request = { model: byId("model").value, [this.kind]: words };
    if (this.kind === "prompt") {
      request.threshold = Number(byId("box").value);
      if (byId("by-text").checked) request.text_threshold = Number(byId("text").value);
      else request.nms = Number(byId("nms").value);
    }
    const number = (this.asked += 1);
    byId("detect").disabled = true;
    byId("shot-said").textContent = "looking: the first picture takes longest, because the model is loaded";
    try {
      const answer = await upload(request, this.file);
      if (number !== this.asked) return;
      this.answer = answer;
      byId("shot-said").textContent = `${this.answer.detections.length} found in ${Math.round(this.answer.infer_ms)} ms by ${this.answer.model}`;
    } catch (error) {
      if (number !== this.asked) return;
      this.answer = null;
      byId("shot-said").textContent = "";
      this.say(error.message);
    }
    byId("detect").disabled = false;
    this.show();
  }

  get boxes() {
    const found = this.answer?.detections ?? [];
    return found.map(({ label, confidence, bbox: { x1, y1, x2, y2 } }) => ({ phrase: label, score: confidence, box_xyxy: [x1, y1, x2, y2] }));
  }

  show() {
    const boxes = this.boxes;
    if (this.image && this.answer) {
      drawFrame(byId("shot"), this.image, boxes);
      byId("shot").setAttribute("aria-label", `${this.file.name}: ${boxes.map((box) => box.phrase).join(", ") || "nothing found"}`);
    }
    byId("found").replaceChildren(...boxes.map(({ phrase, score, box_xyxy }) => row(phrase, score.toFixed(3), box_xyxy.map((value) => value.toFixed(1)).join(", "))));
    byId("save-drawing").disabled = !this.image || !this.answer;
    byId("save-crops").disabled = !this.image || !boxes.length;
    byId("copy-json").disabled = !this.answer;
  }

  saveCrops() {
    for (const [at, { phrase, box_xyxy }] of this.boxes.entries()) {
      const [left, top] = box_xyxy.slice(0, 2).map((value) => Math.max(0, Math.floor(value)));
      const [right, bottom] = [Math.min(this.image.width, Math.ceil(box_xyxy[2])), Math.min(this.image.height, Math.ceil(box_xyxy[3]))];
      const crop = document.createElement("canvas");
      [crop.width, crop.height] = [Math.max(1, right - left), Math.max(1, bottom - top)];
      crop.getContext("2d").drawImage(this.image, -left, -top);
      save(crop, `${this.stem}-${at + 1}-${phrase.replace(/[^\p{L}\p{N}]+/gu, "-")}.png`);
    }
  }

  async copy() {
    const text = JSON.stringify(this.answer, null, 1);
    try {
      await navigator.clipboard.writeText(text);
      byId("shot-said").textContent = "copied";
    } catch {
      this.say("the browser does not allow copying here: open the page over HTTPS or at 127.0.0.1");
    }
  }

  say(text) {
    byId("try-problem").textContent = text;
  }
}

async function upload(request, file) {
  const head = new TextEncoder().encode(JSON.stringify(request));
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, head.length);
  let answer;
  try {
    answer = await fetch("/api/detect", { method: "POST", body: new Blob([length.buffer, head, file]) });
  } catch {
    throw new Error("the page's server did not take the picture: it may be larger than 25 MiB");
  }
  const values = await answer.json();
  if (!answer.ok) throw new Error(values.error.message);
  return values;
}

function row(...texts) {
  const line = document.createElement("tr");
  line.append(...texts.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  return line;
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }, "image/png");
}
