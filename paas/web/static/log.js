// The log of a deployment and the output of its app: reads the stream of events, goes on after the
// last line it saw when the line breaks, and colours lines by the same rules as the server
// (paas/web/ansi.py).
const LINES_KEPT = 5000;
const PAUSE = 3000;
const STEP_WORDS = JSON.parse(document.getElementById("step-words")?.textContent ?? "{}");

const SEQUENCE = /\x1b\[([0-?]*[ -\/]*[@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -\/]*$|\x1b[ -\/]*[0-~]?/g;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SWITCHES = { 1: "b", 2: "d", 3: "i", 4: "u" };
const OFF = { 22: ["b", "d"], 23: ["i"], 24: ["u"], 39: ["c"] };

const nearest = (red, green, blue) => (red > 127) + (green > 127) * 2 + (blue > 127) * 4;

function extended(codes) {
  const kind = codes.shift();
  if (kind === 5 && codes.length) {
    const number = codes.shift();
    if (number < 16) return number % 8;
    if (number >= 232) return 7;
    const cube = number - 16;
    return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
  }
  return kind === 2 && codes.length >= 3 ? nearest(...codes.splice(0, 3)) : null;
}

function apply(parameters, style) {
  if (!/^[0-9]{0,3}(?:;[0-9]{0,3})*$/.test(parameters)) return;
  const codes = parameters.split(";").map(Number);
  while (codes.length) {
    const code = codes.shift();
    if (code === 0) style.clear();
    else if (SWITCHES[code]) style.set(SWITCHES[code], SWITCHES[code]);
    else if (OFF[code]) OFF[code].forEach((kind) => style.delete(kind));
    else if (code === 38 || code === 48) {
      const colour = extended(codes);
      if (code === 38 && colour !== null) style.set("c", `c${colour}`);
    } else if (code >= 30 && code <= 37) style.set("c", `c${code - 30}`);
    else if (code >= 90 && code <= 97) style.set("c", `c${code - 90}`);
  }
}

/** A <span> that shows a line of terminal output; text stays text. */
export function ansi(line) {
  const whole = document.createElement("span");
  const style = new Map();
  let place = 0;
  const add = (part) => {
    const text = part.replace(CONTROL, "");
    if (!text) return;
    if (!style.size) { whole.append(text); return; }
    const span = document.createElement("span");
    span.className = [...style.values()].sort().join(" ");
    span.textContent = text;
    whole.append(span);
  };
  for (const match of line.matchAll(SEQUENCE)) {
    add(line.slice(place, match.index));
    place = match.index + match[0].length;
    if (match[1]?.endsWith("m")) apply(match[1].slice(0, -1), style);
  }
  add(line.slice(place));
  return whole;
}

function row(event) {
  const line = document.createElement("p");
  if (event.kind === "step") {
    if (event.text !== "started") return null;
    line.className = "step";
    line.append(ansi(STEP_WORDS[event.stream] ?? event.stream));
    return line;
  }
  const source = document.createElement("b");
  source.textContent = event.source ?? event.stream;
  line.title = event.at ?? "";
  line.className = /^[A-Za-z]+$/.test(event.stream) ? `s-${event.stream}` : "s-other";
  line.append(source, ansi(event.text));
  return line;
}

/** The events in a stream's body, one by one, until it ends; each has its id and its kind. */
async function* events(body) {
  let rest = "";
  for await (const chunk of chunks(body.pipeThrough(new TextDecoderStream()))) {
    rest += chunk;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = (name) => block.split(/\r?\n/).filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).replace(/^ /, ""));
      const data = fields("data");
      if (data.length) yield { ...JSON.parse(data.join("\n")), id: fields("id").at(-1), event: fields("event").at(-1) };
    }
  }
}

async function* chunks(body) {
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/**
 * Follow the log while the page is seen and `more(last)` says that something comes after the event
 * with that id; `moved()` is called when a step or a state changed.
 */
export function stream(log, { more, moved }) {
  const status = document.getElementById("stream");
  const follow = document.getElementById("follow");
  let last = log.dataset.last ?? log.dataset.seq;
  let reason = "";
  let following = true;
  let open = null;
  let notBefore = 0;
  let waiting = [];

  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  log.addEventListener("scroll", () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    follow.hidden = following;
  });
  follow.addEventListener("click", () => { toEnd(); log.focus({ preventScroll: true }); });

  function show() {
    const rows = waiting.map(row).filter(Boolean);
    waiting = [];
    if (!rows.length) return;
    document.getElementById("silence")?.remove();
    log.append(...rows);
    // Lines above the reader must not move what is read, so old ones go only while following.
    if (following) {
      while (log.childElementCount > LINES_KEPT) log.firstElementChild.remove();
      toEnd();
    }
  }

  function take(event) {
    if (event.event === "away") {
      reason = event.error;
      return;
    }
    if (event.seq <= Number(last)) return;
    last = event.id ?? last;
    if (event.kind === "status" || event.kind === "step") moved();
    if (event.kind === "status") return;
    if (!waiting.length) setTimeout(show, 50);
    waiting.push(event);
  }

  async function read() {
    open = new AbortController();
    notBefore = Date.now() + PAUSE;
    try {
      const answer = await fetch(log.dataset.events, {
        headers: { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) },
        signal: open.signal,
      });
      if (!answer.ok) throw new Error(answer.statusText);
      status.textContent = "live";
      reason = "";
      for await (const event of events(answer.body)) take(event);
      // A line that ended well may be taken up at once, one that says why it ended may not.
      if (reason) throw new Error(reason);
      notBefore = 0;
    } catch {
      status.textContent = open.signal.aborted ? "" : reason || "interrupted, trying again";
    } finally {
      open = null;
    }
  }

  // An idle app and a hidden page hold no stream: their number is bounded.
  setInterval(() => {
    const wanted = !document.hidden && more(last);
    if (wanted && !open && Date.now() >= notBefore) read();
    if (!wanted && open) {
      open.abort();
      if (!document.hidden) status.textContent = "";
    }
  }, 500);
  toEnd();
}
