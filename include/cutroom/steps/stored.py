"""What is stored of a version: the digests that its report keeps, and whether the store still holds the same bytes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from posixpath import relpath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cutroom.errors import ObjectMissing
from cutroom.media import keys
from cutroom.steps.parts import parts
from cutroom.steps.workshop import sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.stores.objects import ObjectStore

REPORT = "report.json"

RENDITIONS = "renditions/"

IMAGES = "images.m3u8"
"""The playlist of stills, which names no rendition."""

MOST_TOLD = 8
"""Files that a check names; of more it says how many."""


def digests(store: "ObjectStore", folder: str, renditions: Sequence["RenditionFacts"]) -> dict[str, str]:
    """SHA-256 of every file of a version that no facts know: manifests, playlists, stills, and the facts themselves.

    Args:
        store: Where it is stored.
        folder: What the keys of the files beside the report start with.
        renditions: Its facts.

    Returns:
        Digest by name; those of renditions by their key, which starts with `RENDITIONS`.
    """
    beside = [info.key.removeprefix(folder) for info in store.list(folder)]
    names = [name for name in beside if "/" not in name and name != REPORT]
    for one in renditions:
        known = {keys.rendition(one.key, name) for name in _files_of(one)}
        listed = (info.key for info in store.list(keys.rendition(one.key, "")))
        names += [key for key in listed if key not in known]
    return {name: _sha256(store, _key_of(name, folder)) or "" for name in names}


def check(
    store: "ObjectStore", folder: str, report: Mapping[str, Any], renditions: Sequence["RenditionFacts"]
) -> list[dict[str, Any]]:
    """Two checks: the files that the report names, and the files that the facts of its renditions name.

    Args:
        store: Where it is stored.
        folder: What the keys of the files beside the report start with.
        report: The report.
        renditions: The facts that are there.
    """
    noted: Mapping[str, str] = report.get("files") or {}
    names = {one.key: one.name for one in renditions}
    changed = [
        f"{_told(name, names)} is {state}"
        for name, digest in noted.items()
        if (state := _state(store, _key_of(name, folder), digest))
    ]
    own = [
        f"{name} of {one.name}{_where(one, name)} is {state}"
        for one in renditions
        for name, digest in _files_of(one).items()
        if (state := _state(store, keys.rendition(one.key, name), digest))
    ]
    what = "every manifest, playlist and still is as it was verified"
    if noted:
        first = _check(what, changed)
    else:
        found = "not compared: the report is of an older release, which did not note them"
        first = {"name": what, "ok": True, "skipped": True, "found": found}
    return [first, _check("every segment and download is as it was verified", own)]


def read_again(
    store: "ObjectStore", folder: str, names: Iterable[str], renditions: Sequence["RenditionFacts"]
) -> list[dict[str, Any]]:
    """The checks of `verify` that need no more than what is stored: what is stated, against facts and bitstreams.

    Args:
        store: Where it is stored.
        folder: What the keys of the files beside the report start with.
        names: Files that the report knows; of these the manifests are read.
        renditions: The facts, all of which are there.
    """
    from cutroom.packaging import packager
    from cutroom.packaging.checks import headers, manifests, times
    from cutroom.packaging.codec_string import codec_string

    prefix = relpath(RENDITIONS, folder or ".") + "/"
    playlists = {
        key.removeprefix(RENDITIONS): store.get_bytes(key).decode()
        for key in names
        if key.endswith((f"/{packager.PLAYLIST}", f"/{packager.IFRAMES}"))
    }
    read = {one.key: _read(store, one) for one in renditions if one.kind in {"video", "audio"}}
    inits = {key: init for key, (init, _, _) in read.items() if init is not None}
    codecs = {key: codec_string(init) for key, init in inits.items()}
    checks = [
        manifests.codecs([replace(one, bitstream_codec=codecs.get(one.key)) for one in renditions]),
        headers.headers(renditions, inits),
        headers.indexes(renditions, {key: index for key, (_, index, _) in read.items() if index}),
        times.starts(renditions, {key: starts for key, (_, _, starts) in read.items() if starts is not None}),
        manifests.media(renditions, playlists),
    ]
    for name in names:
        if "/" in name or name == IMAGES or not name.endswith((".m3u8", ".mpd")):
            continue
        text = store.get_bytes(folder + name).decode()
        container = next((one.container for one in renditions if f"{prefix}{one.key}/" in text), None)
        shown = [
            one
            for one in renditions
            if one.container == container and one.kind != "download" and not one.is_empty
        ]
        read_back = manifests.hls if name.endswith(".m3u8") else manifests.dash
        checks.append(read_back(name, text, shown, prefix))
    return [asdict(one) for one in checks]


def _read(
    store: "ObjectStore", one: "RenditionFacts"
) -> tuple[bytes | None, bytes, list[Fraction | None] | None]:
    """Of pictures or sound the initialization segment where it is MP4, the index, and when each segment is shown from.

    These times are in seconds on the clock of the container; None: the segments are encrypted as a whole.
    """
    from cutroom.ffmpeg.segment_start import shown_from
    from cutroom.packaging.containers import CONTAINERS

    with parts(store, one) as stored:
        init, index = stored.read(one.init), stored.read(one.index)
        is_mp4 = one.init is not None and one.init.file.endswith(".mp4")
        starts = None
        if one.lock is None or one.lock.scheme != "aes-128":
            demuxer = CONTAINERS[one.container].demuxer
            starts = [shown_from(init, stored.read(segment), demuxer) for segment in one.segments]
        return init if is_mp4 else None, index, starts


def _check(name: str, wrong: Sequence[str]) -> dict[str, Any]:
    told = "; ".join(wrong[:MOST_TOLD]) + (
        f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
    )
    return {"name": name, "ok": not wrong, "found": told or "all are"}


def _files_of(one: "RenditionFacts") -> dict[str, str]:
    return {**one.files, **(one.trick_play.files if one.trick_play else {})}


def _key_of(name: str, folder: str) -> str:
    return name if name.startswith(RENDITIONS) else folder + name


def _state(store: "ObjectStore", key: str, digest: str) -> str | None:
    found = _sha256(store, key)
    return "missing" if found is None else "changed" if found != digest else None


def _sha256(store: "ObjectStore", key: str) -> str | None:
    """By way of the disk: a film in a single file does not fit into memory."""
    with TemporaryDirectory(prefix="cutroom-") as folder:
        path = Path(folder) / "object"
        try:
            store.get_file(key, path)
        except ObjectMissing:
            return None
        return sha256_of(path)


def _told(name: str, renditions: Mapping[str, str]) -> str:
    """A file in the words of the report: `media.m3u8 of h264-720p`."""
    if not name.startswith(RENDITIONS):
        return name
    key, _, file = name.removeprefix(RENDITIONS).partition("/")
    return f"{file} of {renditions.get(key, key)}"


def _where(one: "RenditionFacts", name: str) -> str:
    """When a segment is shown, where it is a file."""
    found: Iterator[Any] = (segment for segment in one.segments if segment.file == name)
    segment = next(found, None)
    if segment is None or one.index is not None:
        return ""
    start, end = segment.start_ticks, segment.start_ticks + segment.duration_ticks
    first, last = (float(Fraction(ticks, one.timescale)) for ticks in (start, end))
    return f" ({first:g} to {last:g} s)"
