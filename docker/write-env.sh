#!/bin/sh
# Writes .env beside docker-compose.yaml: where the stores are, and passwords that no other deployment has.
# An existing .env is kept; delete it only together with the volumes, whose databases know its passwords.
set -eu
umask 077
target=${1:-$(dirname "$0")/../.env}

if [ -e "$target" ]; then
    echo "$target is there already and stays as it is." >&2
    exit 1
fi

hex() { head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
base64_key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

postgres=$(hex 16)
mongodb=$(hex 16)
redis=$(hex 16)
cores=$(getconf _NPROCESSORS_ONLN)

cat >"$target.new" <<EOF
# Settings of docker-compose.yaml. It holds passwords: keep it to yourself.
# Any CUTROOM_… or AIRFLOW__SECTION__KEY variable that docker-compose.yaml does not set may be added.

# --- which stores run here: take out those that you have elsewhere, and change their addresses below -------------
COMPOSE_PROFILES=postgres,mongodb,localstack

CUTROOM_DATABASE_URL=postgresql+psycopg2://cutroom:$postgres@postgres:5432/cutroom
AIRFLOW_DATABASE_URL=postgresql+psycopg2://cutroom:$postgres@postgres:5432/airflow
CUTROOM_DOCUMENTS_URL=mongodb://cutroom:$mongodb@mongodb:27017/cutroom

# For AWS: CUTROOM_S3=aws, your own credentials and region, and without AWS_ENDPOINT_URL, CUTROOM_MEDIA_URL and
# AIRFLOW_CONN_AWS_DEFAULT. LocalStack takes any credentials, but keeps an account for each.
CUTROOM_S3=external
AWS_ENDPOINT_URL=http://localstack:4566
AWS_ACCESS_KEY_ID=test
AWS_SECRET_ACCESS_KEY=test
AWS_DEFAULT_REGION=us-east-1
AIRFLOW_CONN_AWS_DEFAULT='{"conn_type": "aws", "login": "test", "password": "test", "extra": {"endpoint_url": "http://localstack:4566", "config_kwargs": {"s3": {"addressing_style": "path"}}, "region_name": "us-east-1"}}'
# Where players find the media bucket.
CUTROOM_MEDIA_URL=http://127.0.0.1:4566/cutroom-media

# --- a Block Service for all, instead of one in each process ---------------------------------------------------------
# To use it, add block-service to COMPOSE_PROFILES above, and take the # off these two. `init` makes the certificate.
#CUTROOM_BLOCK_SERVICE_URL=https://block-service:50061
#CUTROOM_BLOCK_SERVICE_AUTHORITY=/var/lib/cutroom/tls/block-service.pem

# --- where this machine listens, on 127.0.0.1 only ------------------------------------------------------------------
CUTROOM_AIRFLOW_PORT=8080
CUTROOM_AIRFLOW_URL=http://127.0.0.1:8080
CUTROOM_LOCALSTACK_PORT=4566

# --- how much at a time ---------------------------------------------------------------------------------------------
# Encode tasks on one worker: about one for each core of its machine.
ENCODE_CONCURRENCY=$cores
# Encode tasks altogether: the number of encode workers times ENCODE_CONCURRENCY.
CUTROOM_ENCODE_SLOTS=$cores
# Memory that one encode worker may take.
ENCODE_MEMORY=8g

# --- passwords and keys -----------------------------------------------------------------------------------------------
# The login of Airflow and of the catalog's page: admin and this.
AIRFLOW_ADMIN_PASSWORD=$(hex 12)
AIRFLOW_FERNET_KEY=$(base64_key)
AIRFLOW_SECRET_KEY=$(hex 32)
AIRFLOW_JWT_SECRET=$(hex 32)
CUTROOM_BLOCK_SERVICE_TOKEN=$(hex 32)
POSTGRES_PASSWORD=$postgres
MONGODB_ROOT_PASSWORD=$(hex 16)
MONGODB_PASSWORD=$mongodb
REDIS_PASSWORD=$redis
BROKER_URL=redis://:$redis@redis:6379/0
EOF
mv "$target.new" "$target"
echo "Wrote $target. Start with: docker compose up --detach --wait"
