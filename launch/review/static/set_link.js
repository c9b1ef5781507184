// Set link: the requests of this tab to the server. A change is on disk when its promise is kept.

const tab = Array.from(crypto.getRandomValues(new Uint8Array(8)), (one) => one.toString(16).padStart(2, "0")).join("");

// What the server refuses: a code for the script and a sentence for the person.
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused("no_answer", "The server does not answer: is the command still running?");
  }
  if (answer.status === 401) location.assign("/login");
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  throw new Refused(said?.error?.code ?? "failed", said?.error?.message ?? `The server answers with ${answer.status}.`);
}

export const readSet = async () => (await ask("/api/set")).json();

export const readPicture = async (id) => (await ask(`/api/pictures/${id}`)).json();

export const readImage = async (id) => createImageBitmap(await (await ask(`/api/pictures/${id}/image`)).blob());

// `what` is edit, undo or redo.
export async function change(what, request) {
  const body = JSON.stringify({ ...request, tab });
  return (await ask(`/api/change/${what}`, { method: "POST", body, headers: { "content-type": "application/json" } })).json();
}
