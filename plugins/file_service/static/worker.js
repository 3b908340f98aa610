// Uploads files beside the page, one after the other, and tells it how far they are.

import { Service, uploadFile } from "./uploader.js";

const folders = new Map();
let turn = Promise.resolve();

onmessage = ({ data }) => {
  turn = turn.then(() => upload(data));
};

async function upload({ id, file, path, base, blockBytes }) {
  const service = new Service(base);
  const tell = (message) => postMessage({ id, ...message });
  tell({ state: "hashing" });
  try {
    const folderId = await folderAt(service, path.slice(0, -1));
    const told = (what, bytes) => tell({ what, bytes });
    const version = await uploadFile(service, file, { name: path.at(-1), folderId, blockBytes, told });
    tell({ state: "uploaded", version });
  } catch (error) {
    tell({ state: "failed", reason: error.message });
  }
}

async function folderAt(service, path) {
  if (!path.length) return "root";
  const key = path.join("/");
  if (!folders.has(key)) folders.set(key, await service.folder(path.at(-1), await folderAt(service, path.slice(0, -1))));
  return folders.get(key);
}
