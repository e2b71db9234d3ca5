"""What is to be sent, decided before anything is.

    scenario   a scenario's YAML as a model: asks, stages, faults, bounds
    misfits    what each setting allows by itself and no run could do
    prompts    own prompts: chats, tools, ShareGPT, conversations; and made-up ones of a given size
    recorded   PURE  `request.finished` lines of our own log as asks with a rhythm
    timeline   which stage it is, how many users there are, when the next request is due
    asking     what the next request is, and its body
    overrides  PURE  a scenario made longer, shorter or bigger for one run
    cost       PURE  requests, tokens and dollars of a run that has not begun
    consent    PURE  whether a target may be loaded at all
    reading    the files of all this, with every problem at once
    job        all that a generator process is told, as one JSON file
    standalone what Locust's own command line says, as a job

Chance is seeded: the same scenario asks the same questions at the same times.
"""
