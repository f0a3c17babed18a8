// Puts the page's parts together.

import { getBlob, getJSON, hasToken, isOutage, post, readToken } from "./api.js";
import { confirm } from "./dialogs.js";
import { List } from "./list.js";
import { Options } from "./options.js";
import { download } from "./pictures.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Tray } from "./tray.js";
import { complaint, percent, photographs, put, say, seconds } from "./words.js";

const find = (id) => document.getElementById(id);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// What went wrong, and whether there is a server.

let noticeTimer;
function notice(text) {
  find("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { find("notice").textContent = ""; }, 10000);
}

/** Does something that a person asked for, and says it where it does not work. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notice(isOutage(error) ? "The server does not answer. Try again in a moment." : complaint(error));
    return undefined;
  }
}

function showConnection(retryAt) {
  const element = find("connection");
  element.hidden = retryAt === null;
  if (retryAt === null) return;
  const left = (retryAt - Date.now()) / 1000;
  put(element, left > 1 ? `The server does not answer. Asking again in ${seconds(Math.ceil(left))}.` : "The server does not answer. Asking …");
}

/** Asks until there is an answer. */
async function patiently(path) {
  for (let wait = 1000; ; wait = Math.min(15000, wait * 2)) {
    try {
      const answer = await getJSON(path);
      showConnection(null);
      return answer;
    } catch (error) {
      if (!isOutage(error)) throw error;
      showConnection(Date.now() + wait);
      await sleep(wait);
    }
  }
}

class App {
  constructor(capabilities, models) {
    this.store = new Store();
    this.options = new Options(capabilities, models);
    this.tray = new Tray(find("compose"), this.options, this.store, () => find("files").click());
    this.list = new List(find("library"), this.store, this.tray);
    this.stage = new Stage(find("job"), this.store);
    this.listen();
    this.store.start();
  }

  // Which part is shown is in the address, so that a reload and the back button do what they should.

  get asked() { return new URLSearchParams(location.hash.slice(1)).get("job"); }

  go(id) {
    const hash = id ? `#job=${encodeURIComponent(id)}` : "";
    if (location.hash !== hash) history.pushState(null, "", location.pathname + location.search + hash);
    // Narrow windows scroll as a whole, wide ones in parts.
    scrollTo(0, 0);
    find("stage").scrollTop = 0;
    return this.showAsked();
  }

  async showAsked() {
    const id = this.asked;
    if (id && !this.store.jobs.has(id)) await attempt(() => this.store.refresh(id));
    if (id !== this.asked) return;
    const job = id ? this.store.jobs.get(id) : null;
    find("compose").hidden = Boolean(job);
    find("job").hidden = !job;
    find("add").hidden = !job;
    if (id && !job) { notice("That photograph is not on the server any more."); history.replaceState(null, "", location.pathname + location.search); }
    this.store.look(job?.id ?? null);
    if (job) this.stage.show(job); else this.stage.hide();
    this.list.update();
  }

  start() {
    const first = this.store.active[0];
    if (!this.asked && first && !this.tray.items.length) history.replaceState(null, "", `#job=${encodeURIComponent(first.id)}`);
    this.showAsked();
  }

  add(files) {
    if (!files.length) return;
    this.tray.add(files);
    this.go(null);
  }

  listen() {
    const { store, tray, list, stage } = this;
    let hasStarted = false;
    store.addEventListener("change", () => {
      if (store.loaded && !hasStarted) { hasStarted = true; this.start(); }
      this.showTitle();
      if (hasStarted && stage.job && !store.jobs.has(stage.job.id)) this.go(null);
    });
    store.addEventListener("ended", ({ detail: job }) => {
      say({ done: `${job.name} is restored.`, failed: `${job.name} failed: ${job.error?.detail ?? ""}`, cancelled: `${job.name} is cancelled.` }[job.state]);
    });
    store.addEventListener("connection", () => showConnection(store.retryAt));
    setInterval(() => { if (store.retryAt !== null) showConnection(store.retryAt); }, 1000);

    // The first of those that were sent is shown.
    let isFirst = true;
    tray.addEventListener("job", ({ detail: job }) => {
      store.take(job);
      if (isFirst) this.go(job.id).then(() => this.keepFocus());
      isFirst = false;
    });
    tray.addEventListener("sent", () => { isFirst = true; store.poll(); });

    list.addEventListener("look", ({ detail }) => this.go(detail));
    list.addEventListener("tray", () => this.go(null));
    list.addEventListener("cancelAll", () => this.cancelAll());
    list.addEventListener("forgetAll", () => this.forgetAll());
    list.addEventListener("downloadAll", () => this.downloadAll());
    stage.addEventListener("cancel", ({ detail }) => attempt(() => store.end(detail)));
    stage.addEventListener("forget", ({ detail }) => this.forget(detail));
    stage.addEventListener("download", ({ detail }) => attempt(() => download(detail.links.result, detail.result.name)));
    stage.addEventListener("retry", ({ detail }) => attempt(() => this.retry(detail)));
    stage.addEventListener("reuse", ({ detail }) => attempt(() => this.reuse(detail)));

    addEventListener("popstate", () => this.showAsked());
    find("home").addEventListener("click", (event) => { event.preventDefault(); this.go(null); });
    find("add").addEventListener("click", () => find("files").click());
    find("files").accept = "image/*,.heic,.heif,.avif,.tif,.tiff";
    find("files").addEventListener("change", (event) => { this.add([...event.target.files]); event.target.value = ""; });
    document.addEventListener("paste", (event) => this.add([...event.clipboardData?.files ?? []]));
    addEventListener("beforeunload", (event) => { if (tray.isSending) event.preventDefault(); });
    this.listenToDrops();
  }

  listenToDrops() {
    let depth = 0;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (change) => { depth = Math.max(0, change); find("drop").hidden = depth === 0; };
    addEventListener("dragenter", (event) => { if (hasFiles(event)) { event.preventDefault(); mark(depth + 1); } });
    addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
    addEventListener("dragleave", (event) => { if (hasFiles(event)) mark(depth - 1); });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(0);
      this.add([...event.dataTransfer.files]);
    });
  }

  showTitle() {
    const job = this.store.active.find((candidate) => candidate.state === "running");
    const title = job ? `${percent(job.progress)} % · ${job.name}` : "DeblurDiff";
    if (document.title !== title) document.title = title;
  }

  /** A part that goes away takes the focus with it; those who have no mouse would begin at the top again. */
  keepFocus() {
    if (document.activeElement === document.body || document.activeElement?.closest("[hidden]")) find("stage").focus({ preventScroll: true });
  }

  // What people ask for.

  async forget(job) {
    if (!await confirm(`Forget ${job.name}?`, "The photograph and its result are removed from the server.", "Forget")) return;
    const { ended } = this.store;
    const place = ended.findIndex((candidate) => candidate.id === job.id);
    const next = ended[place + 1] ?? ended[place - 1];
    await attempt(async () => {
      await this.store.end(job);
      this.go(next?.id ?? null);
      if (next) this.list.focus();
    });
  }

  async forgetAll() {
    if (!await confirm("Forget all that have ended?", "These photographs and their results are removed from the server.", "Forget all")) return;
    await attempt(async () => {
      do {
        for (const job of this.store.ended) await this.store.end(job);
        await this.store.loadOlder();
      } while (this.store.ended.length);
      say("All forgotten.");
    });
  }

  cancelAll() {
    // The last first, so that none begins only to be cancelled.
    return attempt(async () => { for (const job of this.store.active.toReversed()) await this.store.end(job); });
  }

  downloadAll() {
    return attempt(async () => {
      const done = this.store.ended.filter((job) => job.state === "done");
      for (const job of done) {
        await download(job.links.result, job.result.name);
        // Browsers drop downloads that follow each other at once.
        await sleep(300);
      }
      say(`${photographs(done.length)} downloaded.`);
    });
  }

  async file(job) {
    const blob = await getBlob(job.links.input);
    return new File([blob], job.name, { type: blob.type });
  }

  async retry(job) {
    const query = new URLSearchParams({ name: job.name, model: job.model, ...job.options });
    const key = `again-${job.id}-${Date.now()}`;
    const again = await post(await this.file(job), query, key, () => {});
    this.store.take(again);
    this.go(again.id);
    this.store.poll();
  }

  async reuse(job) {
    const file = await this.file(job);
    this.options.take(job.options ?? {}, job.model);
    this.options.details.open = true;
    this.add([file]);
  }
}

readToken();
if (hasToken()) find("graphs").hidden = true;
try {
  const capabilities = await patiently("/v1/capabilities");
  const { models } = await patiently("/v1/models");
  // The token may have been asked for just now; a link cannot carry it.
  find("graphs").hidden = hasToken();
  new App(capabilities, models ?? []);
  document.documentElement.dataset.ready = "yes";
} catch (error) {
  notice(complaint(error));
  throw error;
}
