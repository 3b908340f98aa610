from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from cutroom.media.upload import UploadedObject
from s3_uploads.runs import run_of


def test_what_an_uploader_wrote_is_never_run_as_a_template() -> None:
    upload = UploadedObject(
        bucket="uploads",
        key="incoming/{{ 7 * 7 }} {% raw %}.sql",
        version="v",
        versioned=True,
        size_bytes=1,
        uploaded_at="2026-01-01T00:00:00.000+00:00",
        title="{{ conf }}",
        tags=("{{ 1 / 0 }}",),
    ).to_json()
    arguments = run_of(upload)
    start_run = TriggerDagRunOperator(task_id="start_run", **arguments)
    start_run.render_template_fields({})
    assert start_run.conf == {"upload": upload, "profile": "web"}
    assert start_run.trigger_dag_id == "process_video"
    assert "{" not in str(start_run.trigger_run_id)
