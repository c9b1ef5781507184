// Chart: how many of each phrase were in view over the last minute, as step lines.

import { colourOf } from "./colours.js";

const SECONDS = 60;

export function chart(canvas, counts) {
  const context = canvas.getContext("2d");
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth || 320, canvas.clientHeight || 110];
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const phrases = new Set(counts.flatMap((one) => [...one.counts.keys()]));
  const most = Math.max(1, ...counts.flatMap((one) => [...one.counts.values()]));
  const [left, bottom, top] = [18, height - 14, 6];
  const x = (at) => width - 4 - ((Date.now() - at) / 1000 / SECONDS) * (width - left - 4);
  const y = (count) => bottom - (count / most) * (bottom - top);

  context.fillStyle = context.strokeStyle = style.color;
  context.font = "11px system-ui, sans-serif";
  context.globalAlpha = 0.35;
  for (const count of new Set([0, most])) line(context, [[left, y(count)], [width - 4, y(count)]]);
  context.globalAlpha = 0.85;
  context.textBaseline = "middle";
  for (const count of new Set([0, most])) context.fillText(count, 2, y(count));
  context.textBaseline = "alphabetic";
  context.fillText("60 s ago", left, height - 2);
  context.textAlign = "right";
  context.fillText("now", width - 4, height - 2);
  context.textAlign = "left";
  context.globalAlpha = 1;
  context.lineWidth = 2;
  for (const phrase of phrases) {
    context.strokeStyle = colourOf(phrase);
    const steps = [];
    let before = null;
    for (const { at, counts: now } of counts) {
      const count = now.get(phrase) ?? 0;
      if (before !== null && before !== count) steps.push([x(at), y(before)]);
      if (before !== count) steps.push([x(at), y(count)]);
      before = count;
    }
    if (before !== null) steps.push([x(counts.at(-1).at), y(before)]);
    line(context, steps);
  }
  const now = counts.at(-1)?.counts ?? new Map();
  canvas.setAttribute("aria-label", `In view now: ${[...now].map(([phrase, count]) => `${count} ${phrase}`).join(", ") || "nothing"}; the most in the last minute: ${counts.length ? most : 0}`);
}

function line(context, points) {
  context.beginPath();
  for (const [at, point] of points.entries()) context[at ? "lineTo" : "moveTo"](...point);
  context.stroke();
}
