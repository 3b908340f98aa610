"""Storing objects of S3 in blocks, each content once: an operator and its hook, which any DAG may use."""
