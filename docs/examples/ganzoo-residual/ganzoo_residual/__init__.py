"""Small residual networks for ganzoo."""
