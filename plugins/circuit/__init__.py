"""PURE. How each target stands: whether it is worth calling, by what became of the calls before and what is left."""
