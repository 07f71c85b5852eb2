// Improves pages that work without it: what moves is fetched again, logs stream, dialogs open.
import { stream } from "./log.js";

const POLL = 2000;
const byId = (id) => document.getElementById(id);

const theme = byId("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  if (next === system) delete root.dataset.theme; else root.dataset.theme = next;
  try {
    if (next === system) localStorage.removeItem("theme"); else localStorage.setItem("theme", next);
  } catch { /* The choice lasts as long as the page. */ }
});

document.addEventListener("keydown", (event) => {
  const search = byId("search");
  const typing = event.target.closest?.("input, textarea, select, dialog[open]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing || !search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener ? byId(opener.dataset.dialog) : event.target.closest("dialog");
  if (!dialog?.showModal) return;
  if (opener) {
    event.preventDefault();
    dialog.showModal();
  } else if (event.target.closest("[data-close]") || event.target === dialog) {
    event.preventDefault();
    dialog.close();
  }
});

document.addEventListener("submit", (event) => {
  // Only a form that changes something; the page that follows brings its buttons back.
  if (event.target.method !== "post") return;
  for (const button of event.target.querySelectorAll("button")) button.disabled = true;
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});

byId("state")?.addEventListener("change", (event) => event.target.form.requestSubmit());

const live = document.querySelector("[data-live]");
// Form tokens differ in every answer and say nothing about what is shown.
const tokenless = (element) => element.outerHTML.replace(/(name="csrf_token" value=")[^"]*/g, "$1");
const shown = new Map();

const words = (part) => new Map(
  [part, ...part.querySelectorAll("[data-word]")].filter((e) => e.dataset.word).map((e) => [e.id, e.dataset]),
);

function announce(old, fresh) {
  const before = words(old);
  const now = words(fresh);
  const changes = [...now].filter(([id, { word }]) => before.has(id) && before.get(id).word !== word);
  if (changes.length) byId("announce").textContent = changes.map(([, e]) => `${e.name}: ${e.word}`).join(". ");
  // What was said when the page came may no longer be so.
  if (changes.length || [...before.keys()].some((id) => !now.has(id))) {
    for (const note of document.querySelectorAll(".notes > .note:not(.error)")) note.remove();
  }
}

function replace(old, fresh) {
  const inside = old.contains(document.activeElement) ? document.activeElement : null;
  const typed = new Map([...old.querySelectorAll("input[id]")].map((input) => [input.id, input.value]));
  announce(old, fresh);
  old.replaceWith(fresh);
  for (const input of fresh.querySelectorAll("input[id]")) input.value = typed.get(input.id) ?? input.value;
  if (!inside) return;
  const again = inside.id ? byId(inside.id)
    : [...fresh.querySelectorAll("a, button")].find((e) => e.getAttribute("href") === inside.getAttribute("href") && e.textContent === inside.textContent);
  again?.focus({ preventScroll: true });
}

function take(html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  for (const fresh of answer.querySelectorAll("[data-part]")) {
    const old = byId(fresh.id);
    const text = tokenless(fresh);
    if (fresh.dataset.title) document.title = `${fresh.dataset.title} · PaaS Platform`;
    if (!old || (shown.get(fresh.id) ?? tokenless(old)) === text) continue;
    shown.set(fresh.id, text);
    replace(old, document.adoptNode(fresh));
  }
}

let timer = 0;
let asking = null;
async function refresh() {
  clearTimeout(timer);
  if (!live || document.hidden || asking) return;
  asking = new AbortController();
  const patience = setTimeout(() => asking.abort(), 10 * POLL);
  try {
    const answer = await fetch(live.dataset.live, { signal: asking.signal });
    if (answer.redirected || answer.status === 404) location.reload();
    else if (!answer.ok) throw new Error(answer.statusText);
    else take(await answer.text());
    byId("away").hidden = true;
  } catch {
    byId("away").hidden = document.hidden;
  } finally {
    clearTimeout(patience);
    asking = null;
    timer = setTimeout(refresh, POLL);
  }
}

if (live) {
  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, POLL);
}

const log = byId("log");
if (log) {
  const head = () => byId("head").dataset;
  const more = "last" in log.dataset ? () => head().writes === "yes"
    : (seq) => head().active === "yes" || Number(head().seq) > Number(seq);
  stream(log, { more, moved: refresh });
}
