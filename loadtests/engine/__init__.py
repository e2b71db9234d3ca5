"""One run, from a plan to a folder.

    preflight  one look at a target before it is loaded
    local      simulated providers and the gateway, where no target is given
    provider   a simulated provider's knobs
    generator  the Locust processes, seen from outside
    tail       samples as they are written
    course     PURE  how far it is, for the eye
    view       the terminal: a table that is drawn anew, or plain lines
    faults     what goes wrong at simulated providers, on schedule
    climb      how far a sweep goes
    circuits   what the gateway's circuits do meanwhile
    sdk        the Cerebras SDK beside, in a process of its own: it would take the generator's core
    accuracy   the generator against a provider whose truth is known
    truth      PURE  how far it is from that truth
    merge      PURE  what all processes wrote, as one run
    soundness  PURE  whether the generator was the bottleneck
    facts      where and with what all of this ran
    run        all of it in order

Processes tell each other nothing but by files of the run's folder, so what ends one of them costs no sample.
"""
