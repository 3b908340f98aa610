"""ffmpeg's arguments, built by ffmpeg-python from the plan: values in, a list of strings out.

Output times are absolute on the presentation's timeline everywhere, so joining is only putting one after the other.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg import alpha, encoders, pictures
from cutroom.media.colour import BT709, colour_of, decodes_to_alpha
from cutroom.media.joins import FRAMES_AT_JOIN, Sampling
from cutroom.media.resemblance import HEIGHT, WIDTH
from cutroom.media.source import VideoTrack
from cutroom.media.timeline import EncodeChunk
from cutroom.media.timing import Timing
from cutroom.media.video_plan import VideoPlan, VideoRung

FFMPEG = "ffmpeg"
"""The runner knows where it is."""

STATS_FORMAT = "{n} {pts} {tb}"
"""What `-stats_enc_pre` writes of every frame that reaches an encoder: its number, and its time in a time base."""

ONE_THREAD = {"threads": "1"}
"""For a decoder of pictures beside encoders, which are what it would wait for (see `media.threads`), and of sound."""

ONE_FILTER_THREAD = ("-filter_complex_threads", "1")


SCALING = "lanczos+accurate_rnd+full_chroma_int"


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
        pictures.frames_of(source, **decoding(video, 0), **_midway(video, chunk))
        .video.filter("settb", rational(timing.time_base))
        .filter("trim", start_pts=chunk.start_pts + shift, end_pts=chunk.end_pts + shift)
    )
    if chunk.hidden:
        hidden = [f"between(pts,{first + shift},{last + shift})" for first, last in chunk.hidden]
        frames = frames.filter("select", f"not({_summed(hidden)})")
    keeps_hdr = rungs[0].video_range != "SDR"
    frames = pictures.as_shown(frames, video, keeps_hdr=keeps_hdr)
    colour = replace(video.picture.colour, matrix="bt2020nc", is_full_range=False) if keeps_hdr else BT709
    frames = frames.filter("settb", f"1/{timing.timescale}").filter(
        "setpts", _output_time(timing, video.shift_s)
    )
    split = frames.filter_multi_output("split", len(rungs))
    as_they_come = {"fps_mode": "passthrough", "enc_time_base": f"1/{timing.timescale}"}
    made = []
    for place, (rung, path, times) in enumerate(zip(rungs, outputs, stats, strict=True)):
        given = (
            _thinned(split[place], timing, rung.frame_step)
            .filter("scale", rung.width, rung.height, flags=SCALING, **pictures.scaled_to(colour))
            .filter("setparams", **pictures.stated(colour))
            .filter("setsar", "1")
            .filter("format", encoders.PIXEL_FORMATS[rung.bit_depth])
            .filter_multi_output("split", 2 if timing.longest_ticks is None else 3)
        )
        chosen = sampling[place]
        between = f"lt(mod(n,{chosen.every}),{FRAMES_AT_JOIN})"
        sampled = given[1].filter("select", f"lt(pts,{chosen.head})+gte(pts,{chosen.tail})+{between}")
        raw = {"c:v": "rawvideo", "f": "nut", **as_they_come}
        rate = video.encoder_rate / rung.frame_step
        options = _video_options(rung, chunk.keyframes_asked, timing.timescale, rate)
        if timing.longest_ticks is None:
            made.append(ffmpeg.output(given[0], str(path), **options, **_noting(times)))
        else:
            shorter = f"if(eq(N,0),PTS,PREV_OUTPTS+min(PTS-PREV_INPTS,{timing.longest_ticks}))"
            made.append(ffmpeg.output(given[0].filter("setpts", shorter), str(path), **options))
            made.append(noted(given[2], times, as_they_come["enc_time_base"]))
        made.append(ffmpeg.output(sampled, str(samples[place]), **raw))
    return compiled(made, *ONE_FILTER_THREAD)


def _midway(video: VideoPlan, chunk: EncodeChunk) -> dict[str, str]:
    """Let a decoder that begins in the middle show all that it decodes: what is not whole there lies before the chunk.

    That of H.264 else holds back what it does not know to be whole, as behind a keyframe without a word on that.
    """
    return {"flags": "+output_corrupt"} if video.track.codec == "h264" and chunk.index else {}


def decoding(video: VideoPlan, index: int) -> dict[str, str]:
    """How the pictures are decoded, which are track `index` of the file at hand."""
    # What the container crops is cropped behind the decoder, as chunks can't say it.
    as_coded = {"apply_cropping": "codec"} if video.track.cropped else {}
    return alpha.decoder(video.track, index) | ONE_THREAD | as_coded


def _summed(terms: Sequence[str]) -> str:
    """The sum of these expressions, in halves of halves: a plain one is as deep as long, and ffmpeg takes up to 100."""
    if len(terms) <= 2:
        return "+".join(terms)
    middle = len(terms) // 2
    return f"({_summed(terms[:middle])})+({_summed(terms[middle:])})"


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


def decode_source(
    *, source: Path, track: VideoTrack, stats: Path, small: Path, in_sdr: Path | None = None
) -> list[str]:
    """Decode a track of pictures of a source, note every frame that it shows, and keep it small.

    Args:
        source: The file.
        track: Which of its tracks.
        stats: Where the times of the frames are written.
        small: Where what is shown of them is written as it is compared, not turned yet (see `resemblance`).
        in_sdr: The same, mapped from HDR; None: it is not.
    """
    colour, turned = colour_of(track), track.rotation in {90, 270}
    paths = [small] if in_sdr is None else [small, in_sdr]
    # With threads for frames a decoder shows what it else knows to be broken, behind the first keyframe of an open GOP.
    split = pictures.frames_of(source, **ONE_THREAD)[str(track.index)].filter_multi_output(
        "split", 1 + len(paths)
    )
    outputs = [noted(split[0], stats)]
    for number, path in enumerate(paths, 1):
        # Where a stream changes its size midway, the picture keeps the size that it begins with.
        shown = pictures.coloured(split[number], colour).filter("scale", track.width, track.height)
        shown = pictures.on_black(shown) if decodes_to_alpha(track) else shown
        # Mapped once they are small, which takes next to nothing.
        shown = _reduced(pictures.cropped(shown, track), (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))
        if path == in_sdr or not track.is_hdr:
            shown = pictures.in_bt709(shown, colour, is_hdr=track.is_hdr)
        outputs.append(_small(shown, path))
    return compiled(outputs)


def decode(*, source: Path, stats: Path, small: Path) -> list[str]:
    """The same of a packaged track; an error in the bitstream ends it.

    With every filter of its decoder: without them frames drift away from what is shown, by up to 10 of 255 at 160×90.
    """
    track = ffmpeg.input(f"file:{source}", xerror=None, copyts=None)
    split = track.video.filter_multi_output("split", 2)
    return compiled([noted(split[0], stats), _small(_reduced(split[1]), small)])


def _reduced(pictures: Any, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Any:
    return pictures.filter("scale", *size, flags="area")


def _small(reduced: Any, path: Path) -> Any:
    colours = reduced.filter("format", "rgb24")
    return ffmpeg.output(colours, str(path), f="rawvideo", fps_mode="passthrough")


def noted(pictures: Any, stats: Path, time_base: str = "demux") -> Any:
    """An output that keeps nothing of these pictures but the time of every frame."""
    options = {"f": "null", "fps_mode": "passthrough", "enc_time_base": time_base}
    return ffmpeg.output(pictures, "-", **options, **_noting(stats))


def _noting(stats: Path) -> dict[str, str]:
    return {"stats_enc_pre:v": str(stats), "stats_enc_pre_fmt:v": STATS_FORMAT}


_MUXERS = {"m4a": "ipod"}
"""ffmpeg's names of containers that it calls otherwise than their files."""


def copy(
    sources: Sequence[Path],
    output: Path,
    *,
    container: str,
    read_as: str | None = None,
    earlier_s: Sequence[Fraction] = (),
    metadata: Path | None = None,
    cover: Path | None = None,
) -> list[str]:
    """Put the tracks of these files into one file of another container, packet by packet.

    Args:
        sources: One or more files of a track each.
        output: The file that is written.
        container: `mp4`, `webm`, `ts` and so on.
        read_as: ffmpeg's name of the container that they are in; None: it finds out, for which some need more than
            a few frames.
        earlier_s: Taken off the times of each, in seconds; empty: all keep theirs.
        metadata: Tags and chapters (see `metadata.ffmetadata`); None: there are none.
        cover: A JPEG that goes with it; None: there is none.
    """
    known = {"f": read_as} if read_as else {}
    moved = [{"itsoffset": decimal(-by_s)} if by_s else {} for by_s in earlier_s] or [{}] * len(sources)
    tracks = [
        ffmpeg.input(f"file:{source}", copyts=None, **known, **by)
        for source, by in zip(sources, moved, strict=True)
    ]
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
    if cover is not None:
        tracks.append(ffmpeg.input(f"file:{cover}", f="jpeg_pipe"))
        # Each file has one track, so tracks are numbered as the files.
        options |= {f"disposition:{len(tracks) - 1}": "attached_pic"}
        options |= {f"metadata:s:{len(tracks) - 1}": "comment=Cover (front)"}
    if metadata is not None:
        options |= {"map_metadata": len(tracks), "map_chapters": len(tracks), "map_metadata:s": "-1"}
    command = compiled([ffmpeg.output(*tracks, str(output), **options)])
    if metadata is not None:
        # No track of it is taken, so ffmpeg-python would leave it out.
        behind = max(place for place, word in enumerate(command) if word == "-i") + 2
        command[behind:behind] = ["-f", "ffmetadata", "-i", f"file:{metadata}"]
    return command


def decimal(value: Fraction) -> str:
    """Seconds as ffmpeg's options take them, to a microsecond."""
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
