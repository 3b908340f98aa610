// The upload page: files are dropped or chosen, a worker uploads them, and each says how far it is and where it plays.

import { byId, bytes, draw, el, plural } from "../../cutroom/static/page.js";
import { Service, nameKey } from "./uploader.js";

const BASE = new URL(".", location.href).pathname;
const POLL_MS = 2000;
// With the owner's name behind it: who logs in here next learns nothing of his files.
const UNFINISHED = "cutroom-unfinished-uploads of ";
const SUBTITLES = /\.(srt|vtt|ass|ssa|ttml|dfxp)$/i;
const WORDS = {
  waiting: "Waiting",
  hashing: "Uploading",
  uploaded: "Waiting for its run",
  processing: "Processing",
  published: "Published",
  superseded: "Superseded",
  rejected: "Rejected",
  failed: "Failed",
  kept: "Kept for its film",
};

const service = new Service(BASE);
const uploads = new Map();
let blockBytes = 0;
let owner = "";
let startedAt = 0;
let drawing = false;

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => {
  const upload = uploads.get(data.id);
  if (data.what) upload[data.what] += data.bytes;
  if (data.state) upload.state = data.state;
  if (data.reason) upload.reason = data.reason;
  if (data.version) {
    upload.version = data.version;
    follow(upload);
  }
  if (["uploaded", "failed"].includes(data.state)) remember();
  redraw();
};
worker.onerror = () => complain("The uploader could not be started: load this page again.");

function complain(words) {
  byId("unfinished").hidden = false;
  byId("unfinished").textContent = words;
}

/** Whether files can be taken: who asks has a login, and the browser can hash. */
async function prepare() {
  if (!globalThis.crypto?.subtle) {
    complain("Browsers hash files only on https:// and on this machine itself: open this page there.");
    return false;
  }
  try {
    ({ block_bytes: blockBytes, owner } = await service.ask("GET", "/me"));
  } catch (error) {
    complain(error.message);
    return false;
  }
  for (const button of ["choose-files", "choose-folder"]) byId(button).disabled = false;
  remind();
  return true;
}

/**
 * Put files in the queue; a path is the names of folders and of the file. Two that would have one name are not two
 * versions: the second is refused. What has a reason can't be taken.
 */
async function add(found) {
  if (!(await ready)) return;
  startedAt ||= Date.now();
  // Subtitles are read when their film is processed: they have to be there first.
  const ordered = [...found].sort((a, b) => SUBTITLES.test(b.path.at(-1)) - SUBTITLES.test(a.path.at(-1)));
  const taken = new Map();
  for (const one of ordered) {
    const { file, path } = one;
    const id = crypto.randomUUID();
    const key = path.map(nameKey).join("/");
    const reason = one.reason || (taken.has(key) ? `It would have the name of ${taken.get(key)}: rename one.` : "");
    taken.set(key, path.join("/"));
    const size = file?.size ?? 0;
    uploads.set(id, { id, size, path, state: reason ? "failed" : "waiting", hashed: 0, sent: 0, skipped: 0, reason });
    if (!reason) worker.postMessage({ id, file, path, base: BASE, blockBytes });
  }
  byId("unfinished").hidden = true;
  remember();
  redraw();
}

/** Keep the names of what is under way: after a reload the page asks for them again. */
function remember() {
  const open = [...uploads.values()].filter((upload) => ["waiting", "hashing"].includes(upload.state));
  try {
    if (open.length) localStorage.setItem(UNFINISHED + owner, JSON.stringify(open.map((upload) => upload.path.join("/"))));
    else localStorage.removeItem(UNFINISHED + owner);
  } catch {
    // A browser that keeps nothing only loses the reminder.
  }
}

function remind() {
  let names = [];
  try {
    names = JSON.parse(localStorage.getItem(UNFINISHED + owner) ?? "[]");
  } catch {
    return;
  }
  if (names.length) complain(`Not finished: ${names.join(", ")}. Drop the same again, and only what is missing is sent.`);
}

/** Ask what became of a version until its run has ended. */
async function follow(upload) {
  while (["uploaded", "processing"].includes(upload.state)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      const { run } = await service.ask("GET", `/versions/${upload.version.version_id}`);
      if (run.status !== "waiting") upload.state = run.status;
      upload.percent = run.percent;
      upload.reason = run.reason;
    } catch (error) {
      upload.reason = error.message;
    }
    redraw();
  }
}

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const all = [...uploads.values()];
    draw(byId("queue"), all.map(drawUpload));
    byId("total").textContent = totals(all);
  });
}

function drawUpload(upload) {
  const { size, state } = upload;
  const chip = { waiting: "", hashing: "processing", uploaded: "processing", superseded: "published", kept: "published" }[state] ?? state;
  const parts = [bytes(size)];
  for (const what of ["hashed", "skipped", "sent"]) if (upload[what]) parts.push(`${what} ${bytes(upload[what])}`);
  const running = ["waiting", "hashing"].includes(state);
  const percent = running ? 50 * (upload.hashed + upload.sent + upload.skipped) / (size || 1) : upload.percent ?? 100;
  return el("li.upload", { "data-key": upload.id },
    upload.version
      ? el("a.title", { href: `../cutroom/#${encodeURIComponent(upload.version.asset_id)}` }, upload.path.join("/"))
      : el("span.title", {}, upload.path.join("/")),
    el(`span.chip${chip ? `.${chip}` : ""}`, {}, WORDS[state] ?? state),
    running || state === "processing" ? el("progress", { max: 100, value: percent.toFixed(1), "aria-label": "Progress" }) : null,
    el("span.said", {}, upload.reason || parts.join(", ")),
  );
}

function totals(all) {
  if (!all.length) return "";
  const sum = (pick) => all.reduce((total, upload) => total + pick(upload), 0);
  const open = all.filter((upload) => ["waiting", "hashing"].includes(upload.state));
  const size = sum((upload) => upload.size);
  const done = sum((upload) => upload.hashed + upload.sent + upload.skipped) / 2;
  const seconds = (Date.now() - startedAt) / 1000;
  const words = [`${plural(all.length, "file")}, ${bytes(size)}`, `sent ${bytes(sum((upload) => upload.sent))}`];
  if (open.length && done && seconds > 1) {
    words.push(`${bytes(done / seconds)}/s`, `about ${Math.ceil((size - done) * seconds / done)} s left`);
  }
  return words.join(" · ");
}

/** The files of a drop, those in folders with their paths; what can't be read has a reason. */
async function dropped(items) {
  const found = [];
  async function walk(entry, path) {
    try {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        found.push({ file, path });
      } else {
        for (const one of await entriesOf(entry)) await walk(one, [...path, one.name]);
      }
    } catch {
      found.push({ path, reason: "It can't be read." });
    }
  }
  // The list is empty once the handler has returned: everything is taken from it first.
  for (const entry of items.map((item) => item.webkitGetAsEntry()).filter(Boolean)) await walk(entry, [entry.name]);
  return found;
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    // A reader gives a hundred entries at a time.
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return found;
    found.push(...entries);
  }
}

function chosen(input) {
  const found = [...input.files].map((file) => ({ file, path: (file.webkitRelativePath || file.name).split("/") }));
  input.value = "";
  return found;
}

const target = document.querySelector(".target");
const drop = byId("drop");
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  target.classList.add("over");
});
drop.addEventListener("dragleave", () => target.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  target.classList.remove("over");
  add(await dropped([...event.dataTransfer.items]));
});
for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", () => add(chosen(byId(input))));
}
addEventListener("beforeunload", (event) => {
  if ([...uploads.values()].some((upload) => ["waiting", "hashing"].includes(upload.state))) event.preventDefault();
});

const ready = prepare();
