"""What LiteLLM does for every request in vain, and what may therefore be left out."""
