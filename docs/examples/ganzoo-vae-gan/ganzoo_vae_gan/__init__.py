"""The VAE-GAN (Larsen et al. 2016) for ganzoo: a game of three players."""
