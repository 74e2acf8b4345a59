"""The one exception of this package. What does not belong here: catching."""


class VocabularyError(Exception):
    """A download cannot be mounted; the message says which file and line, what was expected and what to do."""
