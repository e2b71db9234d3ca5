"""Load tests: what a target does under load, and whether that is what was promised.

Nothing here imports the gateway: it is measured from outside. Of plugins/ only what reads streams, files and the
catalog is used.

    record      what a run leaves behind
    measure     from bytes to samples
    plan        what is to be sent, decided before anything is
    users       who asks, as Locust sees them; shapes says how many there are
    page        what Locust's own page shows beside its own charts
    engine      one run, from a plan to a folder
    beside      other tools against the same provider, in one table with ours
    figures     what samples come down to
    verdict     is it what policies/slo.yaml promises
    compare     is it better or worse than before
    diagnose    why is it slow
    report      for people and for pipelines; conclude writes all of it
    commands    what `python -m loadtests` and `waferline load` can do
    scenarios   what the shipped runs are to find out
    bench       every way to a provider side by side
    conformance what users get while a provider misbehaves

Words: an *ask* is one kind of request; a *stage* is a stretch of a run; a *sample* is one request as its sender saw it;
a *way* is where it went: to the target, or straight to the provider; the *generator* is the processes that send.
"""
