"""Cutroom: an upload in S3 becomes verified HLS and DASH."""

__version__ = "0.1.0"
