// Review: which picture is shown, what a person changes in it, and the keys.

import { Board } from "/static/board.js";
import { change, readImage, readPicture, readSet } from "/static/set_link.js";
import { Side } from "/static/side.js";

const byId = (id) => document.getElementById(id);
const board = new Board(byId("board"));
const side = new Side();

let set = { classes: [], pictures: [], notes: [] };
let order = []; // the ids of all pictures as a person goes through them: it stays while their scores change
let picture = null; // as the server last gave it
let unsaved = null; // a change that could not be saved
let doing = Promise.resolve(); // what a person does is done one after the other, each on what the one before left
let waiting = 0;
let wanted = 0; // counts the pictures that were asked for: only the last is shown

// ---- what is shown

const lineOf = (id) => set.pictures.find((one) => one.id === id);

function putInOrder() {
  const lines = [...set.pictures];
  if (byId("order").value === "least") lines.sort((a, b) => (a.least ?? 2) - (b.least ?? 2));
  order = lines.map(({ id }) => id);
}

// The pictures in the chosen order.
function ordered() {
  const lines = new Map(set.pictures.map((one) => [one.id, one]));
  return order.map((id) => lines.get(id));
}

// Read the data set again; pictures that have come since stand at the end.
async function readAgain() {
  set = await readSet();
  const [known, found] = [new Set(order), new Set(set.pictures.map(({ id }) => id))];
  order = [...order.filter((id) => found.has(id)), ...[...found].filter((id) => !known.has(id))];
}

const isWanted = (line) => !byId("filter").value || line.state === byId("filter").value;

// The picture so many steps further that the filter lets through; undefined at the end.
function further(step) {
  const lines = ordered();
  let at = lines.findIndex((one) => one.id === picture?.id);
  do at += step;
  while (lines[at] && !isWanted(lines[at]));
  return lines[at];
}

async function open(id) {
  const number = (wanted += 1);
  try {
    const next = await readPicture(id);
    if (number !== wanted) return;
    let image = null;
    let why = "";
    try {
      image = await readImage(id);
    } catch (error) {
      why = error.message || "The picture cannot be decoded.";
    }
    if (number !== wanted) return image?.close();
    const isOdd = image && Math.abs(image.width * next.height - image.height * next.width) > next.width + next.height;
    if (isOdd) why = `The file has ${image.width}x${image.height} px, the data set says ${next.width}x${next.height}: boxes may not fit.`;
    byId("veil").textContent = why;
    byId("veil").hidden = !why;
    history.replaceState(null, "", `#${id}`);
    if (picture?.id !== id) board.selected = null;
    show(next, image);
  } catch (error) {
    say(error.message);
  }
}

function show(next, image = board.image) {
  picture = next;
  board.nameOfNew = side.nameOfNew(set.classes);
  board.show(next, image);
  paint();
}

function paint() {
  const counts = { new: 0, checked: 0, rejected: 0 };
  for (const { state } of set.pictures) counts[state] += 1;
  byId("title").textContent = set.title ?? "";
  byId("progress").textContent = `${counts.checked} checked, ${counts.rejected} rejected, ${counts.new} new`;
  const shown = ordered().filter(isWanted);
  const at = shown.findIndex((one) => one.id === picture?.id);
  byId("position").textContent = at < 0 ? `${shown.length} shown` : `${at + 1} of ${shown.length}`;
  byId("notes").textContent = set.notes.join("\n");
  const count = picture?.boxes.length ?? 0;
  byId("board").setAttribute("aria-label", picture ? `${picture.file} with ${count} ${count === 1 ? "box" : "boxes"}` : "No picture");
  side.paint(picture, set.classes, board.selected);
}

function say(sentence, isUnsaved = false) {
  byId("problem-text").textContent = sentence;
  byId("problem").hidden = !sentence;
  byId("again").hidden = byId("discard").hidden = !isUnsaved;
  byId("understood").hidden = isUnsaved;
}

// ---- changes

function perform(act) {
  waiting += 1;
  doing = doing
    .then(act)
    .catch((error) => say(error.message))
    .finally(() => (waiting -= 1));
}

async function send(what, request = {}, id = picture?.id) {
  if (unsaved) return say(`${unsaved.why} Save or discard that change first.`, true);
  const saved = byId("saved");
  try {
    saved.textContent = "saving";
    saved.dataset.state = "";
    await take(await change(what, { ...request, picture: id, version: picture?.version }), request);
    saved.textContent = `saved ${new Date().toLocaleTimeString()}`;
    saved.dataset.state = "good";
    say("");
  } catch (error) {
    const isUnsaved = error.code === "not_saved" || error.code === "no_answer";
    saved.textContent = isUnsaved ? "not saved" : "";
    saved.dataset.state = "lost";
    if (isUnsaved) keep({ what, request, id, why: error.message });
    else board.show(picture, board.image); // without what was drawn
    if (error.code === "changed") await reload();
    say(error.message, isUnsaved);
  }
}

// A change that could not be saved stays on the board, which takes no other until this one is saved or discarded.
function keep(change) {
  unsaved = change;
  board.isLocked = Boolean(change);
}

async function take(answer, request) {
  const before = new Set(picture?.boxes.map(({ id }) => id));
  set.classes = answer.classes;
  set.notes = answer.notes;
  const lines = new Map(answer.lines.map((one) => [one.id, one]));
  set.pictures = set.pictures.map((one) => lines.get(one.id) ?? one);
  if (!answer.picture) return paint();
  if (answer.picture.id !== picture?.id) return open(answer.picture.id); // an undo in another picture
  if (request.op === "add") board.selected = answer.picture.boxes.find(({ id }) => !before.has(id))?.id ?? null;
  show(answer.picture);
}

async function reload() {
  await readAgain();
  const id = lineOf(picture?.id)?.id ?? set.pictures[0]?.id;
  if (id !== undefined) await open(id);
}

byId("again").addEventListener("click", () => {
  const { what, request, id } = unsaved;
  keep(null);
  perform(() => send(what, request, id));
});
byId("discard").addEventListener("click", () => {
  keep(null);
  say("");
  byId("saved").textContent = "";
  board.show(picture, board.image);
});
byId("understood").addEventListener("click", () => say(""));
addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
addEventListener("visibilitychange", () => document.visibilityState === "visible" && !unsaved && perform(reload));

const edit = (request) => picture && send("edit", request);
const chosen = () => picture?.boxes.find(({ id }) => id === board.selected);

async function step(by) {
  if (unsaved) return say(`${unsaved.why} Save or discard that change first.`, true);
  const next = further(by);
  if (next) await open(next.id);
  else byId("position").textContent = by > 0 ? "this was the last one" : "this is the first one";
}

async function judge(state) {
  await edit({ op: "state", state });
  if (state !== "new" && !unsaved && picture?.state === state) await step(1);
}

function addBox(box) {
  return edit({ op: "add", name: side.nameOfNew(set.classes), box });
}

function nudge(key, isCorner) {
  const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const { id, box: [left, top, right, bottom] } = chosen();
  const box = isCorner ? [left, top, right + across, bottom + down] : [left + across, top + down, right + across, bottom + down];
  const isInside = box[0] >= 0 && box[1] >= 0 && box[2] <= picture.width && box[3] <= picture.height;
  return isInside && edit({ op: "move", box_id: id, box });
}

function selectNext(by) {
  const ids = picture?.boxes.map(({ id }) => id) ?? [];
  if (ids.length) board.select(ids[(ids.indexOf(board.selected) + by + (board.selected === null && by < 0 ? 1 : 0) + ids.length) % ids.length]);
}

// ---- the page

board.addEventListener("edited", ({ detail }) => {
  const drawnOn = picture.id;
  perform(() => {
    if (picture.id !== drawnOn) return say("The box was drawn while the next picture was on its way: draw it again.");
    return detail.op === "add" ? addBox(detail.box) : edit(detail);
  });
});
board.addEventListener("selected", paint);
side.addEventListener("select", ({ detail }) => board.select(detail));
side.addEventListener("relabel", ({ detail }) => perform(() => chosen() && edit({ op: "relabel", box_id: board.selected, name: detail })));
side.addEventListener("current", () => {
  board.nameOfNew = side.nameOfNew(set.classes);
  paint();
});
side.addEventListener("accept", ({ detail }) => perform(() => edit({ op: "accept", ...detail })));
const clicks = {
  remove: () => chosen() && edit({ op: "remove", box_id: board.selected }),
  "drop-shape": () => chosen() && edit({ op: "drop_shape", box_id: board.selected }),
  undo: () => send("undo"),
  redo: () => send("redo"),
  next: () => step(1),
  previous: () => step(-1),
};
for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", () => perform(act));
for (const button of document.querySelectorAll("button.state")) button.addEventListener("click", () => perform(() => judge(button.dataset.set)));
byId("filter").addEventListener("change", paint);
byId("order").addEventListener("change", () => {
  putInOrder();
  paint();
});
byId("shapes").addEventListener("change", ({ target }) => {
  board.showsShapes = target.checked;
  board.draw();
});

const choose = (row) => side.choose(set.classes[row], Boolean(chosen()));
const keys = {
  d: clicks.next, ArrowRight: clicks.next, a: clicks.previous, ArrowLeft: clicks.previous,
  e: () => selectNext(1), q: () => selectNext(-1),
  x: () => judge("rejected"), u: () => judge("new"),
  w: () => board.setDrawing(!board.isDrawing),
  t: () => byId("shapes").click(),
  f: () => board.fit(),
  Delete: clicks.remove, Backspace: clicks.remove,
  Escape: () => {
    board.setDrawing(false);
    board.select(null);
  },
  Enter: () => {
    if (!board.isDrawing) return judge("checked");
    board.setDrawing(false);
    return addBox([picture.width * 0.375, picture.height * 0.375, picture.width * 0.625, picture.height * 0.625]);
  },
};

// What a key means; undefined where it means nothing here.
function actOf({ key: pressed, ctrlKey, metaKey, shiftKey, altKey }) {
  const key = pressed.length === 1 ? pressed.toLowerCase() : pressed;
  if (ctrlKey || metaKey) return { y: clicks.redo, z: shiftKey ? clicks.redo : clicks.undo }[key];
  if (shiftKey && key.startsWith("Arrow")) return () => chosen() && nudge(key, altKey);
  if (altKey) return undefined;
  return /^[1-9]$/.test(key) ? () => choose(key - 1) : keys[key];
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea");
  const isPressing = event.key === "Enter" && event.target.matches("button, summary");
  const act = isTyping || isPressing || board.drag ? undefined : actOf(event);
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || !waiting) perform(act); // a key that is held does not run ahead of the server
});

perform(async () => {
  set = await readSet();
  putInOrder();
  const first = lineOf(Number(location.hash.slice(1))) ?? set.pictures.find((one) => one.state === "new") ?? set.pictures[0];
  if (first) await open(first.id);
});
