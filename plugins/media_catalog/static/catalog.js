// The catalog's page: a list of assets that stays current, and one asset with its player and facts.
//
// Two rules keep it safe and steady. Whatever the server says is inserted as text or as a checked address, never
// as markup. And the page is redrawn by building the wanted nodes and morphing the present ones into them, so that
// focus, scroll, opened details and the player survive each refresh.

import { byId, bytes, draw, el, grouped, plural, webAddress } from "./page.js";
import { joinReport } from "./report.js";

const PAGE_SIZE = 100;
const BUSY_MS = 2000;
const IDLE_MS = 8000;
const MOST_IDLE_MS = 30000;
const FULL_REFRESH_MS = 20000;
// What of the end of a film nobody misses.
const CUT_SHORT_S = 0.5;
const STATUSES = ["processing", "published", "failed", "rejected"];
const STATUS_WORDS = {
  processing: "Processing",
  published: "Published",
  failed: "Failed",
  rejected: "Rejected",
  superseded: "Superseded",
};

// ---------------------------------------------------------------------------------------------------------------
// Nodes

const PATHS = {
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  wave: "M4 10v4M8 6v12M12 9v6M16 4v16M20 10v4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  done: "M5 12.5l4.5 4.5L19 7.5",
  out: "M14 5h5v5M19 5l-8 8M17 14v5H5V7h5",
  back: "M15 5l-7 7 7 7",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// ---------------------------------------------------------------------------------------------------------------
// Words for figures

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function bitrate(bps) {
  if (!Number.isFinite(bps)) return "";
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(2)} Mb/s` : `${Math.round(bps / 1e3)} kb/s`;
}

/** A number from a number, a decimal or a fraction such as `30000/1001`. */
function number(value) {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return NaN;
  const [above, below = "1"] = value.split("/");
  return Number(above) / Number(below);
}

function length(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(s).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

function span(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function left(seconds) {
  if (!Number.isFinite(seconds)) return "";
  return seconds < 10 ? "seconds left" : `about ${span(seconds)} left`;
}

function ago(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  if (!Number.isFinite(seconds)) return "";
  const steps = [[60, "second"], [3600, "minute"], [86400, "hour"], [86400 * 30, "day"], [86400 * 365, "month"]];
  let size = 1;
  for (const [end, unit] of steps) {
    if (Math.abs(seconds) < end) return relative.format(Math.trunc(seconds / size), unit);
    size = end;
  }
  return relative.format(Math.trunc(seconds / size), "year");
}

function time(moment) {
  if (!moment) return null;
  return el("time", { datetime: moment, title: clock.format(new Date(moment)) }, ago(moment));
}

const CODECS = [
  [/^(avc|h264)/, "H.264"], [/^(hvc1|hev1|hevc|h265)/, "HEVC"], [/^(av01|av1)/, "AV1"], [/^(vp09|vp9)/, "VP9"],
  [/^(vp08|vp8)/, "VP8"], [/^(mp4a|aac)/, "AAC"], [/^opus/, "Opus"], [/^flac/, "FLAC"], [/^ec-?3|^eac3/, "E-AC-3"],
  [/^ac-?3/, "AC-3"], [/^mp3/, "MP3"], [/^vorbis/, "Vorbis"], [/^pcm/, "PCM"], [/^mpeg2video/, "MPEG-2"],
  [/^mpeg4/, "MPEG-4"], [/^prores/, "ProRes"], [/^wvtt|^stpp/, "Text"],
];

function codecName(text) {
  const known = CODECS.find(([pattern]) => pattern.test(String(text).toLowerCase()));
  return known ? known[1] : String(text ?? "");
}

function channels(count) {
  return { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" }[count] ?? (count ? plural(count, "channel") : "");
}

function frameRate(value) {
  const rate = number(value);
  return Number.isFinite(rate) ? `${Number(rate.toFixed(3))} fps` : "";
}

const joined = (...parts) => parts.flat().filter(Boolean).join(" · ");

// ---------------------------------------------------------------------------------------------------------------
// What the page knows

const state = {
  assets: new Map(),
  shown: PAGE_SIZE,
  hasMore: false,
  loaded: false,
  selected: null,
  missing: null,
  filter: "all",
  search: "",
  fullAt: 0,
  idleMs: IDLE_MS,
  timer: 0,
};

class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function getJson(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (response.ok) return response.json();
  let detail = `The catalog answered ${response.status}.`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch {
    // Not JSON: the number has to do.
  }
  throw new Refused(response.status, detail);
}

function keep(asset) {
  const before = state.assets.get(asset.asset_id);
  state.assets.set(asset.asset_id, asset);
  if (before && before.status !== asset.status) {
    byId("announcer").textContent = `${asset.title}: ${STATUS_WORDS[asset.status] ?? asset.status}.`;
  }
}

async function loadAll() {
  const found = [];
  let offset = 0;
  while (offset !== null && found.length < state.shown) {
    const page = await getJson(`api/assets?limit=${PAGE_SIZE}&offset=${offset}`);
    found.push(...page.assets);
    offset = page.next_offset;
  }
  state.hasMore = offset !== null;
  const listed = new Set(found.map((asset) => asset.asset_id));
  for (const id of state.assets.keys()) if (!listed.has(id) && id !== state.selected) state.assets.delete(id);
  found.forEach(keep);
  state.fullAt = Date.now();
  state.loaded = true;
  if (state.selected && !listed.has(state.selected)) await loadOne(state.selected);
}

async function loadOne(id) {
  try {
    keep(await getJson(`api/assets/${encodeURIComponent(id)}`));
    state.missing = null;
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    state.assets.delete(id);
    state.missing = error.message;
  }
}

/** The assets in work, and those that were in work until now: all that changes while something is processed. */
async function loadBusy(busy) {
  const page = await getJson(`api/assets?status=processing&limit=${PAGE_SIZE}`);
  page.assets.forEach(keep);
  const still = new Set(page.assets.map((asset) => asset.asset_id));
  for (const asset of busy) if (!still.has(asset.asset_id)) await loadOne(asset.asset_id);
}

async function refresh() {
  clearTimeout(state.timer);
  const busy = [...state.assets.values()].filter((asset) => asset.status === "processing");
  try {
    if (busy.length && Date.now() - state.fullAt < FULL_REFRESH_MS) await loadBusy(busy);
    else await loadAll();
    notice("");
    state.idleMs = busy.length ? IDLE_MS : Math.min(state.idleMs * 1.3, MOST_IDLE_MS);
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      const next = encodeURIComponent(location.href);
      notice("Your session has ended.", `../api/v2/auth/login?next=${next}`, "Log in again");
    } else if (error instanceof Refused) {
      notice(error.message);
    } else {
      notice("Airflow can't be reached. Trying again…");
    }
    state.idleMs = MOST_IDLE_MS / 3;
  }
  drawPage();
  const working = [...state.assets.values()].some((asset) => asset.status === "processing");
  const wait = document.hidden ? MOST_IDLE_MS : working ? BUSY_MS : state.idleMs;
  state.timer = setTimeout(refresh, wait);
}

function notice(text, address, label) {
  const place = byId("notice");
  place.hidden = !text;
  draw(place, text, address ? el("a", { href: address }, label) : null);
}

// ---------------------------------------------------------------------------------------------------------------
// The list

const newestFirst = (a, b) => String(b.uploaded_at).localeCompare(String(a.uploaded_at));

function matches(asset) {
  if (state.filter !== "all" && asset.status !== state.filter) return false;
  const text = [asset.title, asset.owner, asset.source?.key, asset.asset_id, ...(asset.tags ?? [])].join(" ");
  return state.search.split(/\s+/).every((word) => text.toLowerCase().includes(word));
}

function isAudio(asset) {
  const made = asset.renditions ?? [];
  if (made.length) return !made.some((rendition) => rendition.kind === "video");
  const { video = [], audio = [] } = asset.source ?? {};
  return video.length === 0 && (audio.length > 0 || asset.runs?.[0]?.dag_id === "process_audio");
}

function chip(status, note = "") {
  return el(`span.chip.${STATUS_WORDS[status] ? status : "unknown"}`, {}, STATUS_WORDS[status] ?? status, note);
}

function percentOf(asset) {
  const percent = asset.runs?.[0]?.progress?.percent;
  return Number.isFinite(percent) ? percent : 0;
}

function card(asset) {
  const poster = webAddress(asset.playback?.poster ?? "");
  const picture = asset.playback?.poster && poster
    ? el("img", { src: poster, alt: "", loading: "lazy", decoding: "async" })
    : icon(isAudio(asset) ? "wave" : "film");
  const working = asset.status === "processing";
  const run = asset.runs?.[0];
  const duration = length(number(asset.duration_s));
  return el("li", { "data-key": asset.asset_id },
    el("a.card", {
      href: `#${encodeURIComponent(asset.asset_id)}`,
      "aria-current": asset.asset_id === state.selected ? "true" : null,
    },
    el("span.thumb", {}, picture, duration ? el("span.length", {}, duration) : null),
    el("span.words", {},
      el("span.title", {}, asset.title || asset.source?.key || asset.asset_id),
      el("span.line", {}, chip(asset.status, working ? ` ${Math.floor(percentOf(asset))} %` : ""), working
        ? el("span.eta", { title: left(run?.progress?.eta_s) }, left(run?.progress?.eta_s).replace(/^about (.*) left$/, "~$1"))
        : time(asset.uploaded_at)),
      working ? el("progress", {
        max: 100, value: percentOf(asset), "aria-label": `Progress of ${asset.title}`,
      }) : null)));
}

function drawList() {
  const all = [...state.assets.values()].sort(newestFirst);
  const count = (status) => all.filter((asset) => asset.status === status).length;
  draw(byId("filters"), ["all", ...STATUSES].map((name) => {
    const many = name === "all" ? all.length : count(name);
    return el(`button.filter.${name}`, {
      type: "button", "data-key": name, "data-action": "filter", "data-value": name,
      "aria-pressed": String(state.filter === name),
    }, name === "all" ? "All" : STATUS_WORDS[name], el("span.count", {}, `${many}${state.hasMore ? "+" : ""}`));
  }));
  const found = all.filter(matches);
  let words = null;
  if (!state.loaded) words = "Loading…";
  else if (!all.length) words = "Nothing here yet. Put a file into the uploads bucket, or run cutroom upload FILE.";
  else if (!found.length) words = "No asset matches.";
  draw(byId("cards"), words ? el("li.nothing", { "data-key": "nothing" }, words) : null, found.map(card));
  byId("more").hidden = !state.hasMore;
}

// ---------------------------------------------------------------------------------------------------------------
// One asset

function drawHead(asset) {
  if (!asset) {
    const words = state.missing ?? (state.selected || !state.loaded ? "Loading…" : "Choose an asset.");
    draw(byId("head"), el("p.empty", { "data-key": "empty" }, words));
    return;
  }
  const run = asset.runs?.[0];
  const working = asset.status === "processing";
  const stopped = asset.status === "failed" || asset.status === "rejected";
  const plays = Boolean(asset.playback);
  const older = plays ? " What plays below is the version that was published before." : "";
  draw(byId("head"), el("div.head", { "data-key": asset.asset_id },
    el("a.back", { href: "#", "data-action": "back" }, icon("back"), "All assets"),
    el("div.titles", {},
      el("h1", {}, asset.title || asset.source?.key || asset.asset_id),
      chip(asset.status)),
    el("p.under", {},
      el("span", {}, joined(
        asset.owner,
        length(number(asset.duration_s)),
        asset.profile ? `profile ${asset.profile}` : null,
        asset.uploaded_at ? "uploaded " : null,
      ), time(asset.uploaded_at)),
      (asset.tags ?? []).map((tag) => el("span.tag", {}, tag))),
    stopped ? el(`div.verdict.${asset.status}`, {},
      el("strong", {}, asset.status === "rejected" ? "This file was not taken." : "The last run did not succeed."),
      el("p", {}, asset.reason || "No reason was recorded."),
      el("p.advice", {}, asset.status === "rejected"
        ? `Trying again would end the same way: upload a corrected file under the same name.${older}`
        : `Clear the failed task in Airflow to go on from where it stopped: finished work is kept.${older}`),
      run ? airflowLink(run, "Open the run in Airflow") : null) : null,
    working ? el("div.verdict.processing", {},
      el("strong", {}, `${Math.floor(percentOf(asset))} %`),
      el("span", {}, joined(left(run?.progress?.eta_s) || "in work", plays ? "the published version plays until then" : "")),
      el("progress", { max: 100, value: percentOf(asset), "aria-label": "Progress" })) : null));
}

function airflowLink(run, label) {
  const address = `../dags/${encodeURIComponent(run.dag_id)}/runs/${encodeURIComponent(run.run_id)}`;
  return el("a.out", { href: address, target: "_blank", rel: "noopener" }, label, icon("out"));
}

function panel(title, key, ...body) {
  return el("section.panel", { "data-key": key }, el("h2", {}, title), ...body);
}

function fact(name, ...value) {
  const shown = value.flat().filter((each) => each !== null && each !== "" && each !== undefined);
  return shown.length ? el("div", { "data-key": name }, el("dt", {}, name), el("dd", {}, ...shown)) : null;
}

function videoWords(track) {
  return joined(
    codecName(track.codec), track.width && track.height ? `${track.width}×${track.height}` : "",
    frameRate(track.frame_rate), track.codec_profile, track.pix_fmt, track.color_transfer,
    track.rotation ? `turned ${track.rotation}°` : "", track.bit_rate_bps ? bitrate(track.bit_rate_bps) : "",
  );
}

function audioWords(track) {
  return joined(
    codecName(track.codec), channels(track.channels), track.sample_rate_hz ? `${track.sample_rate_hz / 1000} kHz` : "",
    track.language,
  );
}

function sourcePanel(asset) {
  const source = asset.source ?? {};
  const lines = (tracks, words) => tracks.map((track) => el("span.each", {}, words(track)));
  return panel("Source", "source", el("dl.pairs", {},
    fact("File", el("code", {}, `s3://${source.bucket}/${source.key}`)),
    fact("Size", bytes(source.size_bytes)),
    fact("Duration", length(number(source.duration_s))),
    fact("Container", source.container?.replaceAll(",", ", ")),
    fact("Video", lines(source.video ?? [], videoWords)),
    fact("Audio", lines(source.audio ?? [], audioWords)),
    fact("Left out", lines(source.not_carried ?? [], String)),
    fact("Damage", lines(source.damage ?? [], String)),
    fact("Notes", lines([...(source.notes ?? []), ...(asset.report?.notes ?? [])], String)),
    fact("SHA-256", source.sha256 ? el("code.digest", { title: source.sha256 }, source.sha256) : null)));
}

function renditionsPanel(asset) {
  const made = asset.renditions ?? [];
  if (!made.length) return null;
  const most = Math.max(...made.map((each) => each.bandwidth_bps ?? 0));
  const order = { video: 0, audio: 1, text: 2 };
  const sorted = [...made].sort((a, b) =>
    (order[a.kind] ?? 9) - (order[b.kind] ?? 9) || (b.bandwidth_bps ?? 0) - (a.bandwidth_bps ?? 0));
  const rows = sorted.map((each) => {
    const playing = player.playing.has(each.rendition_key);
    const what = each.kind === "video"
      ? joined(`${each.width}×${each.height}`, frameRate(each.frame_rate))
      : joined(channels(each.channels), each.sample_rate_hz ? `${each.sample_rate_hz / 1000} kHz` : "", each.language);
    return el("tr", { "data-key": each.rendition_key, "data-rendition": each.rendition_key, class: playing ? "playing" : null },
      el("td", {}, el("span.what", {}, what || each.kind), el("span.now", {}, playing ? "playing" : "")),
      el("td", {}, codecName(each.codec_string), el("code.codec", {}, each.codec_string)),
      el("td.num", {}, bitrate(each.average_bandwidth_bps),
        el("span.peak", {}, `peak ${bitrate(each.bandwidth_bps)}`),
        el("meter", { min: 0, max: most, value: each.average_bandwidth_bps ?? 0, "aria-hidden": "true" })),
      el("td.num", {}, bytes(each.bytes)),
      el("td.num", {}, each.segments > 0 ? grouped.format(each.segments) : ""));
  });
  const total = made.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  return panel("Renditions", "renditions", el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Renditions" },
    el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, "Rendition"), el("th", {}, "Codec"), el("th.num", {}, "Bit rate"),
        el("th.num", {}, "Size"), el("th.num", {}, "Segments"))),
      el("tbody", {}, rows),
      el("tfoot", {}, el("tr", {}, el("td", { colspan: 3 }, plural(made.length, "rendition")),
        el("td.num", {}, bytes(total)), el("td", {}))))));
}

const STEP_ORDER = ["ingest", "probe", "plan", "split", "encode_video", "encode_audio", "thumbnails", "assemble",
  "manifest", "verify", "publish", "update_metadata"];

function stepRows(run) {
  const parts = run.progress?.steps ?? [];
  const names = [...new Set(parts.map((part) => part.step))];
  const place = (name) => (STEP_ORDER.indexOf(name) + 1) || STEP_ORDER.length + 1;
  names.sort((a, b) => place(a) - place(b));
  return names.map((name) => {
    const own = parts.filter((part) => part.step === name)
      .sort((a, b) => String(a.part).localeCompare(String(b.part), "en", { numeric: true }));
    const total = own.reduce((sum, part) => sum + (part.total || 1), 0);
    const percent = own.reduce((sum, part) => sum + (part.percent || 0) * (part.total || 1), 0) / (total || 1);
    return el("div.step", { "data-key": name },
      el("span.step-name", {}, name.replaceAll("_", " ")),
      // One cell for each part, like frames of a strip: which encode chunks are done shows at a glance.
      el("span.strip", {}, own.map((part) => el("progress", {
        "data-key": part.part, max: 100, value: part.percent ?? 0, title: joined(part.part, `${part.percent ?? 0} %`),
        "aria-label": joined(name.replaceAll("_", " "), part.part),
      }))),
      el("span.step-percent", {}, own.length > 1
        ? `${own.filter((part) => part.percent >= 100).length} of ${own.length}` : `${Math.floor(percent)} %`));
  });
}

function runsPanel(asset) {
  const runs = asset.runs ?? [];
  if (!runs.length) return null;
  return panel("Runs", "runs", runs.map((run, index) => {
    const took = (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000;
    const working = run.status === "processing";
    const steps = stepRows(run);
    return el(`details.run.${run.status}`, { "data-key": run.run_id, open: working || (index === 0 && run.status !== "published") },
      el("summary", {},
        chip(run.status),
        el("span.run-name", {}, run.dag_id),
        el("span.run-when", {}, time(run.started_at),
          Number.isFinite(took) ? ` · took ${span(took)}` : "", run.attempt > 1 ? ` · attempt ${run.attempt}` : ""),
        working ? el("span.run-percent", {}, joined(`${Math.floor(run.progress?.percent ?? 0)} %`, left(run.progress?.eta_s))) : null),
      el("div.run-body", {},
        run.reason && !(index === 0 && run.reason === asset.reason) ? el("p.run-reason", {}, run.reason) : null,
        steps.length ? el("div.steps", {}, steps) : el("p.muted", {}, "No step has reported yet."),
        el("p.run-foot", {}, airflowLink(run, "Open in Airflow"), el("code", {}, run.run_id))));
  }));
}

function addressesPanel(asset) {
  const playback = asset.playback;
  const lines = [
    ["HLS", playback?.hls], ["DASH", playback?.dash], ["Poster", playback?.poster],
    ...Object.entries(playback ?? {}).filter(([name]) => /^(hls|dash)-/.test(name)).map(([name, address]) => [
      name.toUpperCase(), address]),
    ...Object.entries(playback?.downloads ?? {}).map(([name, address]) => [`Download ${name}`, address]),
    ...Object.entries(playback?.thumbnails ?? {}).map(([name, address]) => [
      { vtt: "Thumbnails", sprite: "Sprite sheet", poster_choice: "Poster, why" }[name] ?? name.replaceAll("_", " "), address]),
    ["Record", new URL(`api/assets/${encodeURIComponent(asset.asset_id)}`, document.baseURI).href],
    ["Command", `cutroom show ${asset.asset_id}`],
  ].filter(([, text]) => text);
  return panel("Addresses", "addresses", el("div.addresses", {}, lines.map(([name, text]) =>
    el("div.address", { "data-key": name },
      el("span.name", { id: `address-${name}` }, name),
      el("input", { readonly: true, value: text, "aria-labelledby": `address-${name}` }),
      el("button.copy", { type: "button", "data-action": "copy", "aria-label": `Copy ${name}` }, icon("copy"))))));
}

function reportRows(value, path = []) {
  if (value === null || typeof value !== "object") return [[path.join(" · "), String(value)]];
  if (Array.isArray(value) && value.every((each) => each === null || typeof each !== "object")) {
    return value.length ? [[path.join(" · "), value.join(", ")]] : [];
  }
  return Object.entries(value).flatMap(([name, inner]) => reportRows(inner, [...path, name.replaceAll("_", " ")]));
}

/** The checks of a version's report, each with what was found; whatever else it holds is listed as it is. */
function reportPanel(asset) {
  const { checks, ...rest } = asset.report ?? {};
  if (Array.isArray(checks) && checks.length) {
    const passed = checks.filter((check) => check.ok).length;
    return panel("Verification", "report", joinReport(rest, codecName), el("details.report", { "data-key": "report" },
      el("summary", {}, `${passed} of ${plural(checks.length, "check")} passed before this version was published`),
      el("ul.checks", {}, checks.map((check) => el("li", { "data-key": check.name, class: check.ok ? "ok" : "not-ok" },
        el("span.check", {}, check.name), el("span.found", {}, String(check.found ?? "")))))));
  }
  const rows = asset.report ? reportRows(rest).filter(([name]) => name) : [];
  if (!rows.length) return null;
  return panel("Verification", "report", el("details.report", { "data-key": "report" },
    el("summary", {}, `What was checked before this version was published: ${plural(rows.length, "finding")}`),
    el("dl.pairs", {}, rows.map(([name, text]) => fact(name, text)))));
}

function drawFacts(asset) {
  if (!asset) {
    draw(byId("facts"));
    return;
  }
  const columns = [[renditionsPanel(asset), reportPanel(asset), runsPanel(asset)], [sourcePanel(asset), addressesPanel(asset)]];
  draw(byId("facts"), columns.map((column, index) =>
    el("div.column", { "data-key": `${asset.asset_id} ${index}` }, column)));
}

function drawPage() {
  const asset = state.selected ? state.assets.get(state.selected) : null;
  document.body.classList.toggle("chosen", Boolean(state.selected));
  document.title = asset ? `${asset.title} · Cutroom` : "Cutroom";
  drawList();
  drawHead(asset);
  drawFacts(asset);
  player.show(asset ?? null);
}

// ---------------------------------------------------------------------------------------------------------------
// The player

class CatalogPlayer {
  constructor() {
    this.video = byId("video");
    this.playing = new Set();
    this.address = null;
    this.asset = null;
    this.fetched = { video: [], audio: [] };
    this.stalls = 0;
    this.format = localStorage.getItem("cutroom.format") === "dash" ? "dash" : "hls";
    this.shaka = null;
    this.turn = Promise.resolve();
    for (const input of byId("formats").querySelectorAll("input")) input.checked = input.value === this.format;
  }

  /** Shaka Player and its controls, made when something plays for the first time. */
  async start() {
    const shaka = window.shaka;
    if (!shaka) throw new Error("The player library is missing on the server: run `make setup` there.");
    shaka.polyfill.installAll();
    if (!shaka.Player.isBrowserSupported()) throw new Error("This browser can't play adaptive media.");
    this.shaka = new shaka.Player();
    this.overlay = new shaka.ui.Overlay(this.shaka, byId("screen"), this.video);
    this.overlay.configure({
      castSenderUrl: "",
      controlPanelElements: ["play_pause", "mute", "volume", "time_and_duration", "spacer", "captions", "quality",
        "language", "playback_rate", "picture_in_picture", "fullscreen"],
      contextMenuElements: ["statistics", "loop", "picture_in_picture", "save_video_frame"],
      overflowMenuButtons: [],
      topControlPanelElements: [],
      bigButtons: ["play_pause"],
      enableTooltips: true,
      playbackRates: [0.5, 0.75, 1, 1.25, 1.5, 2],
      seekBarColors: { base: "rgba(255,255,255,.25)", buffered: "rgba(255,255,255,.4)", played: "#ff7d4d" },
      volumeBarColors: { base: "rgba(255,255,255,.3)", level: "#fff" },
    });
    await this.shaka.attach(this.video);
    this.shaka.configure({
      abr: { clearBufferSwitch: false },
      // MPEG-TS by its own clock. By the playlists' the library lets each track begin with its first decode time, and
      // picture and sound are up to 60 ms apart.
      manifest: { hls: { ignoreManifestTimestampsInSegmentsMode: true } },
      // And read by the library: builds of Chromium that read MPEG-TS themselves take how long a packet lasts from its
      // frame, and leave out what follows one that is decoded long before the next.
      mediaSource: { forceTransmux: true },
      // Without prefetching: choosing another quality may else wait for ever for an init segment whose request the
      // library gave up itself (shaka-player 5.2.12, issue 10569).
      streaming: { segmentPrefetchLimit: 0, rebufferingGoal: 1, bufferingGoal: 20 },
    });
    this.shaka.addEventListener("error", (event) => this.fail(event.detail));
    this.shaka.addEventListener("buffering", (event) => {
      if (event.buffering && this.video.currentTime > 0 && !this.video.seeking) this.stalls += 1;
    });
    this.shaka.getNetworkingEngine().registerResponseFilter((type, response, context) => {
      if (type !== shaka.net.NetworkingEngine.RequestType.SEGMENT || !context?.segment) return;
      const list = this.fetched[context.stream?.type];
      if (list) list.push([context.segment.getStartTime(), context.segment.getEndTime(), response.originalUri || response.uri]);
    });
    this.video.addEventListener("timeupdate", () => this.observe());
    this.video.addEventListener("seeked", () => this.observe());
    setInterval(() => this.observe(), 500);
  }

  show(asset) {
    this.asset = asset;
    const address = asset?.playback?.[this.format] ?? asset?.playback?.hls ?? asset?.playback?.dash ?? null;
    byId("stage").hidden = !address;
    byId("stage").classList.toggle("audio", Boolean(asset && isAudio(asset)));
    this.drawArt(asset);
    if (address === this.address) return;
    const sameAsset = this.loadedAsset === asset?.asset_id;
    this.address = address;
    this.loadedAsset = asset?.asset_id ?? null;
    this.turn = this.turn.then(() => this.load(address, asset, sameAsset)).catch((error) => this.fail(error));
  }

  async load(address, asset, sameAsset) {
    if (address !== this.address) return;
    byId("fault").hidden = true;
    if (!address) {
      await this.shaka?.unload();
      return;
    }
    if (!this.shaka) await this.start();
    const at = sameAsset ? this.video.currentTime : null;
    const goesOn = sameAsset && !this.video.paused;
    this.fetched = { video: [], audio: [] };
    this.stalls = 0;
    const poster = isAudio(asset) ? null : webAddress(asset.playback.poster ?? "");
    if (asset.playback.poster && poster) this.video.poster = poster;
    else this.video.removeAttribute("poster");
    try {
      await this.shaka.load(address, at);
      if (address !== this.address) return;
      // The library ends HLS with the shortest track, also where sound stops long before the picture, or goes on.
      const { hls, dash } = asset.playback;
      if (address === hls && dash && number(asset.duration_s) - this.shaka.seekRange().end > CUT_SHORT_S) {
        await this.shaka.load(dash, at);
        if (address !== this.address) return;
      }
      const thumbnails = asset.playback.thumbnails?.vtt;
      if (thumbnails) await this.shaka.addThumbnailsTrack(thumbnails, "text/vtt");
      if (goesOn) await this.video.play();
      // Else the controls go on showing the time of what played before, or stay hidden until the mouse comes.
      this.overlay.getControls().showUI();
    } catch (error) {
      // Another asset was chosen meanwhile.
      if (error?.code === window.shaka.util.Error.Code.LOAD_INTERRUPTED || address !== this.address) return;
      throw error;
    }
    this.observe();
  }

  use(format) {
    this.format = format;
    localStorage.setItem("cutroom.format", format);
    this.show(this.asset);
  }

  fail(error) {
    const code = error?.code;
    let words = error?.message ?? "The player stopped.";
    if (code >= 1000 && code < 2000) {
      const host = new URL(this.address).host;
      words = `The media can't be fetched from ${host}. Is that address reachable from this browser? (${code})`;
    } else if (code >= 3000 && code < 5000) {
      words = `This browser can't play the ${this.format.toUpperCase()} presentation. Try the other one. (${code})`;
    } else if (code) {
      words = `The player stopped with error ${code}.`;
    }
    byId("fault").textContent = words;
    byId("fault").hidden = false;
  }

  /** Note which renditions are on screen and in the speakers now: the last that were fetched for this moment. */
  observe() {
    if (!this.shaka || !this.address || !this.asset) return;
    const now = this.video.currentTime;
    const used = new Set();
    for (const list of Object.values(this.fetched)) {
      const last = list.findLast(([start, end]) => start <= now + 0.01 && now < end + 0.01);
      const rendition = last && (this.asset.renditions ?? []).find((each) =>
        last[2].includes(each.prefix ? `/${each.prefix}` : `/${each.rendition_key}/`));
      if (rendition) used.add(rendition.rendition_key);
    }
    this.playing = used;
    for (const row of document.querySelectorAll("[data-rendition]")) {
      const playing = used.has(row.getAttribute("data-rendition"));
      row.classList.toggle("playing", playing);
      row.querySelector(".now").textContent = playing ? "playing" : "";
    }
    const stats = this.shaka.getStats();
    const shownHeight = this.video.videoHeight;
    const ahead = this.shaka.getBufferedInfo().total
      .filter((range) => range.start <= now + 0.1 && now < range.end).map((range) => range.end - now)[0] ?? 0;
    byId("live").textContent = joined(
      shownHeight && stats.height && stats.height !== shownHeight
        ? `${shownHeight}p, next ${stats.height}p` : shownHeight ? `${shownHeight}p` : "",
      bitrate(stats.streamBandwidth),
      `${ahead.toFixed(0)} s buffered`,
      stats.height ? plural(stats.droppedFrames || 0, "dropped frame") : "", plural(this.stalls, "stall"),
    );
    this.drawPlayed();
  }

  drawArt(asset) {
    const place = byId("art");
    const audio = Boolean(asset?.playback && isAudio(asset));
    place.hidden = !audio;
    if (!audio) {
      draw(place);
      return;
    }
    const { poster, thumbnails = {} } = asset.playback;
    const cover = thumbnails.cover ?? (poster !== thumbnails.waveform ? poster : null);
    const wave = thumbnails.waveform;
    draw(place,
      cover ? el("img.cover", { "data-key": `cover ${cover}`, src: webAddress(cover), alt: "Cover" }) : null,
      wave ? el("div.wave", { "data-key": `wave ${wave}`, "data-action": "seek", title: "Click to go there" },
        el("img", { src: webAddress(wave), alt: "" }), el("img.heard", { src: webAddress(wave), alt: "" })) : null);
    this.drawPlayed();
  }

  drawPlayed() {
    const heard = document.querySelector(".wave .heard");
    if (!heard) return;
    const share = this.video.duration > 0 ? this.video.currentTime / this.video.duration : 0;
    heard.style.clipPath = `inset(0 ${((1 - share) * 100).toFixed(2)}% 0 0)`;
  }

  seekTo(share) {
    if (this.video.duration > 0) this.video.currentTime = share * this.video.duration;
  }
}

const player = new CatalogPlayer();

// ---------------------------------------------------------------------------------------------------------------
// What a person does

async function copy(button) {
  const input = button.parentElement.querySelector("input");
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // Without https the clipboard is closed to pages: the selection is still there to be copied.
    input.focus();
    input.select();
    if (!document.execCommand("copy")) return;
  }
  button.classList.add("copied");
  button.replaceChildren(icon("done"));
  byId("announcer").textContent = "Copied.";
  setTimeout(() => {
    button.classList.remove("copied");
    button.replaceChildren(icon("copy"));
  }, 1400);
}

const actions = {
  filter: (target) => {
    state.filter = target.dataset.value;
    drawList();
  },
  more: () => {
    state.shown += PAGE_SIZE;
    state.fullAt = 0;
    refresh();
  },
  copy,
  back: (target, event) => {
    event.preventDefault();
    history.pushState(null, "", "./");
    choose(null);
    byId("search").focus();
  },
  skip: (target, event) => {
    event.preventDefault();
    byId("detail").focus();
  },
  seek: (target, event) => {
    const box = target.getBoundingClientRect();
    player.seekTo((event.clientX - box.left) / box.width);
  },
};

function choose(id) {
  state.selected = id;
  state.missing = null;
  drawPage();
  if (!id) return;
  byId("detail").scrollTop = 0;
  document.querySelector(".card[aria-current]")?.scrollIntoView({ block: "nearest" });
  if (!state.assets.has(id)) loadOne(id).then(drawPage, () => refresh());
}

function chosenByAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-action]");
  if (target) actions[target.dataset.action]?.(target, event);
});
addEventListener("hashchange", () => choose(chosenByAddress()));
addEventListener("popstate", () => choose(chosenByAddress()));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
// Pictures that are gone (a version was collected) leave the place to the background.
document.addEventListener("error", (event) => event.target.setAttribute?.("data-broken", ""), true);

byId("formats").addEventListener("change", (event) => player.use(event.target.value));
byId("search").addEventListener("input", (event) => {
  state.search = event.target.value.trim().toLowerCase();
  drawList();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input[type=search], textarea, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byId("search").focus();
    return;
  }
  if (event.key === "Escape" && event.target === byId("search")) {
    event.target.value = "";
    state.search = "";
    drawList();
    return;
  }
  const inList = event.target.closest?.(".library");
  if (!inList || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const cards = [...document.querySelectorAll(".card")];
  const at = cards.indexOf(document.activeElement);
  const next = cards[event.key === "ArrowDown" ? at + 1 : Math.max(0, at - 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

state.selected = chosenByAddress();
await refresh();
if (!state.selected && matchMedia("(min-width: 64.01rem)").matches) {
  const first = [...state.assets.values()].sort(newestFirst).find((asset) => asset.playback);
  if (first) choose(first.asset_id);
}
