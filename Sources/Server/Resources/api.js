// Requests to the server: with its token where it wants one, and with its words where it says no.

import { askForToken } from "./dialogs.js";

/** An answer that is an error, in the server's words. */
export class Problem extends Error {
  constructor(status, detail, advice, retryAfter) {
    super(detail);
    Object.assign(this, { status, detail, advice, retryAfter });
  }
  static from(status, text, retryAfter) {
    let body = {};
    try { body = JSON.parse(text); } catch { /* Something between here and the server answered in its own way. */ }
    return new Problem(status, body.detail || body.title || `The server answered with status ${status}.`, body.advice, Number(retryAfter) || null);
  }
}

/** Whether an error means that there is no server at the moment, so that it is worth asking again. */
export const isOutage = (error) => error instanceof TypeError || error.name === "TimeoutError" || [502, 503, 504].includes(error.status);

const key = "deblurdiff-token";
let token = null;
let asking = null;

/** Takes the token from the address, so that it does not stay in the history or in a copied link. */
export function readToken() {
  const values = new URLSearchParams(location.hash.slice(1));
  try { token = sessionStorage.getItem(key); } catch { /* No storage: the token lasts as long as the page. */ }
  if (!values.has("token")) return;
  keep(values.get("token"));
  values.delete("token");
  history.replaceState(null, "", location.pathname + location.search + (values.size ? `#${values}` : ""));
}

function keep(value) {
  token = value;
  try { sessionStorage.setItem(key, value); } catch { /* See above. */ }
}

export const hasToken = () => Boolean(token);

/** Asks once for all requests that were refused at the same time. */
function renewToken(used) {
  if (token !== used) return Promise.resolve();
  asking ??= askForToken(used !== null).then(keep).finally(() => { asking = null; });
  return asking;
}

const authorization = (used) => (used ? { Authorization: `Bearer ${used}` } : {});

export async function request(path, { headers, ...rest } = {}) {
  for (;;) {
    const used = token;
    const answer = await fetch(path, { cache: "no-store", ...rest, headers: { ...headers, ...authorization(used) } });
    if (answer.status === 401) { await renewToken(used); continue; }
    if (!answer.ok) throw Problem.from(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    return answer;
  }
}

export const getJSON = async (path, rest) => (await request(path, rest)).json();
export const getBlob = async (path, rest) => (await request(path, rest)).blob();
export const remove = (path) => request(path, { method: "DELETE" });

/** Posts a photograph. `XMLHttpRequest`, since `fetch` does not tell how far an upload is. */
export async function post(file, query, idempotencyKey, onProgress, signal) {
  for (;;) {
    const used = token;
    const answer = await new Promise((resolve, reject) => {
      const sending = new XMLHttpRequest();
      sending.open("POST", `/v1/jobs?${query}`);
      sending.setRequestHeader("Content-Type", file.type || "application/octet-stream");
      sending.setRequestHeader("Idempotency-Key", idempotencyKey);
      for (const [name, value] of Object.entries(authorization(used))) sending.setRequestHeader(name, value);
      sending.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
      sending.onload = () => resolve(sending);
      sending.onerror = () => reject(new TypeError("The connection was lost."));
      sending.onabort = () => reject(new DOMException("Aborted", "AbortError"));
      signal?.addEventListener("abort", () => sending.abort(), { once: true });
      sending.send(file);
    });
    if (answer.status === 401) { await renewToken(used); continue; }
    if (answer.status >= 300) throw Problem.from(answer.status, answer.responseText, answer.getResponseHeader("Retry-After"));
    return JSON.parse(answer.responseText);
  }
}

/** A connection whose other end has gone without a word is given up after this long; the server says something every 15 s. */
const silence = 45000;

async function readOrGiveUp(reader) {
  let timer;
  const tooLong = new Promise((_, reject) => { timer = setTimeout(() => reject(new TypeError("The server fell silent.")), silence); });
  try { return await Promise.race([reader.read(), tooLong]); } finally { clearTimeout(timer); }
}

/** Reads server-sent events until the server ends them, and hands on each. `memory` keeps the last one's id for the next time. */
export async function readEvents(path, memory, onEvent, signal) {
  const headers = { Accept: "text/event-stream", ...(memory.lastID ? { "Last-Event-ID": memory.lastID } : {}) };
  const answer = await request(path, { headers, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { kind: "message", data: [] };
  for (;;) {
    const { value, done } = await readOrGiveUp(reader).catch((error) => { reader.cancel().catch(() => {}); throw error; });
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length) onEvent(event.kind, JSON.parse(event.data.join("\n")));
        event = { kind: "message", data: [] };
        continue;
      }
      const [, field, text] = line.match(/^([^:]*):? ?(.*)$/);
      if (field === "event") event.kind = text;
      else if (field === "data") event.data.push(text);
      else if (field === "id") memory.lastID = text;
    }
  }
}
