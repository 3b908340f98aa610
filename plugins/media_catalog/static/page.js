// What the pages of Cutroom share: building nodes and keeping those that can stay, safe addresses, words for figures.

export const byId = (id) => document.getElementById(id);

/** An element; `attributes` are set as attributes, `children` are nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(attribute, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(attribute, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;

function sameKind(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

/** Make the children of `place` look like `children`, keeping the nodes that can stay. */
export function draw(place, ...children) {
  const wanted = children.flat().filter(Boolean);
  const keyed = new Map();
  for (const child of place.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let present = place.firstChild;
  for (const fresh of wanted) {
    const node = typeof fresh === "string" ? document.createTextNode(fresh) : fresh;
    const known = keyOf(node) ? keyed.get(keyOf(node)) : null;
    if (known && known !== present) place.insertBefore(known, present);
    const old = known ?? present;
    if (old && sameKind(old, node)) {
      present = old.nextSibling;
      morph(old, node);
    } else {
      place.insertBefore(node, present);
    }
  }
  while (present) {
    const next = present.nextSibling;
    present.remove();
    present = next;
  }
}

// What a person opened or closed stays so, and a picture that could not be fetched stays away.
const STAYING = new Set(["open", "data-broken"]);

function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) {
    if (!STAYING.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!STAYING.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  draw(old, [...fresh.childNodes]);
}

/** An address to fetch or to follow, or null if it is not plain http: a record can't smuggle in a script. */
export function webAddress(text) {
  try {
    const url = new URL(text, document.baseURI);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

export const grouped = new Intl.NumberFormat("en");

export function plural(count, word) {
  return `${grouped.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

export function bytes(count) {
  if (!Number.isFinite(count)) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 1000 && power < units.length - 1) {
    count /= 1000;
    power += 1;
  }
  return `${power && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[power]}`;
}
