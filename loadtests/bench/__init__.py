"""`make bench`: every way to a provider side by side, in one run, with one client and one simulated provider.

    matrix     PURE  which cells there are, and in which order
    answer     PURE  what one answer's bytes and their times say: first token, rate, gaps, whole or broken
    stats      PURE  medians and percentiles, over streams, rounds and cells
    musts      PURE  what was promised, and by how much it was kept or missed
    report     PURE  the Markdown
    plot       PURE  the SVG
    client     the load, in a process of its own: raw protocols that note a time and some bytes, nothing more
    load       that process from outside
    paths      how each way to the provider is started: one worker each
    processes  processes that are started, waited for and ended by id
    usage      what a process tree has used: CPU to the nanosecond, memory at its peak
    cell       one measurement
    soak       is memory flat?
    machine    where all of this ran

Words: a *path* is a way from client to provider; a *setting* is streams x tokens x pace x segment; a *cell* is one path
at one setting in one round.
"""
