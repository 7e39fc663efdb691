"""A third-party plugin of llmlab-pytest."""
