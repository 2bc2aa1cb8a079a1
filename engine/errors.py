"""What the engine raises on purpose."""


class BadInput(ValueError):  # noqa: N818  (it reads as what it is: `raise BadInput("...")`)
    """A person's input is wrong: one sentence that says which file or field, what is wrong and what to do."""


class JobCancelled(Exception):  # noqa: N818
    """A job was asked to stop and has; what it had finished is on disk."""
