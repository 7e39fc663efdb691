"""The plugin's own card is not a test of ours."""

collect_ignore = ["llmlab-acme"]
