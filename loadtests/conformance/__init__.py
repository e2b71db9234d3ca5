"""`make conformance`: what a caller and a provider go through while the provider misbehaves, case by case, gateway by
gateway. The sixteen cases are those of FailoverBench, the others are ours.

    cases     the table: what goes wrong, what is asked, and what counts
    answer    PURE  what one answer's bytes say: whole, refused, broken, a lie, or a hang
    checks    PURE  what the provider's log and the answers must show, one function each
    judge     PURE  pass, partial, safe or fail
    report    PURE  the Markdown
    gateways  how each gateway and its two providers are started
    trial     one case on one gateway

Words: a *case* is one misbehaviour; an *ask* is one request of it; the *letter* is the verdict by FailoverBench's own
checks, where ours differ.
"""
