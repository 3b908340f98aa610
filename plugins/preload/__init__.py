"""Imports once, for all tasks of a machine."""
