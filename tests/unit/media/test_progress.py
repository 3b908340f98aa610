from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.progress import (
    STEP_WEIGHTS,
    PartProgress,
    eta_s,
    percent_of,
    rounded_down,
    shown_percent,
)

amounts = st.floats(min_value=0, max_value=1e6, allow_nan=False)
steps = st.sampled_from([*STEP_WEIGHTS["process_video"], "a step that is new"])
parts_of_a_run = st.dictionaries(
    st.tuples(steps, st.integers(0, 3)), st.tuples(amounts, amounts), max_size=12
)


def parts(values: dict[tuple[str, int], tuple[float, float]]) -> list[PartProgress]:
    return [
        PartProgress(step=step, part=str(part), done=done, total=total, unit="s")
        for (step, part), (done, total) in values.items()
    ]


def part(step: str, done: float, total: float = 10, name: str = "1") -> PartProgress:
    return PartProgress(step=step, part=name, done=done, total=total, unit="s")


@given(parts_of_a_run, st.data())
def test_more_done_never_shows_less(
    values: dict[tuple[str, int], tuple[float, float]], data: st.DataObject
) -> None:
    before = percent_of(parts(values), dag_id="process_video")
    further = {key: (done + data.draw(amounts), total) for key, (done, total) in values.items()}
    assert percent_of(parts(further), dag_id="process_video") >= before - 1e-9
    assert 0 <= before <= 100 + 1e-9


def test_encoding_weighs_the_most() -> None:
    assert percent_of([part("encode_video", 10)], dag_id="process_video") >= 70
    assert percent_of([part("encode_audio", 10)], dag_id="process_audio") >= 70


def test_parts_count_by_their_length() -> None:
    long_and_short = [part("encode_video", 90, 90, "1"), part("encode_video", 0, 10, "2")]
    only_long = percent_of([part("encode_video", 9)], dag_id="process_video")
    assert percent_of(long_and_short, dag_id="process_video") == only_long


def test_a_later_step_ends_those_before_it_but_not_its_companions() -> None:
    assert percent_of([part("assemble", 1)], dag_id="process_video") > 85
    thumbnails_first = percent_of([part("thumbnails", 10)], dag_id="process_video")
    assert thumbnails_first < 10


def test_only_a_published_run_shows_100() -> None:
    everything = [part(step, 10) for step in STEP_WEIGHTS["process_video"]]
    for status in ("processing", "failed", "rejected", "superseded"):
        assert shown_percent(everything, dag_id="process_video", status=status) == 99.0
    assert shown_percent([], dag_id="process_video", status="published") == 100.0


def test_what_was_shown_is_the_least_that_is_shown() -> None:
    assert shown_percent([], dag_id="process_video", status="processing", floor=41.26) == 41.2


def test_percentages_are_rounded_down() -> None:
    assert rounded_down(99.99) == 99.9
    assert rounded_down(29.3) == 29.3


def test_the_time_left_follows_from_the_time_taken() -> None:
    assert eta_s(percent=25, elapsed_s=30, status="processing") == 90
    assert eta_s(percent=1, elapsed_s=30, status="processing") is None
    assert eta_s(percent=50, elapsed_s=30, status="failed") is None


def test_a_part_without_total_is_done_when_it_says_so() -> None:
    assert part("probe", 0, 0).fraction == 0
    assert part("probe", 1, 0).fraction == 1
    assert part("probe", 20, 10).fraction == 1
