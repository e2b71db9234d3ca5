"""`make chaos`: three gateways, one Redis and two simulated providers under load, while one after the other breaks.

    schedule  PURE  what breaks, when, and for how long
    doors     PURE  which gateway the next request goes to, as a load balancer would have it
    judge     PURE  from samples, the primary's log and the gateways' events to figures, and whether they are good
    report    PURE  the Markdown
    crowd     the clients: an open loop of streamed requests
    fleet     the processes: gateways, providers, Redis
    storm     one schedule on one fleet

Words: a *phase* is one thing that breaks, and the *rest* behind it, in which all should be as before; a *door* is a
gateway as its clients see it; *lost* is a request whose client got no first token.
"""
