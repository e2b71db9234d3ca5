"""The outermost ASGI layer: whatever reaches LiteLLM has passed here, and whatever leaves it is seen here."""
