"""How many users there are, and until when: the stages of a scenario, as Locust asks for them; and who sends what."""
