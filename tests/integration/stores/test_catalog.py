import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from catalog_servers import SHA, SOURCE, UPLOAD, rendition, run_sql, start_of, version
from cutroom.errors import AccessRefused, AssetUnknown, Conflict, PermanentError, RunUnknown, StoreUnavailable
from cutroom.media.progress import PartProgress
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack


def started(catalog: Catalog, number: int = 1, **changes: object) -> str:
    """The run id of the nth upload's run, which is started."""
    arguments = start_of(number, **changes)
    catalog.start_run(**arguments)
    return str(arguments["run_id"])


def state(catalog: Catalog, run_id: str) -> tuple[str, str]:
    run = catalog.run(run_id)
    assert run is not None
    return run.status, run.reason


def outbox(address: str) -> int:
    return int(run_sql(address, "SELECT count(*) FROM outbox")[0][0])


class TestStart:
    def test_the_upload_becomes_an_asset(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        record = catalog.asset(UPLOAD.asset_id).to_json()
        assert record["title"] == "Über den Wolken"
        assert (record["owner"], record["tags"], record["status"]) == ("eva", ["sky", "flight"], "processing")
        assert record["uploaded_at"] == "2026-11-22T10:01:00.000Z"
        assert record["source"]["key"] == UPLOAD.key
        assert record["source"]["sha256"] is None
        assert record["source"]["container"] is None
        assert record["playback"] is None
        assert record["renditions"] == []
        assert [run["run_id"] for run in record["runs"]] == [run_id]

    def test_a_second_start_changes_nothing(self, catalog: Catalog, empty_database: str) -> None:
        started(catalog)
        before = catalog.asset(UPLOAD.asset_id).to_document()
        started(catalog)
        assert catalog.asset(UPLOAD.asset_id).to_document() == before
        assert outbox(empty_database) == 1

    def test_the_title_is_the_uploads_own_where_it_has_one(self, catalog: Catalog) -> None:
        started(catalog, 1)
        started(catalog, 2, title="A title")
        assert catalog.asset(UPLOAD.asset_id).title == "A title"

    def test_an_older_upload_that_starts_late_describes_nothing(self, catalog: Catalog) -> None:
        started(catalog, 2, title="New", tags=("new",))
        started(catalog, 1, title="Old", tags=("old",))
        record = catalog.asset(UPLOAD.asset_id)
        assert (record.title, record.tags) == ("New", ("new",))
        assert record.source.version == "v2"

    def test_a_file_stays_with_its_first_owner(self, catalog: Catalog) -> None:
        started(catalog, 1, owner="")
        started(catalog, 2, owner="eva")
        started(catalog, 3, owner="mallory")
        assert catalog.asset(UPLOAD.asset_id).owner == "eva"

    def test_eight_starts_at_once_make_one_asset(self, catalog: Catalog, empty_database: str) -> None:
        together([lambda: started(catalog)] * 8)
        assert len(catalog.asset(UPLOAD.asset_id).runs) == 1
        assert outbox(empty_database) == 1

    def test_a_run_id_belongs_to_one_upload(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        with pytest.raises(Conflict, match=run_id):
            catalog.start_run(**{**start_of(2), "run_id": run_id})

    def test_names_that_a_database_can_not_hold_are_told_apart(self, catalog: Catalog) -> None:
        started(catalog, title="a\x00b\ud800c")
        assert catalog.asset(UPLOAD.asset_id).title == "a\ufffdb\ufffdc"

    def test_odd_keys_are_kept_as_they_are(self, catalog: Catalog) -> None:
        keys = ["incoming/a b+c'd\"e%_\\.mp4", "incoming/" + "ü" * 507 + ".mp4", "incoming/folder/", ".mp4"]
        for number, key in enumerate(keys):
            arguments = start_of(1, key=key)
            catalog.start_run(**{**arguments, "run_id": f"run {number}"})
        assert {each.source.key for each in catalog.assets()} == set(keys)
        assert all(each.title for each in catalog.assets())


class TestRunAgain:
    def test_a_late_start_leaves_a_published_run_published(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.publish(run_id=run_id, version=version())
        started(catalog)
        assert state(catalog, run_id) == ("published", "")

    def test_a_repeated_start_of_the_same_attempt_leaves_a_failed_run_failed(self, catalog: Catalog) -> None:
        run_id = start_of(1)["run_id"]
        catalog.start_run(**start_of(1), attempt=1)
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.")
        catalog.start_run(**start_of(1), attempt=1)
        assert state(catalog, run_id) == ("failed", "The disk is full.")

    def test_a_cleared_run_is_a_further_attempt(self, catalog: Catalog) -> None:
        run_id = start_of(1)["run_id"]
        catalog.start_run(**start_of(1), attempt=1)
        catalog.record_progress(run_id=run_id, step="encode_video", part="1", done=6, total=6)
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.")
        catalog.start_run(**start_of(1), attempt=2)
        run = catalog.run(run_id)
        assert run is not None
        assert (run.status, run.reason, run.attempt, run.ended_at) == ("processing", "", 2, None)
        assert run.percent == 0
        assert catalog.asset(UPLOAD.asset_id).status == "processing"

    def test_without_a_number_a_failed_run_is_run_again(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.")
        started(catalog)
        run = catalog.run(run_id)
        assert run is not None
        assert (run.status, run.attempt) == ("processing", 2)

    def test_clearing_one_task_resumes_the_run_once(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.")
        resumed = [catalog.resume_run(run_id=run_id, attempt=2) for _ in range(3)]
        assert resumed == [True, False, False]
        assert state(catalog, run_id) == ("processing", "")

    def test_clearing_one_task_of_a_published_run_questions_nothing(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.publish(run_id=run_id, version=version())
        assert catalog.resume_run(run_id=run_id, attempt=2) is False
        assert state(catalog, run_id) == ("published", "")

    def test_a_published_asset_plays_on_while_its_run_is_run_again(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.publish(run_id=run_id, version=version())
        catalog.start_run(**start_of(1), attempt=2)
        record = catalog.asset(UPLOAD.asset_id).to_json()
        assert record["status"] == "processing"
        assert record["playback"] is not None
        assert catalog.publish(run_id=run_id, version=version()) is False
        assert catalog.asset(UPLOAD.asset_id).status == "published"


class TestSource:
    def test_the_probes_facts_are_shown_beside_the_uploads(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.record_source(run_id=run_id, sha256=SHA, source={**SOURCE, "key": "not the upload's"})
        source = catalog.asset(UPLOAD.asset_id).to_json()["source"]
        assert (source["sha256"], source["duration_s"], source["key"]) == (SHA, "60", UPLOAD.key)
        assert source["video"] == [{"width": 1280}]

    def test_the_same_facts_again_change_nothing(self, catalog: Catalog, empty_database: str) -> None:
        run_id = started(catalog)
        for _ in range(3):
            catalog.record_source(run_id=run_id, sha256=SHA, source=SOURCE)
        assert outbox(empty_database) == 2

    def test_one_version_of_an_object_has_one_content(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.record_source(run_id=run_id, sha256=SHA, source=SOURCE)
        with pytest.raises(Conflict, match="one content"):
            catalog.record_source(run_id=run_id, sha256="b" * 64, source=SOURCE)

    def test_facts_that_no_database_takes_do_not_stop_the_run(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        odd = {"tags": {"a\x00": "\ud800", "n": float("nan"), "i": 2**70}}
        catalog.record_source(run_id=run_id, sha256=SHA, source=odd)
        tags = catalog.asset(UPLOAD.asset_id).source.facts["tags"]
        assert tags == {"a\ufffd": "\ufffd", "n": None, "i": str(2**70)}

    def test_a_digest_has_to_be_one(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        with pytest.raises(Conflict):
            catalog.record_source(run_id=run_id, sha256="not a digest", source={})


class TestProgress:
    def test_progress_only_grows(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        shown = []
        for done, total in [(1, 6), (4, 6), (2, 6), (2, 12), (13, 12)]:
            catalog.record_progress(run_id=run_id, step="encode_video", part="1", done=done, total=total)
            run = catalog.run(run_id)
            assert run is not None
            shown.append(run.percent)
        assert shown == sorted(shown)
        assert [(each.done, each.total) for each in run.parts] == [(13, 12)]

    def test_a_part_that_joins_late_takes_nothing_back(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        shown = []
        for part in range(5):
            for done in (0, 3, 6):
                catalog.record_progress(
                    run_id=run_id, step="encode_video", part=str(part), done=done, total=6
                )
                run = catalog.run(run_id)
                assert run is not None
                shown.append(run.percent)
        assert shown == sorted(shown)

    def test_planned_parts_count_before_they_report(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        plan = [
            PartProgress(step="encode_video", part=str(each), done=0, total=6, unit="s") for each in range(4)
        ]
        catalog.record_plan(run_id=run_id, parts=plan)
        catalog.record_progress(run_id=run_id, step="encode_video", part="0", done=6, total=6)
        catalog.record_plan(run_id=run_id, parts=plan)
        run = catalog.run(run_id)
        assert run is not None
        assert 15 < run.percent < 25
        assert run.parts[0].done == 6

    def test_progress_writes_no_document(self, catalog: Catalog, empty_database: str) -> None:
        run_id = started(catalog)
        catalog.record_progress(run_id=run_id, step="encode_video", part="1", done=1, total=6)
        assert outbox(empty_database) == 1

    def test_many_parts_report_at_once(self, catalog: Catalog) -> None:
        run_id = started(catalog)

        def report(part: int) -> None:
            for done in range(1, 7):
                catalog.record_progress(
                    run_id=run_id, step="encode_video", part=str(part), done=done, total=6
                )

        together([lambda part=each: report(part) for each in range(8)])
        run = catalog.run(run_id)
        assert run is not None
        assert [each.done for each in run.parts] == [6] * 8

    def test_progress_does_not_wait_for_a_publish(self, catalog: Catalog) -> None:
        """A report once a second must not stand behind a transaction that holds the asset."""
        run_id = started(catalog)
        catalog.record_progress(run_id=run_id, step="encode_video", part="1", done=1, total=6)
        with catalog.database.transaction() as session:
            session.connection().exec_driver_sql("SELECT 1 FROM assets FOR NO KEY UPDATE")
            session.connection().exec_driver_sql("UPDATE runs SET reason = 'held'")
            with ThreadPoolExecutor(1) as pool:
                pool.submit(
                    catalog.record_progress, run_id=run_id, step="encode_video", part="1", done=2, total=6
                ).result()

    def test_commands_are_kept_per_attempt(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        tool = {"run_id": run_id, "step": "encode_video", "part": "1", "versions": {"ffmpeg": "9.0.2"}}
        catalog.record_tool(**tool, command="ffmpeg -i one", log_key="logs/1")
        catalog.record_tool(**tool, command="ffmpeg -i two", log_key="logs/2")
        catalog.resume_run(run_id=run_id, attempt=2)
        catalog.record_tool(**tool, command="ffmpeg -i three", log_key="logs/3")
        assert [(each.attempt, each.command, each.log_key) for each in catalog.tools(run_id)] == [
            (1, "ffmpeg -i two", "logs/2"),
            (2, "ffmpeg -i three", "logs/3"),
        ]


class TestPublish:
    def test_the_asset_plays_the_version(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.record_source(run_id=run_id, sha256=SHA, source=SOURCE)
        assert catalog.publish(run_id=run_id, version=version()) is True
        record = catalog.asset(UPLOAD.asset_id)
        assert record.version == version()
        shown = record.to_json(media_base_url="https://cdn.example/media/")
        prefix = f"https://cdn.example/media/assets/{UPLOAD.asset_id}/av_1/"
        assert shown["playback"] == {
            "hls": prefix + "master.m3u8",
            "dash": prefix + "manifest.mpd",
            "poster": prefix + "poster.jpg",
            "downloads": {},
            "thumbnails": {"vtt": prefix + "thumbnails.vtt"},
        }
        assert shown["runs"][0]["progress"]["percent"] == 100
        assert shown["status"] == "published"

    def test_publishing_twice_changes_nothing(self, catalog: Catalog, empty_database: str) -> None:
        run_id = started(catalog)
        assert catalog.publish(run_id=run_id, version=version()) is True
        before = catalog.asset(UPLOAD.asset_id).to_document()
        assert catalog.publish(run_id=run_id, version=version()) is False
        assert catalog.asset(UPLOAD.asset_id).to_document() == before
        assert outbox(empty_database) == 2

    def test_eight_publishes_at_once_switch_once(self, catalog: Catalog, empty_database: str) -> None:
        run_id = started(catalog)
        switched = together([lambda: catalog.publish(run_id=run_id, version=version())] * 8)
        assert sorted(switched) == [False] * 7 + [True]
        assert outbox(empty_database) == 2

    def test_eight_uploads_published_at_once_leave_the_newest_playing(self, catalog: Catalog) -> None:
        runs = {number: started(catalog, number) for number in range(1, 9)}
        together(
            [
                lambda number=number: catalog.publish(run_id=runs[number], version=version(number))
                for number in runs
            ]
        )
        record = catalog.asset(UPLOAD.asset_id)
        assert record.version is not None
        assert record.version.version_id == "av_8"
        assert record.status == "published"
        assert {run.status for run in record.runs} <= {"published", "superseded"}

    def test_assets_that_share_renditions_publish_at_once(self, catalog: Catalog) -> None:
        """Two transactions that insert the same renditions in opposite order would wait for each other."""
        shared = tuple(rendition(f"rn_{number}") for number in range(20))
        orders = [shared, shared[::-1]] * 4
        runs = []
        for number in range(8):
            arguments = {**start_of(1, key=f"incoming/{number}.mp4"), "run_id": f"run {number}"}
            catalog.start_run(**arguments)
            runs.append(arguments)
        together(
            [
                lambda number=number, run=run: catalog.publish(
                    run_id=run["run_id"],
                    version=version(number, of=run["upload"], renditions=orders[number]),
                )
                for number, run in enumerate(runs)
            ]
        )
        for number, run in enumerate(runs):
            record = catalog.asset(run["upload"].asset_id)
            assert record.version is not None
            assert record.version.renditions == orders[number]

    def test_an_older_upload_does_not_replace_a_newer(self, catalog: Catalog, empty_database: str) -> None:
        older, newer = started(catalog, 1), started(catalog, 2)
        assert catalog.publish(run_id=newer, version=version(2)) is True
        assert catalog.publish(run_id=older, version=version(1)) is False
        record = catalog.asset(UPLOAD.asset_id)
        assert record.version == version(2)
        assert (record.status, record.reason) == ("published", "")
        assert state(catalog, older)[0] == "superseded"
        assert "2026-11-22 10:02:00 UTC" in state(catalog, older)[1]
        assert run_sql(empty_database, "SELECT version_id FROM asset_versions") == [("av_2",)]

    def test_an_older_upload_plays_where_the_newer_was_rejected(self, catalog: Catalog) -> None:
        older, newer = started(catalog, 1), started(catalog, 2)
        catalog.end_run(run_id=newer, status="rejected", reason="The file is empty.")
        assert catalog.publish(run_id=older, version=version(1)) is True
        record = catalog.asset(UPLOAD.asset_id)
        assert record.version == version(1)
        assert (record.status, record.reason) == ("rejected", "The file is empty.")

    def test_the_same_content_uploaded_again_counts_as_the_newer_upload(self, catalog: Catalog) -> None:
        """A, B, A again: when B comes last, it must not replace the A that was uploaded after it."""
        first, second, third = (started(catalog, number) for number in (1, 2, 3))
        assert catalog.publish(run_id=first, version=version(1)) is True
        assert catalog.publish(run_id=third, version=version(1)) is False
        assert catalog.publish(run_id=second, version=version(2)) is False
        assert state(catalog, third) == ("published", "")
        assert state(catalog, second)[0] == "superseded"
        record = catalog.asset(UPLOAD.asset_id)
        assert record.version == version(1)

    def test_an_older_run_of_the_same_upload_does_not_replace_a_newer(self, catalog: Catalog) -> None:
        old_profile, new_profile = started(catalog, digest="web1"), started(catalog, digest="web2")
        assert catalog.publish(run_id=new_profile, version=version(2, digest="web2")) is True
        assert catalog.publish(run_id=old_profile, version=version(1, digest="web1")) is False
        assert catalog.asset(UPLOAD.asset_id).version == version(2, digest="web2")

    def test_a_run_that_published_before_a_newer_one_stays_published(self, catalog: Catalog) -> None:
        first, second = started(catalog, 1), started(catalog, 2)
        catalog.publish(run_id=first, version=version(1))
        catalog.publish(run_id=second, version=version(2))
        assert catalog.publish(run_id=first, version=version(1)) is False
        assert state(catalog, first) == ("published", "")
        assert catalog.asset(UPLOAD.asset_id).version == version(2)
        assert [each.version_id for each in catalog.asset(UPLOAD.asset_id).history] == ["av_2", "av_1"]

    def test_a_version_of_other_work_is_refused(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.record_source(run_id=run_id, sha256=SHA, source=SOURCE)
        wrong = (
            version(asset_id="as_other"),
            version(digest="other"),
            version(sha256="b" * 64),
        )
        for each in wrong:
            with pytest.raises(Conflict, match=run_id):
                catalog.publish(run_id=run_id, version=each)
        assert catalog.asset(UPLOAD.asset_id).version is None

    def test_a_rendition_is_immutable_and_a_refused_publish_leaves_nothing(
        self, catalog: Catalog, empty_database: str
    ) -> None:
        catalog.publish(run_id=started(catalog, 1), version=version(1))
        second = started(catalog, 2)
        changed = version(2, renditions=(rendition(width=1), rendition("rn_new")))
        with pytest.raises(Conflict, match="rn_720 is immutable: its width is 1280"):
            catalog.publish(run_id=second, version=changed)
        assert state(catalog, second)[0] == "processing"
        assert catalog.asset(UPLOAD.asset_id).version == version(1)
        assert run_sql(empty_database, "SELECT count(*) FROM renditions WHERE rendition_key = 'rn_new'") == [
            (0,)
        ]


class TestEnd:
    def test_the_reason_is_the_assets(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.end_run(run_id=run_id, status="rejected", reason="It is a text file.\x00")
        record = catalog.asset(UPLOAD.asset_id)
        assert (record.status, record.reason) == ("rejected", "It is a text file.\ufffd")
        assert record.runs[0].ended_at is not None

    def test_ending_twice_changes_nothing(self, catalog: Catalog, empty_database: str) -> None:
        run_id = started(catalog)
        for reason in ("First.", "Second."):
            catalog.end_run(run_id=run_id, status="failed", reason=reason)
        assert state(catalog, run_id) == ("failed", "First.")
        assert outbox(empty_database) == 2

    def test_a_failure_does_not_cover_a_rejection(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.end_run(run_id=run_id, status="failed", reason="A task failed.")
        catalog.end_run(run_id=run_id, status="rejected", reason="It is a text file.")
        catalog.end_run(run_id=run_id, status="failed", reason="A task failed.")
        assert state(catalog, run_id) == ("rejected", "It is a text file.")

    def test_a_late_word_of_a_cleared_attempt_says_nothing_of_the_next(
        self, catalog: Catalog, empty_database: str
    ) -> None:
        run_id = started(catalog)
        catalog.resume_run(run_id=run_id, attempt=2)
        changes = outbox(empty_database)
        for status in ("failed", "rejected"):
            catalog.end_run(run_id=run_id, status=status, reason="It was killed.", attempt=1)
        assert state(catalog, run_id) == ("processing", "")
        assert outbox(empty_database) == changes
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.", attempt=2)
        assert state(catalog, run_id) == ("failed", "The disk is full.")

    def test_a_published_run_stays_published(self, catalog: Catalog) -> None:
        run_id = started(catalog)
        catalog.publish(run_id=run_id, version=version())
        catalog.end_run(run_id=run_id, status="failed", reason="Too late.")
        assert state(catalog, run_id) == ("published", "")
        assert catalog.asset(UPLOAD.asset_id).status == "published"

    def test_a_failed_upload_leaves_the_older_version_playing(self, catalog: Catalog) -> None:
        catalog.publish(run_id=started(catalog, 1), version=version(1))
        catalog.end_run(run_id=started(catalog, 2), status="failed", reason="The disk is full.")
        record = catalog.asset(UPLOAD.asset_id)
        assert (record.status, record.reason) == ("failed", "The disk is full.")
        assert record.version == version(1)

    def test_a_failure_of_an_older_upload_is_not_the_assets(self, catalog: Catalog) -> None:
        newer = started(catalog, 2)
        catalog.publish(run_id=newer, version=version(2))
        older = started(catalog, 1)
        catalog.end_run(run_id=older, status="failed", reason="The disk is full.")
        record = catalog.asset(UPLOAD.asset_id)
        assert (record.status, record.reason) == ("published", "")
        assert [run.run_id for run in record.runs] == [newer, older]

    def test_a_failed_run_may_still_publish(self, catalog: Catalog) -> None:
        """One failed task was cleared, and the run's first task did not run again."""
        run_id = started(catalog)
        catalog.end_run(run_id=run_id, status="failed", reason="The disk is full.")
        assert catalog.publish(run_id=run_id, version=version()) is True
        assert state(catalog, run_id) == ("published", "")


class TestLookUp:
    def test_a_beginning_is_enough_where_only_one_asset_has_it(self, catalog: Catalog) -> None:
        started(catalog)
        asset_id = str(UPLOAD.asset_id)
        for beginning in (asset_id, asset_id[:6], asset_id[3:8]):
            assert catalog.asset(beginning).asset_id == asset_id

    def test_what_several_assets_begin_with_names_them(self, catalog: Catalog) -> None:
        for number in range(7):
            catalog.start_run(**{**start_of(1, key=f"{number}.mp4"), "run_id": f"run {number}"})
        with pytest.raises(AssetUnknown, match=r"several assets: (as_\w+, ){5}…\. Give more"):
            catalog.asset("as_")

    @pytest.mark.parametrize("unknown", ["as_none", "", "%", "as%", "a\\", "_", "x" * 5000])
    def test_an_unknown_asset_is_named(self, catalog: Catalog, unknown: str) -> None:
        started(catalog)
        with pytest.raises(AssetUnknown):
            catalog.asset(unknown)

    def test_an_unknown_run_is_none_to_read_and_an_error_to_change(self, catalog: Catalog) -> None:
        assert catalog.run("none") is None
        progress = {"step": "encode_video", "part": "1"}
        changes: list[Callable[[], object]] = [
            lambda: catalog.publish(run_id="none", version=version()),
            lambda: catalog.end_run(run_id="none", status="failed", reason="x"),
            lambda: catalog.record_source(run_id="none", sha256=SHA, source={}),
            lambda: catalog.record_progress(run_id="none", **progress, done=1, total=2),
            lambda: catalog.record_tool(run_id="none", **progress, command="x", versions={}, log_key="x"),
            lambda: catalog.resume_run(run_id="none", attempt=2),
        ]
        for change in changes:
            with pytest.raises(RunUnknown, match="none"):
                change()

    def test_assets_are_listed_by_status_with_the_latest_change_first(self, catalog: Catalog) -> None:
        for number in range(5):
            catalog.start_run(**{**start_of(1, key=f"{number}.mp4"), "run_id": f"run {number}"})
        catalog.end_run(run_id="run 1", status="failed", reason="x")
        catalog.end_run(run_id="run 3", status="failed", reason="x")
        keys = [each.source.key for each in catalog.assets()]
        assert keys == ["3.mp4", "1.mp4", "4.mp4", "2.mp4", "0.mp4"]
        assert [each.source.key for each in catalog.assets(limit=2, offset=1)] == keys[1:3]
        assert [each.source.key for each in catalog.assets(status="failed")] == ["3.mp4", "1.mp4"]


class TestAvailability:
    def test_a_database_that_is_away_is_named_without_the_password(self) -> None:
        catalog = Catalog("postgresql://me:secret@127.0.0.1:1/films")
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/films.*cutroom up") as caught:
            catalog.assets()
        assert "secret" not in str(caught.value)

    def test_no_address_asks_for_the_stack(self) -> None:
        with pytest.raises(StoreUnavailable, match="cutroom up"):
            Catalog("").assets()

    @pytest.mark.parametrize("address", ["nonsense", "mysql://host/name"])
    def test_another_kind_of_address_is_refused(self, address: str) -> None:
        with pytest.raises(PermanentError, match="CUTROOM_DATABASE_URL"):
            Catalog(address).assets()

    def test_a_database_without_tables_asks_for_the_stack(self, empty_database: str) -> None:
        with pytest.raises(StoreUnavailable, match="no catalog tables yet; run `cutroom up`"):
            Catalog(empty_database).assets()

    def test_a_database_that_does_not_exist_is_named(self, postgres_address: str) -> None:
        with pytest.raises(PermanentError, match="no such database"):
            Catalog(postgres_address.replace("/postgres?", "/missing?")).assets()

    def test_a_right_that_is_missing_is_told_apart(self, catalog: Catalog, empty_database: str) -> None:
        role = empty_database.rpartition("/test_")[2].partition("?")[0]
        run_sql(empty_database, f"CREATE ROLE r_{role} LOGIN")
        limited = Catalog(empty_database.replace("postgres:@", f"r_{role}@"))
        with pytest.raises(AccessRefused, match="no right"):
            limited.assets()
        limited.close()
        run_sql(empty_database, f"DROP ROLE r_{role}")

    def test_connections_that_the_server_ended_are_replaced(
        self, catalog: Catalog, empty_database: str
    ) -> None:
        started(catalog)
        run_sql(
            empty_database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'cutroom' AND datname = current_database()",
        )
        assert catalog.asset(UPLOAD.asset_id).status == "processing"

    def test_a_transaction_that_the_server_ended_may_be_begun_again(self, catalog: Catalog) -> None:
        with pytest.raises(StoreUnavailable), catalog.database.transaction() as session:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with (
            pytest.raises(StoreUnavailable, match="ended the statement"),
            catalog.database.transaction(statement_timeout="1ms") as session,
        ):
            session.execute(text("SELECT pg_sleep(60)"))


def together(calls: list[Callable[[], object]]) -> list[object]:
    """The results of calls that all begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def call(function: Callable[[], object]) -> object:
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))
