"""Virtual time: the laboratory that judges policies."""
