"""Waiting for uploads to S3: a sensor and its trigger, which any DAG may use."""
