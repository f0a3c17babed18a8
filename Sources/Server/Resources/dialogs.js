// Questions that must be answered before anything goes on.

import { h } from "./words.js";

/** Shows a dialog and waits for its end: what its answer's button gives, or null. */
function open(title, ...content) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    dialog.replaceChildren(h("h2", { id: "dialog-title" }, title), ...content);
    dialog.returnValue = "";
    dialog.addEventListener("close", () => { dialog.replaceChildren(); resolve(dialog.returnValue); }, { once: true });
    dialog.showModal();
  });
}

const close = (value) => document.getElementById("dialog").close(value);

/** Asks whether to do what cannot be undone. */
export async function confirm(title, text, action) {
  const answer = await open(title, h("p", {}, text), h("div", { class: "row end" },
    h("button", { class: "button", type: "button", autofocus: true, onclick: () => close("") }, "Keep"),
    h("button", { class: "button danger", type: "button", onclick: () => close("yes") }, action)));
  return answer === "yes";
}

/** Asks until there is an answer, since without a token nothing can be done. */
export async function askForToken(wasWrong) {
  for (;;) {
    const input = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true, autofocus: true, spellcheck: "false" });
    const send = (event) => { event.preventDefault(); if (input.value.trim()) close(input.value.trim()); };
    const answer = await open("This server asks for a token",
      h("p", {}, wasWrong ? "The server did not take the last one." : "Whoever started the server named it with --token."),
      h("form", { onsubmit: send }, h("label", { for: "token" }, "Token"), input,
        h("div", { class: "row end" }, h("button", { class: "button primary", type: "submit" }, "Go on"))));
    if (answer) return answer;
  }
}
