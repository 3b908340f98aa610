"""### Processing a video upload.

**Trigger**: `watch_uploads`, or by hand with the configuration `{"key": "incoming/film.mp4"}`; optional are
`bucket` and `profile`.

**One run** makes one version of one asset: ingest (the source is stored in blocks, once), probe, plan, split into
encode chunks, encode video (a task for each chunk and codec, all rungs from one decode), sound (whole tracks) and
stills at the same time, assemble and package each rendition, compose the manifests, verify, publish, update the
documents.

**Idempotency key**: the run id, made of file version and profile digest. Every encode and rendition is stored under
a digest of its content and recipe, so what was made once is not made again, whatever is cleared or retried.

**Failures**: `ingest` or `probe` failed with `Source…`: the file was rejected, the asset's reason says why; upload
another. `verify` failed: the version is not as it should be, nothing was published; read the report and escalate.
Any other task: transient errors were retried three times; when the cause is gone, clear the failed task.
The asset's reason is also in `cutroom show`.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from block_dedup.operator import IngestOperator
from cutroom.steps import assembling, boundary, encoding, planning, publishing, sound, stills
from cutroom.steps.boundary import in_airflow


@dag(schedule=None, doc_md=__doc__, tags=["cutroom"], default_args={**boundary.RETRIES, "pool": "io"})
def process_video() -> None:
    """One upload becomes one published version."""
    name = "{{ task.op_kwargs['work']['name'] }}"
    cpu = {"pool": "encode", "queue": "encode", "execution_timeout": timedelta(hours=12)}

    ingest = IngestOperator(task_id="ingest")
    probe = task(**cpu)(in_airflow(planning.probe))
    plan = task()(in_airflow(planning.plan))
    tracks = task()(in_airflow(planning.tracks))
    renditions = task()(in_airflow(planning.renditions))
    split = task()(in_airflow(planning.split))
    encode_video = task(map_index_template=name, **cpu)(in_airflow(encoding.encode_video))
    encode_audio = task(map_index_template=name, **cpu)(in_airflow(sound.encode_audio))
    # Airflow orders tasks by how many lie behind them: one fewer than behind an encode, and stills would wait for the
    # encodes of all runs.
    thumbnails = task(**cpu, priority_weight=2)(in_airflow(stills.thumbnails))
    # A map over nothing is skipped: a file without sound, or all of whose chunks are encoded already.
    assemble = task(map_index_template=name, trigger_rule="none_failed")(in_airflow(assembling.assemble))
    manifest = task()(in_airflow(publishing.manifest))
    verify = task()(in_airflow(publishing.verify))
    publish = task()(boundary.publish)
    update_metadata = task()(boundary.update_metadata)
    conclude = task(trigger_rule="all_done")(boundary.conclude)

    job = plan(probe(ingest.output))
    encoded = encode_video.partial(job=job).expand(work=split(job))
    heard = encode_audio.partial(job=job).expand(work=tracks(job))
    pictured = thumbnails(job)
    assembled = assemble.partial(job=job).expand(work=renditions(job))
    composed = manifest(job)
    published = publish(job)
    updated = update_metadata()

    [encoded, heard] >> assembled
    [assembled, pictured] >> composed >> verify(job) >> published >> updated >> conclude().as_teardown()


process_video()
