// Where a file is cut into blocks: anew at the media payload, as `container` of cutroom.blocks.boundaries does, so that
// a file is stored once whichever way it comes. A test holds the two to each other.

const MOST_ELEMENTS = 4096;
const MOST_SECTIONS = 64;
const CONTAINER_BOXES = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "sidx", "uuid"];
const [EBML, SEGMENT, CLUSTER] = [0x1a45dfa3, 0x18538067, 0x1f43b675];

/** Offset and size of each block of a file. */
export async function blockRanges(file, blockBytes) {
  const edges = [...await sectionStarts(file), file.size];
  const ranges = [];
  for (let section = 0; section + 1 < edges.length; section += 1) {
    for (let offset = edges[section]; offset < edges[section + 1]; offset += blockBytes) {
      ranges.push({ offset, size: Math.min(blockBytes, edges[section + 1] - offset) });
    }
  }
  return ranges;
}

async function sectionStarts(file) {
  const found = [0];
  for await (const place of payloadEdges(file)) {
    if (place > found.at(-1) && place < file.size) found.push(place);
    if (found.length === MOST_SECTIONS) break;
  }
  return found;
}

async function* payloadEdges(file) {
  const head = await peek(file, 0, 8);
  if (CONTAINER_BOXES.includes(nameOf(head))) yield* mp4Edges(file);
  else if (head.byteLength >= 4 && head.getUint32(0) === EBML) yield* matroskaEdges(file);
}

async function* mp4Edges(file) {
  let place = 0;
  for (let count = 0; count < MOST_ELEMENTS && place < file.size; count += 1) {
    const box = await peek(file, place, 16);
    if (box.byteLength < 8) return;
    let [length, header] = [box.getUint32(0), 8];
    // Beyond 2^53 numbers are not exact, and beyond every file.
    if (length === 1 && box.byteLength === 16) [length, header] = [Number(box.getBigUint64(8)), 16];
    else if (length === 0) length = file.size - place;
    if (length < header) return;
    if (nameOf(box) === "moof") {
      yield place;
      return;
    }
    if (nameOf(box) === "mdat") {
      yield place + header;
      yield place + length;
    }
    place += length;
  }
}

async function* matroskaEdges(file) {
  let place = 0;
  for (let count = 0; count < MOST_ELEMENTS && place < file.size; count += 1) {
    const { id, length, header } = elementOf(await peek(file, place, 12));
    if (id === CLUSTER) {
      yield place;
      return;
    }
    if (id === SEGMENT) place += header;
    else if (length === null) return;
    else place += header + length;
  }
}

function elementOf(head) {
  const none = { id: 0, length: null, header: 0 };
  const idBytes = head.byteLength && head.getUint8(0) ? Math.clz32(head.getUint8(0)) - 23 : 0;
  if (idBytes < 1 || idBytes > 4 || head.byteLength <= idBytes || !head.getUint8(idBytes)) return none;
  const sizeBytes = Math.clz32(head.getUint8(idBytes)) - 23;
  if (head.byteLength < idBytes + sizeBytes) return none;
  const allOnes = (1n << BigInt(7 * sizeBytes)) - 1n;
  const value = numberAt(head, idBytes, sizeBytes) & allOnes;
  return {
    id: Number(numberAt(head, 0, idBytes)),
    length: value === allOnes ? null : Number(value),
    header: idBytes + sizeBytes,
  };
}

function numberAt(view, offset, bytes) {
  let value = 0n;
  for (let place = offset; place < offset + bytes; place += 1) value = (value << 8n) | BigInt(view.getUint8(place));
  return value;
}

function nameOf(box) {
  return box.byteLength < 8 ? "" : String.fromCharCode(...[4, 5, 6, 7].map((place) => box.getUint8(place)));
}

async function peek(file, offset, bytes) {
  return new DataView(await file.slice(offset, offset + bytes).arrayBuffer());
}
