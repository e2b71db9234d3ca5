"""Waferline: LiteLLM plugins that keep Cerebras fast through LiteLLM. This page is the map.

Rooms (an arrow in `tests/test_house.py` is an allowed import):

    callbacks.py   the names litellm_config.yaml loads; imports only, LiteLLM executes it by path
    wiring.py      builds everything once per process
    cli.py         the `waferline` command: check, explain, test, doctor and the like, one module each in commands/
    policy/        PURE  facts -> verdict: access, routing, lifecycle, streaming, limits
    circuit/       PURE  how each target stands: may it be called, and how did it go
    state/         what a fleet knows together: the facts that cross, and the stores that keep them
    stream/        PURE  SSE bytes in, SSE bytes out: decode, merge, watch, aggregate
    dialect/       PURE  what a provider accepts and how it says no
    upstream/      HTTP to providers: the pool, its warming, and the transport LiteLLM uses
    front/         ASGI, outermost: start-up, guard, auth, verdict, lane, answer
    hooks/         LiteLLM glue: the only room that imports litellm
    telemetry/     one event per request, and where it goes
    config/        load, locate, cross-check, reload

Pure means: no litellm, redis, HTTP client, clock, random or logging. Time comes in as an argument.

Words, one per thing:

    model        the public name a client asks for
    deployment   a row of model_list in litellm_config.yaml
    target       provider x upstream model x credential: what one attempt calls
    workload     a named need (voice, chat, ...) that maps to models
    policy       one YAML file and the rule that reads it
    verdict      what a policy answers: Allow, Amend or Refuse
    attempt      one call of one target
    commit       the moment from which an answer leaves; until then another target can take over without a trace
    hold         to pass nothing on for a few milliseconds after the first token
    atomic       said of an answer that is read whole before any of it leaves
    drip         to come more slowly than an answer's opening stretch may
    hedge        an attempt that starts while another still waits for its first token
    race         a hedge and the attempt it was started for; whoever speaks first wins, the other has lost the race
    first token  the first delta that carries content, reasoning or a tool call
    circuit      what keeps a target from being called while that is useless: closed, open or half-open
    probe        the one call that tries whether a target is back
    allowance    what a target's rate limits leave of it; a request that may need more goes to the next one
    place        what a request holds in a worker, and a call at its target, until it has ended or its client has left
    shed         said of a request that is refused at once because all places are taken
    replica      one gateway process of several that share what their circuits know
    fleet        all replicas with the same store and namespace
    store        where a fleet's knowledge is kept: Redis, Valkey, or memory
    tick         one exchange of a replica with the store, of all targets at once
    epoch        one agreement of the fleet about a target's circuit; a later one has a greater number
    lease        the fleet's leave to probe a target, which one replica has at a time
    logger       a callback of the operator's that hears of a request once it has ended, and does nothing to it
    lane         how an answer travels: through LiteLLM, or past it
    shortcut     from our transport to the client, past LiteLLM, which is told the answer afterwards
    cut          a part of LiteLLM's work that is left out, because it would be for nobody
    warm         said of a connection that is open before somebody needs it
    rehearsal    our own first request through LiteLLM, which no provider sees
    promise      a limit in policies/slo.yaml: load tests hold a run to it, the gateway never reads it
    whole        an answer that ended with a finish reason; everything else is broken
"""
