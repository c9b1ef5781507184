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
  for (const track of rising) drawLabel(context, track, unit);
}

function drawLabel(context, track, unit) {
  const number = track.id === undefined ? "" : ` #${track.id}`;
  const text = `${track.phrase}${number} ${track.score.toFixed(2)}`;
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
