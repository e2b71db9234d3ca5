"""What Locust's own page shows beside Locust's own charts: first token, tokens/s and gap, while they happen.

    figures    what is charted
    window     PURE  percentiles of the last seconds, from tables that only grow
    mount      into Locust's page, on whichever process serves it

Locust has no door for more charts, only for more routes: so its page is given a script that draws them.
"""
