"""Answers to the questions that no file answers: given with the command, or asked on a terminal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crmnb.core.errors import InputError, nearest
from crmnb.setup.draft import Question

Ask = Callable[[Question], str]


@dataclass
class Answers:
    """The answers by key. `ask` shows a question and returns the text; None where nobody can be asked."""

    replies: Mapping[str, str]
    ask: Ask | None = None
    known: dict[str, str | None] = field(default_factory=dict)

    def get(self, question: Question) -> str | None:
        """The answer to a question; None if there is none. Raises InputError for an answer that is not allowed."""
        if question.key in self.known:
            return self.known[question.key]
        answer = self.replies.get(question.key)
        if answer is None and self.ask:
            answer = self.ask(question) or None
        if answer is not None and question.allowed and answer not in question.allowed:
            raise InputError(f"--answer {question.key}={answer}: is not allowed.{nearest(answer, question.allowed)}")
        self.known[question.key] = answer
        return answer

    def check_used(self) -> None:
        """Raise InputError for an answer to a question that was not asked."""
        for key in self.replies:
            if key not in self.known:
                raise InputError(f"--answer {key}: nothing is asked about it.{nearest(key, self.known)}")
