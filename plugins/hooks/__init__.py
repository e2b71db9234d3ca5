"""LiteLLM glue, and the only room that imports litellm. tests/tripwires names everything it relies on."""
