"""Which files an upload is of."""

import os
from pathlib import Path

import pytest

from cutroom.client.local_files import choose_files
from cutroom.errors import UsageError


def test_a_folder_is_taken_with_the_places_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "Talks" / "2026").mkdir(parents=True)
    (tmp_path / "Talks" / "2026" / "b.mp4").touch()
    (tmp_path / "Talks" / "a.mp4").touch()
    choice = choose_files([tmp_path / "Talks"], ("Archive",))
    assert [(one.path.name, one.folder) for one in choice.files] == [
        ("b.mp4", ("Archive", "Talks", "2026")),
        ("a.mp4", ("Archive", "Talks")),
    ]
    assert (choice.refused, choice.left_out) == ([], [])


def test_what_is_no_file_of_its_own_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("film.mp4")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / ".film.mp4.cutroom-partial").touch()
    os.mkfifo(tmp_path / "pipe")
    choice = choose_files([tmp_path], ())
    assert [one.path.name for one in choice.files] == ["film.mp4"]
    assert {path.name for path in choice.left_out} == {
        "link.mp4",
        "loop",
        "pipe",
        ".film.mp4.cutroom-partial",
    }


@pytest.mark.parametrize("second", ["film.mp4", "FILM.mp4", "film.mp4 "])
def test_two_files_of_one_name_are_not_two_versions_of_it(tmp_path: Path, second: str) -> None:
    for folder, name in (("one", "film.mp4"), ("two", second)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch()
    choice = choose_files([tmp_path / "one" / "film.mp4", tmp_path / "two" / second], ())
    assert [one.path.parent.name for one in choice.files] == ["one"]
    [(path, reason)] = choice.refused
    assert path == tmp_path / "two" / second
    assert str(tmp_path / "one" / "film.mp4") in reason


def test_a_name_that_is_no_text_is_refused_and_no_other(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.mp4")).touch()
    (tmp_path / "good.mp4").touch()
    choice = choose_files([tmp_path], ())
    assert [one.path.name for one in choice.files] == ["good.mp4"]
    assert "U+DCFF" in choice.refused[0][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_can_not_be_listed_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0)
    [(path, reason)] = choose_files([tmp_path], ()).refused
    assert path == tmp_path / "secret"
    assert "Permission denied" in reason


def test_what_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nothing", tmp_path / "pipe"):
        with pytest.raises(UsageError, match="neither a file nor a folder"):
            choose_files([path], ())
