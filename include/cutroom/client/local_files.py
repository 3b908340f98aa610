"""Which files of this machine an upload is of, and into which folder each goes."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cutroom.client.download import PARTIAL_SUFFIX
from cutroom.errors import RequestInvalid, UsageError
from cutroom.files.names import checked_name, name_key


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFile:
    """A file, and the path of its folder below the top of the File Service."""

    path: Path
    folder: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an upload is of. Nothing that was asked for is in none of the lists."""

    files: list[ChosenFile] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    """Files that can't be taken, and folders that can't be listed, with the reason."""
    left_out: list[Path] = field(default_factory=list)
    """Links, pipes, devices and unfinished downloads in a folder."""


def choose_files(paths: Iterable[Path], folder: tuple[str, ...]) -> Choice:
    """The files that are meant by files and folders; those of a folder keep their places below its name.

    Two files that would have one name in one folder are not two versions of it: the second is refused.

    Raises:
        UsageError: A path is neither a file nor a folder.
    """
    choice = Choice()
    taken: dict[tuple[str, ...], Path] = {}
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise UsageError(f"{path} is neither a file nor a folder.")
        for one in _below(path, folder, choice) if path.is_dir() else [ChosenFile(path=path, folder=folder)]:
            try:
                key = tuple(name_key(checked_name(part)) for part in (*one.folder, one.path.name))
            except RequestInvalid as error:
                choice.refused.append((one.path, str(error)))
                continue
            if key in taken:
                why = f"{one.path} would have the name of {taken[key]}: rename it, or name another --folder for it."
                choice.refused.append((one.path, why))
                continue
            taken[key] = one.path
            choice.files.append(one)
    return choice


def _below(path: Path, folder: tuple[str, ...], choice: Choice) -> Iterator[ChosenFile]:
    """The regular files in a folder and all folders below it, in the order of their paths."""
    root = path.resolve()

    def refuse(error: OSError) -> None:
        choice.refused.append((Path(error.filename), f"{error.filename} can't be listed: {error.strerror}."))

    found: list[Path] = []
    for at, folders, files in os.walk(root, onerror=refuse):
        choice.left_out.extend(one for name in folders if (one := Path(at, name)).is_symlink())
        for one in (Path(at, name) for name in files):
            regular = one.is_file() and not one.is_symlink() and not one.name.endswith(PARTIAL_SUFFIX)
            (found if regular else choice.left_out).append(one)
    for one in sorted(found):
        yield ChosenFile(path=one, folder=(*folder, root.name, *one.parent.relative_to(root).parts))
