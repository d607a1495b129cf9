"""`crmnb learn`: the map of the lessons, the next step, hints, quizzes, the mentor's report, the capstone."""

import argparse
import sys

from crmnb.cli.shared import FORMAT

_EXIT_CODES = """exit codes:
  0  success; of a quiz or the capstone: passed
  1  a quiz or the capstone was not passed
  2  the command is wrong: there is no such family, metric or learner's name
  4  the progress could not be written"""
_ABOUT_LEARNERS = (
    "Who learns is the user of the machine, or --learner NAME. Progress is a CSV file in the learner's data folder."
)


def add_parser(commands) -> None:
    """Add the command to the parser."""
    learn = commands.add_parser(
        "learn",
        help="learn what each metric means, counts and hides: lessons, quizzes, progress",
        description="Without a step, shows the map: what comes next, and all families of lessons with where you stand. Lessons are done in\n"
        f"JupyterLab (`crmnb learn lab`, or `make learn`). {_ABOUT_LEARNERS}\nNothing is sent anywhere.",
        epilog="examples:\n  crmnb learn\n  crmnb learn map engagement\n  crmnb learn lab\n  crmnb learn quiz satisfaction\n  crmnb learn report --learner Eva\n\n"
        + _EXIT_CODES,
        **FORMAT,
    )
    learn.add_argument("--learner", metavar="NAME", default="", help="who learns; default: the user of the machine")
    learn.set_defaults(command=_map, family="")
    steps = learn.add_subparsers(title="steps", metavar="STEP")
    _add_step(
        steps, "next", _next, "show the lesson to do next, and put its notebook into your folder", "crmnb learn next"
    )
    _add_step(steps, "lab", _lab, "open JupyterLab on your map", "crmnb learn lab")
    map_ = _add_step(
        steps, "map", _map, "show the map, or of a family each lesson with its state", "crmnb learn map engagement"
    )
    map_.add_argument("family", nargs="?", default="", metavar="FAMILY", help="a family, as the map lists them")
    hint = _add_step(
        steps, "hint", _hint, "show the next hint of a question", "crmnb learn hint\n  crmnb learn hint nps q2"
    )
    hint.add_argument("metric", nargs="?", default="", metavar="METRIC", help="default: the lesson that you tried last")
    hint.add_argument("question", nargs="?", default="", metavar="QUESTION", help="default: the first that is open")
    quiz = _add_step(
        steps,
        "quiz",
        _quiz,
        "take a quiz of twelve questions on a family; passed at 90%",
        "crmnb learn quiz satisfaction\n  printf 'a\\nb\\nc\\n' | crmnb learn quiz service --seed 7",
    )
    quiz.add_argument("family", metavar="FAMILY", help="a family of metrics, as `crmnb catalogue` lists them")
    quiz.add_argument("--seed", default="", metavar="N", help="the same questions again; default: others each time")
    report = _add_step(
        steps,
        "report",
        _report,
        "show the mentor's report: tries, hints, misconceptions, explanations",
        "crmnb learn report\n  crmnb learn report --learner Eva --grade nps 4",
    )
    report.add_argument(
        "--grade", nargs=2, metavar=("METRIC", "POINTS"), help="write down the points (0 to 5) for an explanation"
    )
    reset = _add_step(
        steps,
        "reset",
        _reset,
        "begin a lesson again, on other data; the file keeps what was done",
        "crmnb learn reset nps\n  crmnb learn reset --all",
    )
    reset.add_argument("metric", nargs="?", default="", metavar="METRIC", help="the lesson")
    reset.add_argument("--all", action="store_true", help="all lessons")
    capstone = _add_step(
        steps,
        "capstone",
        _capstone,
        "write a report with ten planted faults, or check which you have found",
        "crmnb learn capstone --seed 3\n  crmnb learn capstone --seed 3 --marks 2 5 9 14",
    )
    capstone.add_argument("--seed", type=int, default=1, metavar="N", help="which report (1)")
    capstone.add_argument("--marks", type=int, nargs="*", metavar="LINE", help="the lines that you think are faulty")


def _add_step(steps, name: str, command, words: str, examples: str) -> argparse.ArgumentParser:
    step = steps.add_parser(
        name,
        help=words.replace("%", "%%"),
        description=f"{words[0].upper()}{words[1:]}. {_ABOUT_LEARNERS}",
        epilog=f"examples:\n  {examples}\n\n{_EXIT_CODES}",
        **FORMAT,
    )
    # Of both parsers the inner one decides; without a default of its own, it leaves what stands before the step.
    step.add_argument(
        "--learner", metavar="NAME", default=argparse.SUPPRESS, help="who learns; default: the user of the machine"
    )
    step.set_defaults(command=command)
    return step


def _learner(options: argparse.Namespace):
    from crmnb.learn.progress import learner

    return learner(options.learner)


def _map(options: argparse.Namespace) -> int:
    from crmnb.learn.catalogue_map import family_text, map_text

    who = _learner(options)
    print(family_text(who, options.family) if options.family else map_text(who))
    return 0


def _next(options: argparse.Namespace) -> int:
    from crmnb.learn.catalogue_map import next_metric, next_text, states
    from crmnb.learn.opening import open_notebook

    who = _learner(options)
    now = who.clock()
    known = states(who.events(), now)
    print(next_text(known, now))
    print(f"Your notebook: {open_notebook(next_metric(known, now), who)}")
    return 0


def _lab(options: argparse.Namespace) -> int:
    import os
    import subprocess

    from crmnb.learn.opening import notebook_folder, open_start
    from crmnb.learn.progress import LEARNER

    who = _learner(options)
    start = open_start(who)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={notebook_folder(who)}",
        f"--LabApp.default_url=/lab/tree/{start.name}",
    ]
    return subprocess.run(command, check=False, env={**os.environ, LEARNER: who.name}).returncode  # noqa: S603


def _hint(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError
    from crmnb.learn.lesson import lesson

    who = _learner(options)
    tried = [event.metric for event in who.events() if event.kind in ("try", "hint", "prediction")]
    if not (metric := options.metric or (tried[-1] if tried else "")):
        raise InputError("no lesson was begun yet; name a metric, as in `crmnb learn hint nps`.")
    opened = lesson(metric, who.name)
    name = options.question or opened.next_question() or "q1"
    question = getattr(opened, name)
    print(f"{opened.words['title']}, {question}")
    print(question.hint())
    return 0


def _quiz(options: argparse.Namespace) -> int:
    from crmnb.learn.catalogue_map import require_family
    from crmnb.learn.quiz import ITEMS, LETTERS, PASS, drawn_items

    require_family(options.family)
    who = _learner(options)
    seed = options.seed or f"{who.name} {sum(event.kind == 'quiz' for event in who.events())}"
    right, mistakes = 0, []
    for number, item in enumerate(drawn_items(options.family, seed), 1):
        print(f"\n{number} of {ITEMS}. {item.text}")
        print("\n".join(f"  {letter}) {option}" for letter, option in zip(LETTERS, item.options, strict=False)))
        passed, mistake = item.verdict(_answer(LETTERS[: len(item.options)]))
        right += passed
        mistakes += [mistake] if mistake else []
        print(f"{'Right' if passed else f'No, {item.right}'}: {item.because}")
    outcome = "passed" if right >= PASS else "not passed"
    who.record("quiz", options.family, "quiz", outcome=outcome, names=tuple(mistakes), text=f"{right} of {ITEMS} right")
    print(f"\n{right} of {ITEMS} right: {outcome} ({PASS} are needed).")
    return 0 if right >= PASS else 1


def _answer(letters: str) -> str:
    """One of the letters from standard input; "" where it ends. What is none of them is not counted: the answer is asked for again."""
    while True:
        print(f"Your answer ({letters[0]} to {letters[-1]}): ", end="", flush=True)
        line = sys.stdin.readline()
        answer = line.strip().lower().rstrip(").")
        if not line or (answer and answer in letters and len(answer) == 1):
            print("" if sys.stdin.isatty() else answer)
            return answer
        print(f"{answer[:20]!r} is not one of {', '.join(letters)}.")


def _report(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError
    from crmnb.learn.mentor import grade, report

    who = _learner(options)
    if options.grade:
        metric, points = options.grade
        if not points.isdigit():
            raise InputError(f"--grade: {points!r} is not a number of points.")
        grade(who, metric, int(points))
    print(report(who))
    return 0


def _reset(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError
    from crmnb.learn.lesson import lesson

    if bool(options.metric) == options.all:
        raise InputError("name a metric, or --all for all lessons.")
    who = _learner(options)
    draw = lesson(options.metric, who.name).state.draw if options.metric else 0
    who.record("reset", options.metric, draw=draw)
    print(
        f"{options.metric or 'All lessons'}: begun again, on other data. What was done before is still in {who.path}."
    )
    return 0


def _capstone(options: argparse.Namespace) -> int:
    from crmnb.learn.capstone import check_marks, write_report

    who = _learner(options)
    if options.marks is None:
        print(f"The report: {write_report(who, options.seed)}")
        print(f"Ten of its lines are faulty. Then: crmnb learn capstone --seed {options.seed} --marks LINE LINE ...")
        return 0
    verdict = check_marks(options.seed, options.marks)
    who.record("capstone", "", "capstone", outcome=verdict.outcome, names=verdict.missed, text=verdict.score)
    print(verdict.text)
    return 0 if verdict.passed else 1
