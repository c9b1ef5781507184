// Colours: a phrase's own colour, the one that it names or else one that depends on its text alone.

const WORDS = {
  red: "#e1322d", orange: "#f58c1e", yellow: "#ebcd28", green: "#32aa4b", blue: "#3269e6",
  purple: "#964bc8", pink: "#f078b4", brown: "#8c5a32", white: "#ebebeb", black: "#282828",
};

export function colourOf(phrase) {
  for (const word of phrase.toLowerCase().split(/\s+/)) if (Object.hasOwn(WORDS, word)) return WORDS[word];
  let hash = 0x811c9dc5;
  for (let at = 0; at < phrase.length; at++) hash = Math.imul(hash ^ phrase.charCodeAt(at), 0x01000193) >>> 0;
  return `hsl(${hash % 360} 75% 50%)`;
}

// Black or white, whichever can be read on a colour.
export function inkOn(context, colour) {
  context.fillStyle = colour;
  const probe = context.fillStyle;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(probe.slice(at, at + 2), 16));
  return r * 0.299 + g * 0.587 + b * 0.114 > 140 ? "#000" : "#fff";
}
