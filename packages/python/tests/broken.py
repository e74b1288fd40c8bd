"""Served by nobody: it cannot be imported."""

raise RuntimeError("MY_SETTING is not set")
