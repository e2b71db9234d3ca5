"""What is remembered of a request while it runs, and the one event it leaves."""
