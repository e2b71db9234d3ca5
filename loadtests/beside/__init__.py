"""Other tools measure the same provider, beside our generator.

    tool      PURE  what a tool is asked to do, and what it says of it
    guidellm  PURE  GuideLLM: its command, its report
    aiperf    PURE  AIPerf: its command, its report
    usage     PURE  the CPU that went into the answers, of all that a process used
    reason    PURE  why it has failed, of all that it printed
    run       one tool against a fresh provider
    table     PURE  all of them as one table

A tool is a module with `files`, `command`, `REPORT` and `read`; `TOOLS` in `run` names them.
"""
