"""Root of the repository's own tests and evals."""

pytest_plugins = ["pytester"]
