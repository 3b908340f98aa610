// Uploading one file in blocks, for a page or a worker: hashed by Web Crypto, only missing blocks are sent, some at a
// time, straight to S3 by presigned addresses. Whoever was interrupted uploads the same file again: the service
// knows what has arrived.

import { blockRanges } from "./boundaries.js";

const HASHING = 4;
const SENDING = 6;
const TRIES = 10;
const ROUNDS = 5;

export class UploadError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** What two names have in common when the service takes them for one; of all but a few letters. */
export function nameKey(name) {
  return name.normalize("NFC").trim().toUpperCase().toLowerCase().normalize("NFC");
}

/** The File Service at an address, with the login of the page. */
export class Service {
  constructor(base) {
    this.base = base.replace(/\/$/, "");
  }

  async ask(method, path, body, headers = {}) {
    return patiently(async () => {
      const answer = await reached(fetch(this.base + path, {
        method,
        credentials: "same-origin",
        headers: body ? { "Content-Type": "application/json", ...headers } : headers,
        body: body && JSON.stringify(body),
      }));
      const told = await answer.json().catch(() => ({}));
      if (answer.ok) return told;
      const words = told.detail || `The File Service answers ${answer.status}.`;
      const error = new UploadError(answer.status === 401 ? "Your login has ended: load this page again." : words, answer.status);
      error.missing = told.missing;
      error.transient = answer.status >= 500 || answer.status === 429 || answer.status === 408;
      throw error;
    });
  }

  post(path, body) {
    return this.ask("POST", path, body, body ? { "Idempotency-Key": crypto.randomUUID() } : {});
  }

  /** The id of a folder below another one; it is made where it is missing. */
  async folder(name, parentId) {
    try {
      return (await this.post("/folders", { name, parent_id: parentId })).folder_id;
    } catch (error) {
      if (error.status !== 409) throw error;
    }
    let after = "";
    while (after !== null) {
      const page = await this.ask("GET", `/folders/${parentId}?limit=500&after=${encodeURIComponent(after)}`);
      const found = page.folders.find((one) => nameKey(one.name) === nameKey(name));
      if (found) return found.folder_id;
      after = page.next_after;
    }
    throw new UploadError(`${name} is the name of a file: rename the folder.`);
  }
}

/** The blocks of a file in order: `{offset, block_id, size_bytes}`. */
export async function hashBlocks(file, blockBytes, told = () => {}) {
  const ranges = await blockRanges(file, blockBytes);
  const blocks = new Array(ranges.length);
  await several(HASHING, ranges.entries(), async ([number, { offset, size }]) => {
    const data = await unchanged(file, file.slice(offset, offset + size).arrayBuffer());
    blocks[number] = { offset, block_id: hex(await crypto.subtle.digest("SHA-256", data)), size_bytes: size };
    told(size);
  });
  return blocks;
}

/**
 * Upload a file and commit it; gives the version that it became.
 *
 * `told(what, bytes)` learns of bytes that were `hashed`, `sent` or `skipped`.
 */
export async function uploadFile(service, file, { name, folderId, blockBytes, told = () => {} }) {
  const blocks = await hashBlocks(file, blockBytes, (bytes) => told("hashed", bytes));
  let page = await service.post("/upload/init", {
    name,
    folder_id: folderId,
    size_bytes: file.size,
    content_type: /^[\w.+-]+\/[\w.+-]+$/.test(file.type) ? file.type : "application/octet-stream",
    blocks: blocks.map(({ block_id, size_bytes }) => ({ block_id, size_bytes })),
  });
  const path = `/upload/${page.session_id}`;
  const sent = new Set();
  let counted = 0;
  for (let round = 1; ; round += 1) {
    for (let after = 0; ;) {
      await sendPage(service, path, file, blocks, page, after, sent, told);
      const end = page.next_after ?? blocks.length;
      told("skipped", skipped(blocks, counted, end, sent));
      counted = Math.max(counted, end);
      if (page.next_after === null) break;
      after = page.next_after;
      page = await service.ask("GET", `${path}?after=${after}`);
    }
    try {
      return await complete(service, path);
    } catch (error) {
      if (!error.missing || round === ROUNDS) throw error;
      for (const lost of error.missing) sent.delete(lost);
      page = await service.ask("GET", path);
    }
  }
}

async function complete(service, path) {
  for (;;) {
    const told = await service.post(`${path}/complete`);
    if (told.status === "committed") return told.version;
  }
}

/** Send what is missing on a page; addresses that have expired are asked for again. */
async function sendPage(service, path, file, blocks, page, after, sent, told) {
  for (let round = 1; ; round += 1) {
    let expired = false;
    const todo = page.missing.filter((one) => !sent.has(one.block_id));
    await several(SENDING, todo, async (one) => {
      const { offset, size_bytes } = blocks[one.position];
      const status = await put(file, file.slice(offset, offset + size_bytes), one);
      if (status === 403 || status === 401) {
        expired = true;
        return;
      }
      sent.add(one.block_id);
      told("sent", size_bytes);
    });
    if (!expired) return;
    if (round === ROUNDS) throw new UploadError("S3 refuses the addresses of blocks.");
    page = await service.ask("GET", `${path}?after=${after}`);
  }
}

/** The status of S3's answer; 412 says that the block is there already. */
async function put(file, data, { url, headers }) {
  return patiently(async () => {
    // Read before it is sent: a file that changed is told from a network that failed.
    const body = await unchanged(file, data.arrayBuffer());
    const answer = await reached(fetch(url, { method: "PUT", headers, body, credentials: "omit" }));
    // An answer that nobody reads keeps its connection from the next block.
    await answer.arrayBuffer().catch(() => null);
    if (answer.ok || [401, 403, 412].includes(answer.status)) return answer.status;
    const error = new UploadError(`S3 answers ${answer.status} to the transfer of a block.`, answer.status);
    error.transient = answer.status >= 500 || [400, 408, 409, 429].includes(answer.status);
    throw error;
  });
}

/** Bytes of blocks from `start` on that were not sent; of equal blocks only the first may have been. */
function skipped(blocks, start, end, sent) {
  const before = new Set(blocks.slice(0, start).map((block) => block.block_id));
  let bytes = 0;
  for (const { block_id, size_bytes } of blocks.slice(start, end)) {
    if (!sent.has(block_id) || before.has(block_id)) bytes += size_bytes;
    before.add(block_id);
  }
  return bytes;
}

async function unchanged(file, reading) {
  try {
    return await reading;
  } catch {
    throw new UploadError(`${file.name} changed or went away while it was read: upload it again.`);
  }
}

async function reached(asking) {
  try {
    return await asking;
  } catch (cause) {
    const error = new UploadError("The network or the server does not answer.");
    error.transient = true;
    error.cause = cause;
    throw error;
  }
}

async function patiently(ask) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!error.transient || attempt === TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(20000, 125 * 2 ** attempt) * (0.5 + Math.random() / 2)));
  }
}

/** Work on things, `count` at a time; the first failure ends it. */
async function several(count, things, work) {
  const left = things[Symbol.iterator]();
  let failed = false;
  await Promise.all(Array.from({ length: count }, async () => {
    for (let next = left.next(); !next.done && !failed; next = left.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }));
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
