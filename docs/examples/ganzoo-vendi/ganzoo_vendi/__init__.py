"""The Vendi score for ganzoo: how many different samples there are, in effect."""
