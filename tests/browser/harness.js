// One small face for three player libraries, and a record of everything that a viewer would notice.

const video = document.getElementById("video");

const seen = {
  errors: [],
  stalls: [],
  heights: [],
  lags: [],
  // Stalls count only while `armed`: after a seek or a flush, once pictures move again.
  armed: false,
};

function error(text) {
  seen.errors.push(text);
}

function stall(kind) {
  if (seen.armed && !video.ended && !video.seeking) seen.stalls.push({ kind, at: video.currentTime });
}

video.addEventListener("waiting", () => stall("waiting"));
video.addEventListener("error", () => error(`media element: ${video.error?.code} ${video.error?.message}`));
video.addEventListener("resize", () => seen.heights.push({ height: video.videoHeight, at: video.currentTime }));

function watchFrames(now, frame) {
  // The element's clock follows the sound: how far the picture on screen is behind it.
  if (seen.armed && video.playbackRate === 1) seen.lags.push(frame.mediaTime - video.currentTime);
  video.requestVideoFrameCallback(watchFrames);
}
video.requestVideoFrameCallback?.(watchFrames);

const script = (address) => new Promise((done, failed) => {
  const node = document.createElement("script");
  node.src = address;
  node.onload = done;
  node.onerror = () => failed(new Error(`${address} could not be loaded`));
  document.head.append(node);
});

class ShakaLibrary {
  async load(url, settings) {
    await script("library/shaka.js");
    shaka.polyfill.installAll();
    this.player = new shaka.Player();
    this.version = shaka.Player.version;
    this.player.addEventListener("error", (event) => error(`shaka ${event.detail.code} ${event.detail.message}`));
    this.player.addEventListener("buffering", (event) => event.buffering && stall("buffering"));
    this.player.addEventListener("stalldetected", () => stall("stalldetected"));
    this.player.addEventListener("gapjumped", () => stall("gapjumped"));
    await this.player.attach(video);
    this.player.configure({
      abr: { enabled: false },
      // Without prefetching: a switch that clears the buffer may else wait for ever for an init segment whose
      // request it gave up itself (shaka-player 5.2.12, issue 10569).
      streaming: { segmentPrefetchLimit: 0, bufferingGoal: 6, rebufferingGoal: 0.5, bufferBehind: 30, retryParameters: { maxAttempts: 1 } },
    });
    this.player.configure(settings);
    await this.player.load(url);
  }

  codecs() {
    // None is active where nothing could be loaded.
    const active = this.player.getVariantTracks().find((track) => track.active);
    return [active?.videoCodec, active?.audioCodec].filter(Boolean);
  }

  async boundaries() {
    // The library warns that this is no stable interface; its version here is locked.
    const { warn } = console;
    console.warn = () => {};
    const { variants } = this.player.getManifest();
    console.warn = warn;
    const stream = variants[0].video ?? variants[0].audio;
    await stream.createSegmentIndex();
    const index = stream.segmentIndex;
    const references = Array.from({ length: index.getNumReferences() }, (_, position) => index.get(position));
    return references.filter(Boolean).map((reference) => reference.getStartTime()).slice(1);
  }

  subtitles() {
    return this.player.getTextTracks()
      .map(({ language, label, roles, forced, kind }) => ({ language, label, roles, forced, kind }));
  }

  // The words on screen at a time, with the subtitles of that name; none after `limit` seconds.
  async shownAt(label, at, limit) {
    this.player.selectTextTrack(this.player.getTextTracks().find((track) => track.label === label));
    this.player.setTextTrackVisibility?.(true);
    video.currentTime = at;
    const until = performance.now() + 1000 * limit;
    while (performance.now() < until) {
      const cues = [...video.textTracks].filter((track) => track.mode === "showing").flatMap((track) => [...(track.activeCues ?? [])]);
      if (cues.length && !video.seeking) return cues.map((cue) => ({ from: cue.startTime, to: cue.endTime, text: cue.text }));
      await new Promise((done) => setTimeout(done, 50));
    }
    return [];
  }

  rungs() {
    return this.player.getVariantTracks()
      .map((track) => ({ id: track.id, height: track.height || 0, bandwidth: track.bandwidth, active: track.active, sound: track.audioId }));
  }

  select(id, clear) {
    this.player.selectVariantTrack(this.player.getVariantTracks().find((track) => track.id === id), clear);
  }

  buffered() {
    const info = this.player.getBufferedInfo();
    return { video: info.video, audio: info.audio };
  }
}

class HlsLibrary {
  async load(url) {
    await script("library/hls.js");
    this.player = new Hls({ autoStartLoad: false, maxBufferLength: 6, maxMaxBufferLength: 6, maxBufferSize: 0 });
    this.version = Hls.version;
    this.player.on(Hls.Events.ERROR, (name, data) => {
      if (!data.fatal && data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) stall("bufferStalledError");
      else if (!data.fatal && data.details === Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE) stall("bufferSeekOverHole");
      else if (data.fatal || seen.armed) error(`hls.js ${data.details}${data.fatal ? " (fatal)" : ""}`);
    });
    this.player.attachMedia(video);
    this.player.loadSource(url);
    await new Promise((done, failed) => {
      this.player.once(Hls.Events.MANIFEST_PARSED, done);
      this.player.on(Hls.Events.ERROR, (name, data) => data.fatal && failed(new Error(data.details)));
    });
    this.player.loadLevel = 0;
    this.player.startLoad();
  }

  boundaries() {
    const { details } = this.player.levels.find((level) => level.details);
    return details.fragments.map((fragment) => fragment.start).slice(1);
  }

  rungs() {
    const now = this.player.loadLevel;
    return this.player.levels.map((level, id) =>
      ({ id, height: level.height || 0, bandwidth: level.bitrate, active: id === now }));
  }

  select(id, clear) {
    if (clear) this.player.currentLevel = id;
    else this.player.loadLevel = id;
  }

  buffered() {
    return { both: rangesOf(video.buffered) };
  }
}

class DashLibrary {
  async load(url) {
    await script("library/dash.js");
    this.player = dashjs.MediaPlayer().create();
    this.version = this.player.getVersion();
    this.player.updateSettings({
      debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
      streaming: {
        abr: { autoSwitchBitrate: { video: false, audio: false } },
        buffer: { bufferTimeDefault: 6, bufferTimeAtTopQuality: 6, bufferTimeAtTopQualityLongForm: 6, fastSwitchEnabled: false },
      },
    });
    const { events } = dashjs.MediaPlayer;
    this.player.on(events.ERROR, (event) => error(`dash.js ${event.error?.code} ${event.error?.message}`));
    this.player.on(events.PLAYBACK_STALLED, () => stall("playbackStalled"));
    this.player.initialize(video, url, false);
    await new Promise((done) => this.player.on(events.STREAM_INITIALIZED, done));
    this.kind = this.player.getRepresentationsByType("video").length ? "video" : "audio";
  }

  boundaries() {
    throw new Error("give the boundaries: dash.js does not tell them");
  }

  rungs() {
    const now = this.player.getCurrentRepresentationForType(this.kind)?.id;
    return this.player.getRepresentationsByType(this.kind).map((each) =>
      ({ id: each.id, height: each.height || 0, bandwidth: each.bandwidth ?? each.bitrateInKbit * 1000, active: each.id === now }));
  }

  select(id, clear) {
    this.player.setRepresentationForTypeById(this.kind, id, clear);
  }

  buffered() {
    return { both: rangesOf(video.buffered) };
  }
}

const rangesOf = (ranges) =>
  Array.from({ length: ranges.length }, (_, index) => ({ start: ranges.start(index), end: ranges.end(index) }));

const frame = () => new Promise((done) => setTimeout(done, 20));

/** Wait until `test` holds; gives false when it did not within `limit_s`. */
async function until(test, limit_s) {
  const end = performance.now() + limit_s * 1000;
  while (!test()) {
    if (performance.now() > end) return false;
    await frame();
  }
  return true;
}

const libraries = { shaka: ShakaLibrary, "hls.js": HlsLibrary, "dash.js": DashLibrary };
let library = null;

window.harness = {
  async load(name, url, settings = {}) {
    library = new libraries[name]();
    try {
      await library.load(url, settings);
      if (!await until(() => video.readyState >= 2, 60)) throw new Error("no first picture within 60 s");
    } catch (reason) {
      error(`${name} could not load: ${reason.code ?? ""} ${reason.message ?? reason}`);
      return { version: library.version ?? "", duration: 0, rungs: [] };
    }
    return { version: library.version, duration: video.duration, rungs: library.rungs() };
  },

  /** Trick play in Shaka Player until a time is passed: whether there are keyframes alone, and where it got to. */
  async trickPlay(rate, to, limit_s) {
    const found = library.player.getManifest().variants.every((one) => one.video.trickModeVideo);
    library.player.trickPlay(rate);
    await video.play();
    await until(() => video.currentTime > to, limit_s);
    return { found, at: video.currentTime };
  },

  boundaries: () => library.boundaries(),
  rungs: () => library.rungs(),
  subtitles: () => library.subtitles(),
  shownAt: (label, at, limit) => library.shownAt(label, at, limit),

  /**
   * Play from `from` (null: from where it is) past `to`; gives where playback got to and how long it took.
   * `limit_s` is what it may take beyond the time that playing itself takes.
   */
  async play(from, to, rate, limit_s) {
    const began = performance.now();
    video.playbackRate = rate;
    if (from !== null) {
      seen.armed = false;
      video.pause();
      video.currentTime = from;
      await until(() => !video.seeking, limit_s);
      // A player that has just been moved owes nobody a full buffer: give it time to have what is played next.
      const needed = Math.min(to, video.duration - 0.1);
      await until(() => rangesOf(video.buffered).some((range) => range.start <= video.currentTime && range.end >= needed), 5);
    }
    // Not awaited: where data are missing, the promise is never settled.
    if (video.paused) video.play().catch((reason) => reason.name === "AbortError" || error(`play: ${reason.message}`));
    const start = video.currentTime;
    await until(() => video.currentTime > start + 0.04 || video.ended, limit_s);
    seen.armed = true;
    const arrived = await until(() => video.currentTime >= to || video.ended, limit_s + Math.max(0, to - start) / rate);
    if (!arrived) seen.stalls.push({ kind: "stuck", at: video.currentTime });
    return { at: video.currentTime, took_s: (performance.now() - began) / 1000, ended: video.ended };
  },

  /** Holes in the buffer at `boundary`: seconds missing between what ends before it and what starts after. */
  holes(boundary) {
    const found = [];
    for (const [type, ranges] of Object.entries(library.buffered())) {
      for (let index = 1; index < ranges.length; index += 1) {
        const [end, start] = [ranges[index - 1].end, ranges[index].start];
        if (Math.abs(end - boundary) < 1 && Math.abs(start - boundary) < 1) found.push({ type, start: end, end: start });
      }
    }
    return found;
  },

  /** Go to another rung. With `clear` what is buffered is thrown away: pictures may stand still, but not for long. */
  async select(id, clear, limit_s) {
    const began = performance.now();
    const at = video.currentTime;
    const heights = seen.heights.length;
    if (clear) seen.armed = false;
    library.select(id, clear);
    if (!clear) return { at, heights, height: null, resumed_s: 0 };
    await frame();
    const resumed = await until(() => video.currentTime > at + 0.2 && video.readyState >= 3 && !video.seeking, limit_s);
    seen.armed = true;
    if (!resumed) seen.stalls.push({ kind: "stuck after a switch", at: video.currentTime });
    return { at, heights, height: video.videoHeight, resumed_s: (performance.now() - began) / 1000 };
  },

  pause: () => video.pause(),

  report() {
    const quality = video.getVideoPlaybackQuality();
    return {
      errors: seen.errors,
      stalls: seen.stalls,
      heights: seen.heights,
      lags: seen.lags,
      frames: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
      corrupted: quality.corruptedVideoFrames ?? 0,
      codecs: library.codecs?.() ?? [],
      position: video.currentTime,
      ended: video.ended,
      height: video.videoHeight,
    };
  },
};
