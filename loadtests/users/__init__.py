"""Who asks, as Locust sees them.

    closed      users who ask again when they have their answer
    dispatcher  one per process, which asks whether answers come or not
    part        which part of an open loop this process sends
    session     what all users of a process share: connections, what is asked, where samples go, how late it is
    keeping     samples of one process, line by line
    rows        PURE  what the rows of Locust's statistics are called
    telling     what Locust is told, so that its own page shows first tokens, rates and gaps while they happen

Locust makes them, starts them and stops them between two requests.
"""
