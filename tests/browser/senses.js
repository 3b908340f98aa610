// What is on screen and in the speakers at a moment of the presentation: to the frame, and to the sample.

const RATE = 48_000;
const BITS = 16;
const SHOWN_AGAIN_S = 5;

const canvas = document.createElement("canvas");
canvas.width = BITS * 8;
canvas.height = 32;
const pencil = canvas.getContext("2d", { willReadFrequently: true });

/** The number that a frame, or a part of an image, shows as black and white fields along its top, see `counted.py`. */
function numberIn(picture, ...part) {
  pencil.drawImage(picture, ...part, 0, 0, canvas.width, canvas.height);
  const isWhite = (bit) => pencil.getImageData(bit * 8 + 4, 4, 1, 1).data[1] > 128;
  return Array.from({ length: BITS }, (_, bit) => isWhite(bit) ? 2 ** bit : 0).reduce((sum, each) => sum + each);
}

const RECORDER = `registerProcessor("recorder", class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
});`;

let recorder = null;

/** Lets everything that the element plays go through a node that hands on each sample, whatever the clock does. */
async function openRecorder() {
  const context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 1 });
  context.createMediaElementSource(video).connect(node).connect(context.destination);
  await context.resume();
  video.muted = false;
  return node.port;
}

async function seek(at, ahead_s, limit_s) {
  video.pause();
  video.currentTime = at;
  const end = Math.min(at + ahead_s, video.duration - 0.1);
  const isThere = () => rangesOf(video.buffered).some((range) => range.start <= at && range.end >= end);
  if (!await until(() => !video.seeking && isThere(), limit_s)) throw new Error(`${at} s is not there to be played`);
}

window.senses = {
  /** The frame on screen after a seek: the time that the browser gives it, and its number. */
  async seen(at, limit_s) {
    let frame = null;
    const isNear = (time) => Math.abs(time - at) <= 0.5;
    const note = (now, { mediaTime }) => {
      // What was on screen before the seek may still be told of.
      if (!isNear(mediaTime)) video.requestVideoFrameCallback(note);
      frame = { at: mediaTime, number: numberIn(video) };
    };
    video.requestVideoFrameCallback(note);
    const end = performance.now() + 1000 * limit_s;
    // Of a frame that comes while another one is told of, a browser may say nothing: a new seek shows it again.
    do await seek(at, 0, limit_s);
    while (!await until(() => frame && isNear(frame.at), SHOWN_AGAIN_S) && performance.now() < end);
    if (!frame || !isNear(frame.at)) {
      const state = { frame, time: video.currentTime, ready: video.readyState, buffered: rangesOf(video.buffered) };
      throw new Error(`no frame at ${at} s: ${JSON.stringify(state)}`);
    }
    return frame;
  },

  /** What Shaka Player takes for the still at a time: from when on it stands for the film, and its number. */
  async still(at) {
    const [track] = library.player.getImageTracks();
    const still = await library.player.getThumbnails(track.id, at);
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.src = still.uris[0];
    await image.decode();
    const number = numberIn(image, still.positionX, still.positionY, still.width, still.height);
    return { from: still.startTime, lasts: still.duration, number };
  },

  /** So many samples of the first channel, in 16 bits: the first is the one that is played first from `at` on. */
  async heard(at, count, limit_s) {
    recorder ??= await openRecorder();
    await seek(at, count / RATE, limit_s);
    const samples = [];
    recorder.onmessage = ({ data }) => {
      // Silence until the element plays: the sources are never quite silent.
      const first = samples.length ? 0 : data.findIndex((sample) => sample !== 0);
      if (first >= 0) samples.push(...data.subarray(first));
    };
    await video.play();
    const isEnough = await until(() => samples.length >= count, limit_s + count / RATE);
    recorder.onmessage = null;
    video.pause();
    if (!isEnough) throw new Error(`${samples.length} of ${count} samples were heard from ${at} s on`);
    return samples.slice(0, count).map((sample) => Math.round(sample * 32767));
  },
};
