"""ffmpeg's arguments for sound: placed on the presentation's timeline, mixed down, metered, encoded."""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg import encoders
from cutroom.ffmpeg.argv import ONE_THREAD, compiled
from cutroom.ffmpeg.placed_sound import decoded, indices, options_of, placed, streams, unedited
from cutroom.media.audio_plan import AudioPlan, AudioRung
from cutroom.media.codecs import AUDIO
from cutroom.media.likeness import RATE_HZ
from cutroom.media.loudness import SILENCE_LUFS, Gain, Loudness
from cutroom.media.sound_tracks import LAYOUTS

SAMPLES_FORMAT = "{sn} {samp} {pts} {tb}"
"""What `-stats_enc_pre` writes of every frame that reaches an encoder: its first sample, how many it has, its time."""

# ITU-R BS.775-4, annex 4: centre and surrounds go into left and right at -3 dB, the LFE channel is left out. The sum
# can be above full scale, so it stays floating point until the gain is known.
DOWNMIX = {"clev": "0.70710678", "slev": "0.70710678", "lfe_mix_level": "0", "rematrix_maxval": "0"}

# Without what every codec may turn in phase, the lowest tones.
HEARD = (("aresample", (RATE_HZ,), {"resampler": "soxr"}), ("highpass", (), {"f": 200}))

_SUMMARY = re.compile(
    r"\[ebur128@(?P<meter>\w+) @ \w+\] Summary:.*?I:\s+(?P<integrated>\S+) LUFS.*?"
    r"LRA:\s+(?P<range>\S+) LU\b.*?Peak:\s+(?P<peak>\S+) dBFS",
    re.DOTALL,
)

_PEAK = re.compile(r"(?P<name>Peak level dB|Number of NaNs|Number of Infs): (?P<value>\S+)")


def encode(
    audio: AudioPlan,
    rungs: Sequence[AudioRung],
    gain: Gain,
    *,
    source: Path,
    outputs: Sequence[Path],
    stats: Path,
    source_stats: Path,
    decoded_stats: Path,
    heard: Path,
) -> list[str]:
    """Decode a whole track of sound once, encode all these rungs of it, and meter it as meter `source`.

    Args:
        audio: The plan of the track.
        rungs: What is made.
        gain: What it is raised or lowered by.
        source: The source file, or what `level` made of it.
        outputs: A file for each rung, which tells the encoder's delay: an MP4 by its edit list, an MP3 by its tag.
        stats: Where the sizes of the frames that reached the first encoder are written, the silence behind included.
        source_stats: The same of the frames before anything but their place was changed.
        decoded_stats: The same of the frames as they are decoded, with the times of the source, whatever an edit list
            of several stretches plays; of the first of several channels that make a track.
        heard: Where what reaches the encoders is written as it will be compared, see `likeness`.
    """
    split = placed(audio, source).filter_multi_output("asplit", len(rungs) + 2)
    channels, rate = rungs[0].channels, audio.track.sample_rate_hz
    made = [
        metered(split[len(rungs)], "source", source_stats),
        _heard(_raised(_mixed(split[len(rungs) + 1], audio, channels), gain, rate), channels, heard),
    ]
    first = decoded(audio, source, streams(audio, source)[0])
    made.append(ffmpeg.output(first, "-", f="null", **_counted(decoded_stats)))
    for place, (rung, path) in enumerate(zip(rungs, outputs, strict=True)):
        sound = _raised(_mixed(split[place], audio, rung.channels), gain, rate)
        sound = sound.filter("aresample", rung.sample_rate_hz, resampler="soxr")
        if AUDIO[rung.codec].is_lossless:
            # Else its blocks are as long as the first frame that it gets, which may be longer than FLAC allows.
            sound = sound.filter("asetnsamples", n=AUDIO[rung.codec].frame_samples, p=0)
        if behind := AUDIO[rung.codec].silence_behind:
            sound = sound.filter("apad", pad_len=behind)
        made.append(
            ffmpeg.output(
                sound,
                str(path),
                **{
                    **encoders.audio_options(rung),
                    "ar": rung.sample_rate_hz,
                    "map_metadata": "-1",
                    "bitexact": None,
                },
                **(_counted(stats) if place == 0 else {}),
            )
        )
    return compiled(made)


def cut_behind(encoded: Path, output: Path, *, samples: int) -> list[str]:
    """Let an encode in MP4 end after so many samples, also where that is inside its last frame."""
    frames = ffmpeg.input(f"file:{encoded}", copyts=None)
    shorter = f"noise=drop=gte(pts\\,{samples}),setts=duration=min(DURATION\\,{samples}-PTS)"
    options = {
        "c": "copy",
        "bsf:a": shorter,
        "avoid_negative_ts": "disabled",
        "map_metadata": "-1",
        "f": "mp4",
    }
    return compiled([ffmpeg.output(frames, str(output), **options, bitexact=None)])


def hear(audio: AudioPlan, channels: int, *, source: Path, heard: Path) -> list[str]:
    """Write a track of a source as `encode` does to be compared, mixed down to so many channels."""
    return compiled([_heard(_mixed(placed(audio, source), audio, channels), channels, heard)])


def measure(audio: AudioPlan, *, source: Path) -> list[str]:
    """Meter a track as its encoder would get it, as meter `mixed`: before the gain is known."""
    return compiled([metered(_mixed(placed(audio, source), audio, audio.rungs[0].channels), "mixed")])


def peak(audio: AudioPlan, *, source: Path) -> list[str]:
    """Look for the highest sample of a track of floating point, and for what is no number."""
    shown = "Peak_level+Number_of_NaNs+Number_of_Infs"
    # Else what is asked of the output would be asked of what is looked at, too: samples of 16 bits.
    exact = placed(audio, source).filter("aformat", sample_fmts="dblp")
    looked = exact.filter("astats", measure_perchannel="none", measure_overall=shown)
    return compiled([ffmpeg.output(looked, "-", f="null")])


def level(audio: AudioPlan, *, source: Path, output: Path, drops_others: bool = False) -> list[str]:
    """Decode a track whose layout or rate changes midway into one that stays the same, with its times.

    Args:
        audio: The plan of the track.
        source: The source file.
        output: A NUT file, whose name ends as `placed_sound.LEVELLED`.
        drops_others: Whether frames that are not like the first are left out, as nothing can be made of them.
    """
    options = options_of(source) | ({"drop_changed": 1} if drops_others else {})
    options |= unedited(source) if audio.track.edits else {}
    opened = ffmpeg.input(f"file:{source}", **options)
    track = audio.track
    kept = [
        opened[str(index)].filter(
            "aformat",
            sample_fmts="flt",
            sample_rates=track.sample_rate_hz,
            # A count is any layout of so many channels.
            channel_layouts="mono" if track.joined else (track.channel_layout or f"{track.channels}c"),
        )
        for index in indices(audio)
    ]
    return compiled([ffmpeg.output(*kept, str(output), **{"c:a": "pcm_f32le", "f": "nut"})])


def decode(
    *, source: Path, stats: Path, channels: int, heard: Path, end_s: Fraction | None = None
) -> list[str]:
    """Decode a packaged track, meter it as meter `made`, and note every frame; an error in the bitstream ends it.

    The edit list tells where the track starts, and the length of its last sample where it ends: what an encoder put
    before and behind does not count.

    Args:
        source: The initialization segment and all media segments.
        stats: Where the sizes of the frames are written.
        channels: How many the track has.
        heard: Where the sound is written as it is compared with what `encode` wrote.
        end_s: End of the last segment, on the presentation's timeline; None: the file tells it itself.
    """
    whole = ffmpeg.input(f"file:{source}", xerror=None, copyts=None, **ONE_THREAD).audio
    end = {} if end_s is None else {"end": f"{float(end_s):.6f}"}
    split = whole.filter("atrim", start=0, **end).filter_multi_output("asplit", 2)
    return compiled([metered(split[0], "made", stats), _heard(split[1], channels, heard)])


def meter(*, source: Path) -> list[str]:
    """Meter an encode of ours as meter `made`."""
    return compiled([metered(ffmpeg.input(f"file:{source}").audio, "made")])


def has_changed_midway(log: str) -> bool:
    """Whether ffmpeg built its filters anew while it ran: what `level` is for."""
    return "Reconfiguring filter graph because audio parameters changed" in log


def read_loudness(log: str, meter: str) -> Loudness:
    """What a meter said at the end of a run."""
    found = [one for one in _SUMMARY.finditer(log) if one["meter"] == meter]
    if not found:
        return Loudness(integrated_lufs=None, range_lu=None, true_peak_dbtp=None)
    integrated, loudness_range, peak = (float(found[-1][name]) for name in ("integrated", "range", "peak"))
    is_silent = integrated <= SILENCE_LUFS
    return Loudness(
        integrated_lufs=None if is_silent else integrated,
        range_lu=None if is_silent else loudness_range,
        true_peak_dbtp=None if peak == float("-inf") else peak,
    )


def read_peak(log: str) -> tuple[float, int]:
    """What `peak` found: dB above full scale, and how many samples are no numbers."""
    found = {one["name"]: float(one["value"]) for one in _PEAK.finditer(log)}
    no_numbers = found.get("Number of NaNs", 0) + found.get("Number of Infs", 0)
    return found.get("Peak level dB", float("-inf")), int(no_numbers)


def metered(sound: Any, meter: str, stats: Path | None = None) -> Any:
    """An output that writes nothing but the meter's reading to the log."""
    counted = {} if stats is None else _counted(stats)
    return ffmpeg.output(
        sound.filter(f"ebur128@{meter}", peak="true", framelog="quiet"), "-", f="null", **counted
    )


def _counted(stats: Path) -> dict[str, str]:
    return {"stats_enc_pre:a": str(stats), "stats_enc_pre_fmt:a": SAMPLES_FORMAT}


def _mixed(sound: Any, audio: AudioPlan, channels: int) -> Any:
    layout = LAYOUTS[channels]
    if channels == audio.track.channels:
        return sound.filter("aformat", channel_layouts=layout)
    return sound.filter("aformat", sample_fmts="fltp").filter("aresample", out_chlayout=layout, **DOWNMIX)


def _raised(sound: Any, gain: Gain, rate_hz: int) -> Any:
    if gain.gain_db:
        sound = sound.filter("volume", f"{gain.gain_db:g}dB", precision="float")
    if not gain.is_limited:
        return sound
    # Peaks between two samples are seen among four times as many; it looks ahead, and gives that time back.
    among = sound.filter("aresample", 4 * rate_hz, resampler="soxr")
    held = among.filter("alimiter", limit=f"{10 ** (gain.ceiling_dbtp / 20):.6f}", level=0, latency=1)
    return held.filter("aresample", rate_hz, resampler="soxr")


def _heard(sound: Any, channels: int, path: Path) -> Any:
    """An output of one channel at a low rate, in which no two channels cancel out or can change places unnoticed."""
    weights = [2 * channels - place for place in range(channels)]
    mix = "+".join(f"{weight / sum(weights):.4f}*c{place}" for place, weight in enumerate(weights))
    sound = sound.filter("pan", args=f"mono|c0={mix}")
    for name, arguments, options in HEARD:
        sound = sound.filter(name, *arguments, **options)
    return ffmpeg.output(sound, str(path), **{"c:a": "pcm_mulaw", "f": "mulaw", "bitexact": None})
