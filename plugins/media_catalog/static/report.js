// The join report as pictures: bit rates over time with their caps, the joins, and how good the frames around them are.

import { el, plural } from "./page.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, LEFT, RIGHT] = [640, 46, 66];
const RATES = { top: 22, height: 150 };
const QUALITY = { top: 224, height: 54, worst_db: 4 };
const COLOURS = 6;
const LABEL_HEIGHT = 13;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat());
  return node;
}

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const line = (x1, y1, x2, y2, kind) => svg("line", { x1, y1, x2, y2, class: kind });
const pixel = (value) => value.toFixed(1);

/** Above this a difference to the source can't be seen: `SETTLED_DB` of `cutroom.media.joins`. */
const SETTLED_DB = 42;

/** How far a join is below the mean of its chunks, in dB, on its worse side; 0 and less is as good, or can't be seen. */
const below = (join) => Math.max(
  Math.min(SETTLED_DB, join.mean_before_db) - join.psnr_before_db,
  Math.min(SETTLED_DB, join.mean_after_db) - join.psnr_after_db);

const reason = (join) => join.ok ? ", as other moments of it are" : ", as where another scene begins just before it";

function worstJoin(rungs) {
  const all = rungs.flatMap(([name, rung]) => rung.joins.map((join) =>
    ({ name, at: join.at_s, db: below(join), why: below(join) > rung.band_db ? reason(join) : "" })));
  return all.reduce((worst, each) => worst && worst.db >= each.db ? worst : each, null);
}

/** Whole seconds or minutes, about six of them. */
function moments(end) {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((each) => end / each <= 7) ?? 7200;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, number) => number * step);
}

const stamp = (seconds) => seconds >= 60 ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : `${seconds} s`;

function megabits(bps) {
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mb/s` : `${Math.round(bps / 1e3)} kb/s`;
}

/** Where each segment starts and its bit rate; a short last one, of few frames, is drawn as part of the one before. */
function steps({ segments_s: starts, segments_bps: rates, end_s: end }) {
  const last = starts.length - 1;
  const isShort = last > 0 && 2 * (end - starts[last]) < starts[1] - starts[0];
  const kept = starts.map((start, number) => [start, rates[number]]);
  return isShort ? kept.slice(0, -1) : kept;
}

/** A drawing of all rungs of one codec. */
function drawing(rungs) {
  const end = Math.max(...rungs.map(([, rung]) => rung.end_s));
  const most = 1.08 * Math.max(...rungs.flatMap(([, rung]) => [rung.max_bps, ...steps(rung).map(([, bps]) => bps)]));
  const x = (seconds) => LEFT + (WIDTH - LEFT - RIGHT) * seconds / end;
  const y = (bps) => RATES.top + RATES.height * (1 - bps / most);
  const dip = (db) => QUALITY.top + QUALITY.height * Math.min(1, Math.max(0, db) / QUALITY.worst_db);
  const joins = [...new Set(rungs.flatMap(([, rung]) => rung.joins.map((join) => join.at_s)))];
  const floor = RATES.top + RATES.height;
  const nodes = [
    ...[0, 0.5, 1].map((share) => [
      line(LEFT, y(most * share), WIDTH - RIGHT, y(most * share), "grid"),
      text(LEFT - 6, y(most * share) + 4, (most * share / 1e6).toFixed(1), { class: "end" }),
    ]),
    text(LEFT, RATES.top - 9, "Bit rate, in Mb/s", {}),
    ...joins.map((at) => [
      line(x(at), RATES.top, x(at), floor, "join"), line(x(at), QUALITY.top, x(at), QUALITY.top + QUALITY.height, "join"),
    ]),
  ].flat();
  const labels = rungs.map(([name, rung], place) => ({ name, rung, at: y(steps(rung).at(-1)[1]), place }))
    .sort((a, b) => a.at - b.at);
  // One below the other, and none below the floor.
  labels.forEach((label, number) => {
    label.y = Math.max(label.at + 4, number ? labels[number - 1].y + LABEL_HEIGHT : 0);
  });
  labels.forEach((label, number) => {
    label.y = Math.min(label.y, floor + 4 - (labels.length - 1 - number) * LABEL_HEIGHT);
  });
  for (const { rung, y: labelled, place } of labels) {
    const colour = `rung r${place % COLOURS}`;
    const segments = steps(rung);
    const ends = [...segments.slice(1).map(([start]) => start), rung.end_s];
    const path = segments.map(([start, bps], number) =>
      `${number ? "L" : "M"}${pixel(x(start))} ${pixel(y(bps))}H${pixel(x(ends[number]))}`).join("");
    nodes.push(
      line(LEFT, y(rung.max_bps), WIDTH - RIGHT, y(rung.max_bps), `${colour} cap`),
      svg("path", { d: path, class: `${colour} rate` }),
      text(WIDTH - RIGHT + 8, pixel(labelled), `${rung.height}p`, { class: `${colour} label` }),
      ...rung.joins.map((join) => svg("circle", { cx: pixel(x(join.at_s)), cy: pixel(dip(below(join))), r: 3, class: `${colour} dot` },
        svg("title", {}, `${rung.height}p at ${join.at_s.toFixed(2)} s: ${below(join).toFixed(1)} dB below its chunk's mean`))));
  }
  for (const at of moments(end)) nodes.push(text(x(at), floor + 16, stamp(at), { class: "middle" }));
  if (joins.length) {
    const band = rungs[0][1].band_db;
    nodes.push(
      text(LEFT, QUALITY.top - 9, "Quality at joins: below the mean of the chunk, in dB", {}),
      line(LEFT, dip(0), WIDTH - RIGHT, dip(0), "grid"), text(LEFT - 6, dip(0) + 4, "0", { class: "end" }),
      line(LEFT, dip(band), WIDTH - RIGHT, dip(band), "band"), text(LEFT - 6, dip(band) + 4, `−${band}`, { class: "end" }),
      text(WIDTH - RIGHT + 8, dip(band) + 4, "allowed", {}));
  }
  const height = joins.length ? QUALITY.top + QUALITY.height + 6 : floor + 26;
  const words = rungs.map(([, rung]) =>
    `${rung.height}p: ${megabits(rung.average_bps)} on average, at most ${megabits(rung.window?.peak_bps ?? rung.peak_bps)}, cap ${megabits(rung.max_bps)}`);
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": `Bit rate over time. ${words.join("; ")}` }, nodes);
}

function rungsByCodec(report) {
  const found = new Map();
  for (const [name, rung] of Object.entries(report.renditions ?? {})) {
    if (!Array.isArray(rung.segments_s) || !rung.segments_s.length || !Number.isFinite(rung.max_bps)) continue;
    const codec = String(rung.codec).split(".")[0];
    found.set(codec, [...found.get(codec) ?? [], [name, rung]]);
  }
  return found;
}

function soundWords(report) {
  const heard = Object.entries(report.sound ?? {}).filter(([, one]) => one);
  if (!heard.length) return null;
  const off = Math.max(...heard.map(([, one]) => Math.abs(one.lag_ms) + Math.abs(one.spread_ms)));
  const windows = heard.reduce((sum, [, one]) => sum + one.windows, 0);
  return `Sound: at most ${off.toFixed(2)} ms from its place in ${plural(windows, "window")}, and nothing is missing.`;
}

/** Drawings and a few words about them; nothing for reports that hold no figures. */
export function joinReport(report, codecName) {
  const codecs = [...rungsByCodec(report)];
  const rungs = codecs.flatMap(([, of]) => of);
  const worst = worstJoin(rungs);
  const joins = new Set(rungs.flatMap(([, rung]) => rung.joins.map((join) => join.at_s))).size;
  const words = [
    rungs.length ? "Steps are segments, dotted lines what the profile allows, vertical lines joins of encode chunks." : null,
    worst ? `${plural(joins, "join")}; the least good is ${Math.max(0, worst.db).toFixed(1)} dB below the mean of its chunk (${worst.name} at ${worst.at.toFixed(1)} s)${worst.why}.` : null,
    soundWords(report),
  ].filter(Boolean);
  const figures = codecs.map(([codec, of]) => el("figure", { "data-key": codec },
    codecs.length > 1 ? el("figcaption", {}, codecName(codec)) : null, drawing(of)));
  return words.length ? el("div.join-report", { "data-key": "joins" }, figures, words.map((each) => el("p", {}, each))) : null;
}
