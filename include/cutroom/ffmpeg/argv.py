"""ffmpeg's arguments, built by ffmpeg-python from the plan: values in, a list of strings out.

Output times are absolute on the presentation's timeline everywhere, so joining is only putting one after the other.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg import alpha, encoders, sprites
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.ffmpeg.sprites import SpriteSheet
from cutroom.media.colour import BT709, Colour
from cutroom.media.joins import FRAMES_AT_JOIN, Sampling
from cutroom.media.resemblance import HEIGHT, WIDTH
from cutroom.media.source import VideoTrack
from cutroom.media.timeline import EncodeChunk
from cutroom.media.video_plan import Timing, VideoPlan, VideoRung

FFMPEG = "ffmpeg"
"""The runner knows where it is."""

STATS_FORMAT = "{n} {pts} {tb}"
"""What `-stats_enc_pre` writes of every frame that reaches an encoder: its number, and its time in a time base."""

ONE_THREAD = {"threads": "1"}
"""For a decoder beside encoders, which are what it would wait for. See `media.threads`."""

ONE_FILTER_THREAD = ("-filter_complex_threads", "1")

# Hable keeps the mid-tones where they were; 100 cd/m² is the white of BT.709 displays (ITU-R BT.2408, 5.1).
TONE_MAP = (
    ("zscale", {"t": "linear", "npl": "100"}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"p": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": "0"}),
    ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
)


ALPHA_FORMATS = "yuva444p|yuva444p10le|yuva444p12le|yuva444p16le|gbrap|gbrap10le|gbrap12le|gbrap16le"

SCALING = "lanczos+accurate_rnd+full_chroma_int"

# JFIF knows nothing else.
JPEG = Colour(primaries="bt709", transfer="bt709", matrix="bt470bg", is_full_range=True)


def encode_video(
    video: VideoPlan,
    chunk: EncodeChunk,
    rungs: Sequence[VideoRung],
    *,
    source: Path,
    outputs: Sequence[Path],
    stats: Sequence[Path],
    samples: Sequence[Path],
    sampling: Sequence[Sampling],
) -> list[str]:
    """Decode an encode chunk once and encode all these rungs of it.

    Args:
        video: The plan of the track.
        chunk: Which window.
        rungs: What is made; one codec.
        source: The chunk's packets.
        outputs: A NUT file for each rung.
        stats: For each rung, where the times of the frames that reached its encoder are written.
        samples: For each rung, a NUT file of some frames as they reached its encoder (see `quality`).
        sampling: For each rung, which frames these are.
    """
    timing = video.timing
    # Times in the chunk object are moved by whole seconds (see cutter.split).
    shift = round(video.shift_s / timing.time_base)
    frames = (
        _pictures_of(source, **_decoding(video, 0), **_midway(video, chunk))
        .video.filter("settb", rational(timing.time_base))
        .filter("trim", start_pts=chunk.start_pts + shift, end_pts=chunk.end_pts + shift)
    )
    keeps_hdr = rungs[0].video_range != "SDR"
    frames = _pictures(frames, video, keeps_hdr=keeps_hdr)
    colour = replace(video.picture.colour, matrix="bt2020nc", is_full_range=False) if keeps_hdr else BT709
    frames = frames.filter("settb", f"1/{timing.timescale}").filter(
        "setpts", _output_time(timing, video.shift_s)
    )
    split = frames.filter_multi_output("split", len(rungs))
    # In seconds of the presentation.
    keyframe_times = [ticks * timing.time_base - timing.origin_s for ticks in chunk.keyframes_asked]
    made = []
    for place, (rung, path, noted) in enumerate(zip(rungs, outputs, stats, strict=True)):
        given = (
            _thinned(split[place], timing, rung.frame_step)
            .filter("scale", rung.width, rung.height, flags=SCALING, **_scaled_to(colour))
            .filter("setparams", **_stated(colour))
            .filter("setsar", "1")
            .filter("format", encoders.PIXEL_FORMATS[rung.bit_depth])
            .filter_multi_output("split", 2)
        )
        chosen = sampling[place]
        between = f"lt(mod(n,{chosen.every}),{FRAMES_AT_JOIN})"
        sampled = given[1].filter("select", f"lt(pts,{chosen.head})+gte(pts,{chosen.tail})+{between}")
        raw = {
            "c:v": "rawvideo",
            "f": "nut",
            "fps_mode": "passthrough",
            "enc_time_base": f"1/{timing.timescale}",
        }
        made.append(
            ffmpeg.output(
                given[0],
                str(path),
                **_video_options(
                    rung, keyframe_times, timing.timescale, video.encoder_rate / rung.frame_step
                ),
                **{"stats_enc_pre:v": str(noted), "stats_enc_pre_fmt:v": STATS_FORMAT},
            )
        )
        made.append(ffmpeg.output(sampled, str(samples[place]), **raw))
    return compiled(made, *ONE_FILTER_THREAD)


def _midway(video: VideoPlan, chunk: EncodeChunk) -> dict[str, str]:
    """Let a decoder that begins in the middle show all that it decodes: what is not whole there lies before the chunk.

    That of H.264 else holds back what it does not know to be whole, as behind a keyframe without a word on that.
    """
    return {"flags": "+output_corrupt"} if video.track.codec == "h264" and chunk.index else {}


def _decoding(video: VideoPlan, index: int) -> dict[str, str]:
    """How the pictures are decoded, which are track `index` of the file at hand."""
    # What the container crops is cropped behind the decoder, as chunks can't say it.
    as_coded = {"apply_cropping": "codec"} if video.track.cropped else {}
    return alpha.decoder(video.track, index) | ONE_THREAD | as_coded


def _pictures_of(source: Path, **options: str) -> Any:
    """The frames of a file as they are coded, with the times that they have."""
    # reinit_filter=0: a stream that changes its size midway goes through the same filters; a new set would begin anew.
    return ffmpeg.input(
        f"file:{source}", **INPUT_OPTIONS, noautorotate=None, copyts=None, reinit_filter=0, **options
    )


def _pictures(frames: Any, video: VideoPlan, *, keeps_hdr: bool = False) -> Any:
    picture = video.picture
    # What is not stated is told here, so that no filter guesses.
    frames = frames.filter("setparams", **_stated(picture.colour))
    # Does nothing but where a stream changes its size midway: the picture keeps the size that it begins with.
    frames = frames.filter("scale", video.track.width, video.track.height)
    if picture.is_transparent:
        # Colours times opacity are what is seen on black. Left to itself the filter drops the opacity of packed RGB.
        frames = frames.filter("format", ALPHA_FORMATS)
        frames = frames.filter("premultiply", inplace=1)
    if picture.field_order is not None:
        # Seen, so flags do not count.
        frames = frames.filter("bwdif", mode="send_frame", parity=picture.field_order, deint="all")
    elif picture.deinterlace:
        # Only frames that are flagged: film in an interlaced stream stays as it is.
        frames = frames.filter("bwdif", mode="send_frame", deint="interlaced")
    # Behind what tells fields by their lines.
    frames = _cropped(frames, video.track)
    if picture.tone_map and not keeps_hdr:
        for name, options in TONE_MAP:
            frames = frames.filter(name, **options)
    elif not picture.tone_map and picture.colour.primaries != BT709.primaries:
        frames = frames.filter("zscale", p="bt709", m="bt709", r="tv")
    if picture.mirrored:
        frames = frames.filter("hflip")
    turns = {90: ("transpose", "clock"), 270: ("transpose", "cclock")}
    if picture.rotation in turns:
        name, value = turns[picture.rotation]
        frames = frames.filter(name, value)
    elif picture.rotation == 180:
        frames = frames.filter("hflip").filter("vflip")
    return frames


def _cropped(frames: Any, track: VideoTrack) -> Any:
    """What the container shows of coded pictures; from where their colours have a sample on, as decoders crop."""
    if track.cropped is None:
        return frames
    left, top, right, bottom = track.cropped
    return frames.filter("crop", track.width - left - right, track.height - top - bottom, left, top)


def _stated(colour: Colour) -> dict[str, str]:
    """What `setparams` writes into frames; RGB has neither matrix nor range."""
    of_yuv = {"colorspace": colour.matrix, "range": _range(colour)} if colour.matrix != "gbr" else {}
    return {"color_primaries": colour.primaries, "color_trc": colour.transfer, **of_yuv}


def _scaled_to(colour: Colour) -> dict[str, str]:
    """What `scale` makes of colours that its frames state."""
    return {"out_color_matrix": colour.matrix, "out_range": _range(colour)}


def _range(colour: Colour) -> str:
    return "pc" if colour.is_full_range else "tv"


def _output_time(timing: Timing, shift_s: int) -> str:
    """The expression that moves a frame, whose time is in output ticks of the source's clock, to the output's."""
    if timing.frame_ticks is None:
        offset = (timing.origin_s + shift_s) * timing.timescale
        return f"round(PTS-({rational(offset)}))"
    first = (timing.first_pts * timing.time_base + shift_s) * timing.timescale
    return f"{timing.first_ticks}+round((PTS-({rational(first)}))/{timing.frame_ticks})*{timing.frame_ticks}"


def _thinned(frames: Any, timing: Timing, frame_step: int) -> Any:
    """Every so many frames one, told by its time: a frame that is lost does not move those after it."""
    if frame_step == 1:
        return frames
    return frames.filter("select", f"not(mod((pts-{timing.first_ticks})/{timing.frame_ticks},{frame_step}))")


def rational(value: Fraction) -> str:
    """A number as ffmpeg reads it exactly."""
    return f"{value.numerator}/{value.denominator}"


def _video_options(
    rung: VideoRung, keyframe_times: Sequence[Fraction], timescale: int, rate: Fraction
) -> dict[str, Any]:
    options: dict[str, Any] = {
        **encoders.video_options(rung, rate),
        # Frames go through as they come, with the times that they have: none is doubled or dropped.
        "fps_mode": "passthrough",
        "enc_time_base": f"1/{timescale}",
        "f": "nut",
        "map_metadata": "-1",
        "bitexact": None,
    }
    if keyframe_times:
        options["force_key_frames"] = ",".join(f"{float(time):.6f}" for time in keyframe_times)
    return options


def inspect_video(
    video: VideoPlan, sheet: SpriteSheet, *, source: Path, stats: Path, folder: Path
) -> list[str]:
    """Decode the whole source once: note every frame's time, and make all stills.

    Args:
        video: The plan of the track.
        sheet: Which stills there are.
        source: The source file.
        stats: Where the time of every decoded frame is written, in source ticks.
        folder: Gets the sheets (`sprites.SPRITES`), every candidate for the poster (CANDIDATES) with what was
            measured of them (MEASURED), and the preview (PREVIEW).
    """
    decoded = _pictures_of(source, **_decoding(video, video.track.index))[str(video.track.index)]
    split = decoded.filter_multi_output("split", 3)
    counted = ffmpeg.output(
        split[0].filter("settb", rational(video.timing.time_base)),
        "-",
        f="null",
        fps_mode="passthrough",
        enc_time_base=rational(video.timing.time_base),
        **{"stats_enc_pre:v": str(stats), "stats_enc_pre_fmt:v": STATS_FORMAT},
    )
    # What is shown at each multiple of the interval, whatever the frame rate, and through gaps.
    ticking = {"start_time": 0, "round": "up"}
    stills = (
        _presented(split[1], video)
        .filter("fps", rational(1 / sheet.interval_s), **ticking)
        .filter("trim", end_frame=sheet.count)
    )
    stills = _pictures(stills, video).filter("setsar", "1").filter_multi_output("split", 2)
    tiles = (
        stills[0]
        .filter("scale", sheet.width, sheet.height, **_scaled_to(JPEG))
        .filter("tile", f"{sheet.columns}x{sheet.rows}")
    )
    candidates = (
        stills[1]
        .filter("select", f"not(mod(n,{sheet.candidate_step}))")
        .filter("scale", *sprites.poster_size(video.track.display_size), **_scaled_to(JPEG))
        .filter_multi_output("split", 2)
    )
    measured = (
        candidates[1]
        .filter("scale", *sprites.measured_size(video.track.display_size))
        .filter("format", "yuv420p")
        .filter("signalstats")
        .filter("blurdetect")
        .filter("metadata", mode="print", file=str(folder / MEASURED))
    )
    moments = "+".join(
        f"between(t,{_decimal(start)},{_decimal(end)})"
        for start, end in sprites.preview_moments(sprites.end_s(video))
    )
    preview = (
        _presented(split[2], video)
        .filter("fps", PREVIEW_RATE, **ticking)
        .filter("select", moments)
        .filter("setpts", f"N/({PREVIEW_RATE}*TB)")
    )
    preview = (
        _pictures(preview, video)
        .filter("scale", *sprites.preview_size(video.track.display_size), **_scaled_to(BT709))
        .filter("setparams", **_stated(BT709))
    )
    # yuvj420p: JPEG is full range. A source's clock may be below zero, where no frame is expected.
    jpeg = {"q:v": 4, "pix_fmt": "yuvj420p", "f": "image2", "bitexact": None, "fps_mode": "passthrough"}
    # Three seconds at this rate are less than 300 kB whatever they show.
    mp4 = {"c:v": "libx264", "preset": "veryfast", "threads": "1", "crf": 28, "maxrate": "600k", "bufsize": "600k",
           "pix_fmt": "yuv420p", "movflags": "+faststart", "map_metadata": "-1", "bitexact": None}  # fmt: skip
    return compiled(
        [
            counted,
            ffmpeg.output(tiles, str(folder / sprites.SPRITES), **jpeg),
            ffmpeg.output(candidates[0], str(folder / CANDIDATES), **jpeg),
            ffmpeg.output(measured, "-", f="null", fps_mode="passthrough"),
            ffmpeg.output(preview.filter("setsar", "1"), str(folder / PREVIEW), f="mp4", **mp4),
        ],
        *ONE_FILTER_THREAD,
    )


CANDIDATES = "candidate_%05d.jpg"
MEASURED = "candidates.txt"
PREVIEW = "preview.mp4"
PREVIEW_RATE = 10
"""Frames a second."""


def _presented(frames: Any, video: VideoPlan) -> Any:
    """Frames at the times of the presentation, which begins at zero."""
    return frames.filter("setpts", f"PTS-({rational(video.timing.origin_s)})/TB")


def decode_source(
    *, source: Path, track: int, stats: Path, small: Path, is_turned: bool = False
) -> list[str]:
    """Decode a track of pictures of a source, note every frame that it shows, and keep it small.

    Args:
        source: The file.
        track: Stream index in it.
        stats: Where the times of the frames are written.
        small: Where they are written as they are compared, as they lie in the source (see `resemblance`).
        is_turned: Whether they are shown turned by a quarter.
    """
    split = _pictures_of(source)[str(track)].filter_multi_output("split", 2)
    size = (HEIGHT, WIDTH) if is_turned else (WIDTH, HEIGHT)
    return compiled([noted(split[0], stats), _small(split[1], size, small)])


def decode(*, source: Path, stats: Path, small: Path) -> list[str]:
    """The same of a packaged track; an error in the bitstream ends it."""
    # Smoothing the blocks of frames that are made so small would cost a fifth of decoding them.
    track = ffmpeg.input(f"file:{source}", xerror=None, copyts=None, skip_loop_filter="all")
    split = track.video.filter_multi_output("split", 2)
    return compiled([noted(split[0], stats), _small(split[1], (WIDTH, HEIGHT), small)])


def _small(pictures: Any, size: tuple[int, int], path: Path) -> Any:
    grey = pictures.filter("scale", *size, flags="area").filter("format", "gray")
    return ffmpeg.output(grey, str(path), f="rawvideo", fps_mode="passthrough")


def noted(pictures: Any, stats: Path) -> Any:
    """An output that keeps nothing of these pictures but the time of every frame."""
    options = {"f": "null", "fps_mode": "passthrough", "enc_time_base": "demux"}
    options |= {"stats_enc_pre:v": str(stats), "stats_enc_pre_fmt:v": STATS_FORMAT}
    return ffmpeg.output(pictures, "-", **options)


_MUXERS = {"m4a": "ipod"}
"""ffmpeg's names of containers that it calls otherwise than their files."""


def copy(
    sources: Sequence[Path],
    output: Path,
    *,
    container: str,
    read_as: str | None = None,
    earlier_s: Fraction = Fraction(0),
) -> list[str]:
    """Put the tracks of these files into one file of another container, packet by packet.

    Args:
        sources: One or more files of a track each.
        output: The file that is written.
        container: `mp4`, `webm`, `ts` and so on.
        read_as: ffmpeg's name of the container that they are in; None: it finds out, for which some need more than
            a few frames.
        earlier_s: Taken off all times, in seconds.
    """
    moved = {"itsoffset": _decimal(-earlier_s)} if earlier_s else {}
    known = {"f": read_as} if read_as else {}
    tracks = [ffmpeg.input(f"file:{source}", copyts=None, **known, **moved) for source in sources]
    options: dict[str, Any] = {
        "c": "copy",
        "f": _MUXERS.get(container, container),
        "avoid_negative_ts": "disabled",
        "map_metadata": "-1",
        "bitexact": None,
    }
    if container in {"mp4", "m4a"}:
        # The index in front: a browser plays the file while it still loads.
        options |= {"movflags": "+faststart", "strict": "experimental"}
    return compiled([ffmpeg.output(*tracks, str(output), **options)])


def _decimal(value: Fraction) -> str:
    return f"{float(value):.6f}"


def compiled(outputs: Sequence[Any], *arguments: str) -> list[str]:
    """The arguments of one ffmpeg run that makes all these outputs, and further ones that hold for all of it."""
    merged = ffmpeg.merge_outputs(*outputs) if len(outputs) > 1 else outputs[0]
    merged = merged.global_args(
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "info",
        "-nostats",
        "-progress",
        "pipe:1",
        # Of a damaged source what can be decoded is taken, however little.
        "-max_error_rate",
        "1",
        *arguments,
    )
    command: list[str] = merged.compile(cmd=FFMPEG, overwrite_output=True)
    return command
