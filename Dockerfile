# syntax=docker/dockerfile:1
# Two images: `cutroom` (Airflow, the library, the media tools) and `localstack` (S3 and SQS for those who have none).
ARG PYTHON_IMAGE=python:3.12.14-slim-bookworm

# The folder is the same as on a machine without containers: an environment in .venv beside the code.
FROM ${PYTHON_IMAGE} AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    CUTROOM_HOME=/var/lib/cutroom \
    AIRFLOW_HOME=/var/lib/cutroom/airflow
WORKDIR /opt/cutroom
# A volume takes over the owner of the folder that it covers when it is new.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/cutroom --shell /usr/sbin/nologin cutroom \
    && install --directory --owner cutroom --group cutroom --mode 0750 \
        /var/lib/cutroom /var/lib/cutroom/airflow /var/lib/cutroom/scratch /var/lib/cutroom/objects

# What is locked changes seldom, the code often: so the lock is installed first.
FROM base AS library
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv .venv \
    && .venv/bin/python -m pip install --no-deps --requirement requirements.txt
COPY scripts/npm.py scripts/setup.sh scripts/
COPY plugins/media_catalog/package.json plugins/media_catalog/package-lock.json plugins/media_catalog/
RUN sh scripts/setup.sh player && rm -r plugins/media_catalog/node_modules
COPY . .
RUN .venv/bin/python -m pip install --no-deps --editable . \
    && .venv/bin/python -m compileall -q include plugins dags

FROM base AS localstack-library
COPY requirements-localstack.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv .venv-localstack \
    && .venv-localstack/bin/python -m pip install --no-deps --requirement requirements-localstack.txt

FROM base AS localstack
COPY --from=localstack-library /opt/cutroom/.venv-localstack .venv-localstack
COPY include include
ENV PYTHONPATH=/opt/cutroom/include
USER cutroom
EXPOSE 4566
CMD [".venv-localstack/bin/python", "-P", "-m", "cutroom.stack.localstack_server"]

# The last stage is what a plain `docker build .` makes. The code belongs to root: a task can't change it.
FROM base AS cutroom
COPY --from=library /opt/cutroom /opt/cutroom
ENV PATH=/opt/cutroom/.venv/bin:${PATH} \
    PYTHONPATH=/opt/cutroom/include:/opt/cutroom/plugins \
    AIRFLOW_CONFIG=/opt/cutroom/docker/airflow.cfg
USER cutroom
EXPOSE 8080
CMD ["airflow", "api-server"]
