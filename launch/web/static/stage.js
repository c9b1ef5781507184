// Stage: draws a picture and the boxes of its own message on a canvas, in one step.

import { colourOf, inkOn } from "./colours.js";

export async function decode(jpeg) {
  return createImageBitmap(jpeg);
}

export function drawFrame(canvas, image, tracks, isShown = () => true) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    canvas.width = image.width;
    canvas.height = image.height;
  }
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  drawBoxes(context, tracks.filter((track) => isShown(track.phrase)), pixelsOf(canvas));
}

// How many px of the picture one px of the screen covers: the picture is fitted into the canvas.
function pixelsOf(canvas) {
  return Math.max(canvas.width / (canvas.clientWidth || canvas.width), canvas.height / (canvas.clientHeight || canvas.height));
}

// Boxes are px of the picture; `unit` is how many of these one px of the screen covers.
export function drawBoxes(context, tracks, unit) {
  const rising = [...tracks].sort((a, b) => a.score - b.score);
  for (const track of rising) {
    const [left, top, right, bottom] = track.box_xyxy;
    context.setLineDash(track.state === "coasting" ? [6 * unit, 5 * unit] : []);
    for (const [colour, width] of [["rgb(0 0 0 / 55%)", 4.5], [colourOf(track.phrase), 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * unit;
      context.strokeRect(left, top, right - left, bottom - top);
    }
  }
  context.setLineDash([]);
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const isSmall = context.canvas.clientWidth > 0 && context.canvas.clientWidth < 500;
  for (const track of rising) drawLabel(context, track, unit, isSmall);
}

// Zones and lines, with an arrow on the side that counts as "in" of a line.
export function drawPlaces(canvas, places) {
  const context = canvas.getContext("2d");
  const unit = pixelsOf(canvas);
  context.font = `600 ${12 * unit}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  for (const { name, points, isLine } of places) {
    if (!points?.length) continue;
    const path = new Path2D();
    for (const [at, [x, y]] of points.entries()) path[at ? "lineTo" : "moveTo"](x, y);
    if (!isLine) path.closePath();
    if (isLine && points.length === 2) addArrow(path, points, unit);
    for (const [colour, width] of [["rgb(0 0 0 / 60%)", 4], ["#ffd166", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * unit;
      context.stroke(path);
    }
    if (!isLine) {
      context.fillStyle = "rgb(255 209 102 / 12%)";
      context.fill(path);
    }
    const [x, y] = points[0];
    context.lineWidth = 3 * unit;
    context.strokeStyle = "#000";
    context.strokeText(name, x + 4 * unit, y - 3 * unit);
    context.fillStyle = "#ffd166";
    context.fillText(name, x + 4 * unit, y - 3 * unit);
  }
}

// From the left of the line's direction to its right: the way of a crossing that counts as "in".
function addArrow(path, [[x1, y1], [x2, y2]], unit) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [along, across] = [[(x2 - x1) / length, (y2 - y1) / length], [-(y2 - y1) / length, (x2 - x1) / length]];
  const at = (forward, aside) => [(x1 + x2) / 2 + (along[0] * aside + across[0] * forward) * unit, (y1 + y2) / 2 + (along[1] * aside + across[1] * forward) * unit];
  path.moveTo(...at(-12, 0));
  path.lineTo(...at(16, 0));
  path.moveTo(...at(9, -6));
  path.lineTo(...at(16, 0));
  path.lineTo(...at(9, 6));
}

function drawLabel(context, track, unit, isSmall) {
  const number = track.id === undefined ? "" : ` #${track.id}`;
  const text = isSmall ? track.phrase : `${track.phrase}${number} ${track.score.toFixed(2)}`;
  const width = context.measureText(text).width + 10 * unit;
  const height = 19 * unit;
  const [boxLeft, boxTop] = track.box_xyxy;
  const left = Math.max(0, Math.min(boxLeft, context.canvas.width - width));
  const top = boxTop - height >= 0 ? boxTop - height : Math.max(0, boxTop);
  const colour = colourOf(track.phrase);
  const ink = inkOn(context, colour);
  context.fillStyle = colour;
  context.fillRect(left, top, width, height);
  context.fillStyle = ink;
  context.fillText(text, left + 5 * unit, top + height / 2 + unit);
}

export function countByPhrase(tracks) {
  const counts = new Map();
  for (const track of tracks) if (track.state !== "tentative") counts.set(track.phrase, (counts.get(track.phrase) ?? 0) + 1);
  return counts;
}
