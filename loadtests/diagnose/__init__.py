"""Why a run is as slow as it is: the rule of two and of ten, and what commonly lies behind it. Pure.

Within a factor of two of what is published of a model, a target is configured right; an order of magnitude off,
something is wrong. Each finding comes with numbers of the run, and with a cure.
"""
