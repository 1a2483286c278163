"""lsgan for ganzoo."""
