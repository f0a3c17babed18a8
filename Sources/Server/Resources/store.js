// The server's jobs as the page knows them: asked for now and then, and followed by events where something moves.

import { getJSON, isOutage, readEvents, remove } from "./api.js";
import { hasEnded } from "./words.js";

const page = 50;
const streamsAtOnce = 3;
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Fires `change` (at most once a frame), `ended` with a job, and `connection`. */
export class Store extends EventTarget {
  jobs = new Map();
  /** The last preview of each job that is followed: `{ step, of, blob }`. */
  previews = new Map();
  /** Where older jobs are to be had. */
  next = null;
  loaded = false;
  /** While the server does not answer: when it is asked again. */
  retryAt = null;
  looked = null;
  #forgotten = new Set();
  #order = new Map();
  #taken = new Map();
  #streams = new Map();
  #failures = 0;
  #timer = null;
  #round = 0;
  #changed = false;
  #hasPaged = false;

  start() {
    this.poll();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.poll(); });
    addEventListener("online", () => this.poll());
  }

  // What there is.

  #newestFirst = (a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : this.#order.get(b.id) - this.#order.get(a.id));

  get active() {
    const rank = (job) => (job.state === "running" ? -1 : job.position ?? 0);
    return [...this.jobs.values()].filter((job) => !hasEnded(job)).sort((a, b) => rank(a) - rank(b) || this.#newestFirst(b, a));
  }
  get ended() {
    return [...this.jobs.values()].filter(hasEnded).sort(this.#newestFirst);
  }

  /** Takes what an answer or event says of a job. */
  take(job) {
    const known = this.jobs.get(job.id);
    // Answers can overtake each other; an end is final.
    if (this.#forgotten.has(job.id) || (known && hasEnded(known) && !hasEnded(job))) return;
    if (!this.#order.has(job.id)) this.#order.set(job.id, this.#order.size);
    this.#taken.set(job.id, performance.now());
    this.jobs.set(job.id, job);
    if (known && !hasEnded(known) && hasEnded(job)) this.dispatchEvent(new CustomEvent("ended", { detail: job }));
    this.#touch();
  }

  drop(id) {
    for (const map of [this.jobs, this.previews, this.#order, this.#taken]) map.delete(id);
    this.#touch();
  }

  #touch() {
    if (this.#changed) return;
    this.#changed = true;
    // Not an animation frame: those stop while the page is hidden, and its title tells how far a job is.
    setTimeout(() => {
      this.#changed = false;
      this.#follow();
      this.dispatchEvent(new Event("change"));
    }, 16);
  }

  // Asking.

  async poll() {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    try {
      await this.#ask();
      if (this.#failures) this.#restart();
      this.#failures = 0;
      this.#setRetry(null);
      if (!this.loaded) { this.loaded = true; this.#touch(); }
    } catch (error) {
      if (!isOutage(error)) console.warn(error);
      this.#failures += 1;
    }
    // Someone else asked meanwhile, and sets the next time.
    if (this.#round !== round) return;
    let wait = document.hidden ? 15000 : this.active.length ? 2500 : 8000;
    if (this.#failures) {
      wait = Math.min(15000, 500 * 2 ** this.#failures);
      this.#setRetry(Date.now() + wait);
    }
    this.#timer = setTimeout(() => this.poll(), wait);
  }

  #setRetry(time) {
    if (this.retryAt === time) return;
    this.retryAt = time;
    this.dispatchEvent(new Event("connection"));
  }

  async #ask() {
    const began = performance.now();
    const get = (query) => getJSON(`/v1/jobs?${query}`, { signal: AbortSignal.timeout(20000) });
    const recent = await get(`limit=${page}`);
    const lists = [recent];
    // A long queue's first jobs are older than the newest page.
    if (recent.next) lists.push(...await Promise.all([get("state=running&limit=20"), get(`state=queued&limit=${page}`)]));
    const seen = new Set();
    for (const list of lists) {
      for (const job of list.jobs.toReversed()) {
        seen.add(job.id);
        const known = this.jobs.get(job.id);
        const isFollowed = this.#streams.has(job.id) && known?.state === "running" && job.state === "running";
        this.take(isFollowed ? { ...job, progress: known.progress ?? job.progress } : job);
      }
    }
    if (!this.#hasPaged) this.next = recent.next;
    // What should have been in the newest page and was not is gone, forgotten from elsewhere.
    const oldest = recent.jobs.at(-1)?.created;
    for (const job of this.jobs.values()) {
      if (seen.has(job.id) || this.#taken.get(job.id) > began) continue;
      if (!recent.next || job.created > oldest) this.drop(job.id);
      else if (!hasEnded(job)) await this.refresh(job.id);
    }
  }

  /** Asks for one job. */
  async refresh(id) {
    try {
      this.take(await getJSON(`/v1/jobs/${encodeURIComponent(id)}`));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.drop(id);
    }
  }

  async loadOlder() {
    if (!this.next) return;
    const list = await getJSON(this.next);
    this.#hasPaged = true;
    this.next = list.next;
    for (const job of list.jobs.toReversed()) this.take(job);
    this.#touch();
  }

  // Following.

  look(id) {
    this.looked = id;
    this.#touch();
  }

  #follow() {
    const wanted = new Set(this.active.filter((job) => job.id === this.looked || job.state === "running")
      .sort((a, b) => (b.id === this.looked) - (a.id === this.looked)).slice(0, streamsAtOnce).map((job) => job.id));
    for (const [id, stream] of this.#streams) if (!wanted.has(id)) this.#close(id, stream);
    for (const id of wanted) if (!this.#streams.has(id)) this.#open(id);
  }

  #close(id, stream) {
    stream.abort();
    this.#streams.delete(id);
    // What was seen last is of use only until the result is there.
    if (id !== this.looked) this.previews.delete(id);
  }

  /** After an outage all are asked again at once, since each waits by itself. */
  #restart() {
    for (const [id, stream] of this.#streams) { stream.abort(); this.#streams.delete(id); }
    this.#touch();
  }

  async #open(id) {
    const stream = new AbortController();
    this.#streams.set(id, stream);
    const memory = {};
    let wait = 500;
    const onEvent = (kind, data) => {
      wait = 500;
      const job = this.jobs.get(id);
      if (kind === "state") this.take(data);
      else if (!job || hasEnded(job)) return;
      else if (kind === "progress") this.take({ ...job, state: "running", progress: data });
      else if (kind === "preview") { this.previews.set(id, { step: data.step, of: data.of, blob: decode(data) }); this.#touch(); }
    };
    while (!stream.signal.aborted) {
      try {
        await readEvents(this.jobs.get(id).links.events, memory, onEvent, stream.signal);
      } catch (error) {
        if (stream.signal.aborted) break;
        if (error.status === 404) { this.drop(id); break; }
        if (!isOutage(error)) console.warn(error);
      }
      if (!this.jobs.has(id) || hasEnded(this.jobs.get(id))) break;
      await sleep(wait);
      wait = Math.min(15000, wait * 2);
    }
    if (this.#streams.get(id) === stream) this.#streams.delete(id);
  }

  // Ending.

  /** Cancels a job that has not ended, or forgets one that has. */
  async end(job) {
    const answer = await remove(job.links.self);
    if (answer.status === 204) {
      this.#forgotten.add(job.id);
      this.drop(job.id);
    } else {
      this.take(await answer.json());
    }
  }
}

function decode({ data, type }) {
  return new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type: type || "image/jpeg" });
}
