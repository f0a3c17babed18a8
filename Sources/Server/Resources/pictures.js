// Pictures of the server's. They are fetched with the token, so the browser gets them as blobs, whose addresses must be given back.

import { getBlob } from "./api.js";

/** What every browser shows; the server makes JPEGs of the rest. */
const shown = new Set(["jpeg", "png", "webp"]);

/** Enough for a window; more is fetched when someone looks closer. */
export const preview = 2048;

export function address(path, format, width, height, isWhole) {
  if (!isWhole && Math.max(width, height) > preview) return `${path}?format=jpeg&max=${preview}`;
  return shown.has(format) ? path : `${path}?format=jpeg`;
}

/** An image element with a blob in it, decoded, so that putting it in place does not flicker. Its address is kept: `release` gives it back. */
export async function decode(blob, alt) {
  const image = new Image();
  image.alt = alt;
  image.draggable = false;
  image.decoding = "async";
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } catch (error) {
    release(image);
    throw error;
  }
  return image;
}

export function release(image) {
  if (image?.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
}

/** Draws a blob small, so that no large picture stays decoded. Gives the picture's own size, or null where the browser cannot read it. */
export async function draw(canvas, blob, longest) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    return null;
  }
  const { width, height } = bitmap;
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return { width, height };
}

/** Loads thumbnails as they come into sight, and lets them go when they are far away. */
export class Thumbnails {
  #paths = new WeakMap();
  #observer;

  constructor(root) {
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#load(target);
        else { target.removeAttribute("src"); delete target.dataset.loaded; }
      }
    }, { root, rootMargin: "800px" });
  }

  add(image, path) {
    this.#paths.set(image, path);
    this.#observer.observe(image);
  }
  remove(image) { this.#observer.unobserve(image); }

  async #load(image) {
    if (image.dataset.loaded) return;
    image.dataset.loaded = "yes";
    try {
      const url = URL.createObjectURL(await getBlob(this.#paths.get(image)));
      image.onload = image.onerror = () => URL.revokeObjectURL(url);
      image.src = url;
    } catch {
      // Shown next time it comes into sight.
      delete image.dataset.loaded;
    }
  }
}

/** Saves a file of the server's under its name. */
export async function download(path, name) {
  const url = URL.createObjectURL(await getBlob(path));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Browsers read the blob after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
