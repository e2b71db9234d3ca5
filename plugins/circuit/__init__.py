"""PURE. One circuit per target: whether it is worth calling, by what became of the calls before."""
