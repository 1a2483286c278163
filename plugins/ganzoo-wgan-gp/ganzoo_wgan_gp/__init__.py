"""wgan-gp for ganzoo."""
