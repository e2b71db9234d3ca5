"""A stand-in provider: a separate process that speaks a provider's wire format at a provider's speed.

It imports nothing of `plugins`, so it cannot agree with a bug there. Rooms, in the order a request meets them:

    connection.py  bytes in, requests out; one transport per client
    service.py     which request gets which reply; chat.py is the one that matters
    door.py        who and what is let in
    knobs.py       everything that can be turned, once; flags.py, YAML, directives and PUT are made from it
    faults.py      what can go wrong before an answer, and how an answer's frames are spoiled; luck.py says when
    strict.py      what Cerebras refuses in a body; refusals.py is every way to say no; schema.py knows JSON Schemas
    limiter.py     token buckets, pure; tiers.py holds the published numbers
    catalog.py     which models live on which day, and what is public about them
    answer.py      what to say; text.py says it in tokens
    wire.py        an answer as frames (frames.py); cerebras_wire.py and openai_wire.py are the two accents
    playback.py    frames to the client (sink.py) on time; wheel.py is the shared clock, timerfd.py its spring
    ledger.py      what was asked and how it ended; admin.py shows it

A frame is one SSE event and the second it is due. A fault is a pure edit of the list of frames.
"""
