"""Recorded answers: files to review, edit and commit, replayed without a model."""

from llmlab_pytest.cassettes._call import RecordedCall
from llmlab_pytest.cassettes._folder import CassetteFolder
from llmlab_pytest.cassettes._missing import not_recorded, other_weights

__all__ = ["CassetteFolder", "RecordedCall", "not_recorded", "other_weights"]
