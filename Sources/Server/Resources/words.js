// Elements, and quantities as people read them.

/** Makes an element. Strings become text nodes, so nothing from the server is ever read as markup. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** Sets a text only where it differs, so that screen readers and selections are left in peace. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says something to screen readers. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** The engine's sentences begin small and end without a stop. */
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "");

/** An error in the server's words: what is wrong and what to do. */
export const complaint = (error) => [error.detail ?? error.message ?? String(error), error.advice].filter(Boolean).map(sentence).join(" ");

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
export const photographs = (number) => count(number, "photograph", "photographs");

export function seconds(value) {
  if (!(value >= 0)) return "";
  if (value < 1) return "less than a second";
  if (value < 9.95) return `${value < 3 ? Number(value.toFixed(1)) : Math.round(value)} s`;
  if (value < 99) return `${Math.round(value)} s`;
  const minutes = Math.round(value / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A length of time that is only estimated. */
export const roughly = (value) => (value < 1 ? seconds(value) : `about ${seconds(value)}`);

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB"];
  let index = 0;
  while (value >= 999.5 && index + 1 < units.length) { value /= 1000; index += 1; }
  return `${index === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[index]}`;
}

export const size = (width, height) => `${width} × ${height}`;

/** A day and time, shorter the nearer it is. */
export function moment(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return "";
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

const phases = {
  "encoding-text": "Reading the prompt", "encoding-image": "Looking at the photograph", preparing: "Preparing", decoding: "Finishing the picture",
};

/** What a running job is at. */
export function step(progress) {
  if (!progress) return "Starting";
  if (progress.phase === "sampling" && progress.of) return `Step ${progress.step ?? 0} of ${progress.of}`;
  return phases[progress.phase] ?? "At work";
}

/** How long it still takes; before the first step that is a guess which would only frighten. */
export const left = (progress) => (progress?.secondsLeft > 0 && (progress.step > 0 || progress.phase === "decoding") ? seconds(progress.secondsLeft) : "");

export const percent = (progress) => Math.round(100 * Math.min(1, Math.max(0, progress?.fraction ?? 0)));

/** A job's state in a few words. */
export function state(job) {
  switch (job.state) {
    case "queued": return job.position > 0 ? `Waiting, ${job.position} before it` : "Next";
    case "running": return left(job.progress) ? `${percent(job.progress)} %, ${left(job.progress)} left` : step(job.progress);
    case "done": return "Restored";
    case "failed": return "Failed";
    case "cancelled": return "Cancelled";
    default: return job.state;
  }
}

/** What is known of a photograph's blur. */
export function blur(job) {
  if (job.nearlySharp) return "nearly sharp";
  if (!(job.blur > 0)) return null;
  const pixels = job.blur < 1.5 ? Number(job.blur.toFixed(1)) : Math.round(job.blur);
  return `about ${count(pixels, "pixel", "pixels")} of blur`;
}

export const hasEnded = (job) => job.state !== "queued" && job.state !== "running";
