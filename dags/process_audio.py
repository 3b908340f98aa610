"""### Processing an audio upload.

The way of `process_video` without the parts for pictures.

**Trigger**: `watch_uploads`, or by hand with the configuration `{"key": "incoming/talk.mp3"}`; optional are
`bucket` and `profile`.

**One run** makes one version of one asset: ingest (the source is stored in blocks, once), probe, plan, encode each
track whole, waveform and cover at the same time, assemble and package each rendition, compose the manifests, verify,
publish, update the documents.

**Idempotency key**: the run id, made of file version and profile digest; encodes and renditions by content.

**Failures**: as for `process_video`.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from block_dedup.operator import IngestOperator
from cutroom.steps import assembling, boundary, planning, publishing, sound, stills
from cutroom.steps.boundary import in_airflow


@dag(schedule=None, doc_md=__doc__, tags=["cutroom"], default_args={**boundary.RETRIES, "pool": "io"})
def process_audio() -> None:
    """One upload becomes one published version."""
    name = "{{ task.op_kwargs['work']['name'] }}"
    cpu = {"pool": "encode", "queue": "encode", "execution_timeout": timedelta(hours=12)}

    ingest = IngestOperator(task_id="ingest")
    probe = task(**cpu)(in_airflow(planning.probe))
    plan = task()(in_airflow(planning.plan))
    tracks = task()(in_airflow(planning.tracks))
    renditions = task()(in_airflow(planning.renditions))
    encode_audio = task(map_index_template=name, **cpu)(in_airflow(sound.encode_audio))
    # Airflow orders tasks by how many lie behind them: one fewer than behind an encode, and stills would wait for the
    # encodes of all runs.
    thumbnails = task(**cpu, priority_weight=2)(in_airflow(stills.thumbnails))
    assemble = task(map_index_template=name)(in_airflow(assembling.assemble))
    manifest = task()(in_airflow(publishing.manifest))
    verify = task()(in_airflow(publishing.verify))
    publish = task()(boundary.publish)
    update_metadata = task()(boundary.update_metadata)
    conclude = task(trigger_rule="all_done")(boundary.conclude)

    job = plan(probe(ingest.output))
    heard = encode_audio.partial(job=job).expand(work=tracks(job))
    pictured = thumbnails(job)
    assembled = assemble.partial(job=job).expand(work=renditions(job))
    composed = manifest(job)
    published = publish(job)
    updated = update_metadata()

    heard >> assembled
    [assembled, pictured] >> composed >> verify(job) >> published >> updated >> conclude().as_teardown()


process_audio()
