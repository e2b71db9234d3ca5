"""How many users there are, and until when.

stages  those of a scenario, one after another
"""
