"""From bytes to samples.

    reader      PURE  an answer's bytes and when they came -> what was heard
    incoming    PURE  HTTP while it comes -> the head, and the body to the reader
    numbers     PURE  a simulated answer counts its own words: is any missing, twice or out of order?
    outcome     PURE  what was heard, and how the exchange ended -> whole, broken, truncated, ...
    sampling    PURE  all of that as one Sample
    reply       PURE  what came of a request, before anybody judges it
    request     PURE  an address and a body as they go over the wire
    connection  one HTTP/1.1 connection under gevent, which asks and hears
    tls         TLS apart from its socket
    pump        empties the sockets of all running streams together
    lag         how late this process itself is

A greenlet that is woken for every segment costs 25 to 45 us each time, more than all the counting. So a stream is read
when it is readable only until its first token is there; then the pump empties all sockets every few milliseconds. When
bytes arrived is what the kernel has noted on the segment, not when they were read, so neither the window nor a late
generator moves it.
"""
