"""The sentences of the employee survey: what it needs, how reliable its indices are, and what the link to customers rests on."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "needs_employees": "needs the items of the indices of {table}, declared under employees: in the parameters file",
    "needs_index_items": "needs items of this index, declared as {index} under employees: in the parameters file",
    "needs_team_segment": "needs a segment by team, declared as employee_responses.team in the parameters file",
    "more_answers_than_staff": "a team has more answers than people: the answers hold duplicates or several surveys, or the headcount is wrong",
    "rows_never_shown": "single answers of employees are never shown",
    "cronbach_alpha": "Cronbach's alpha of the {items:n} items is {alpha:2}, from {n} complete answers.",
    "alpha_of_one_item": "A single item has no Cronbach's alpha.",
    "alpha_too_few": "Cronbach's alpha needs at least {fewest:n} complete answers.",
    "too_few_teams": "needs at least {fewest:n} teams with at least {answers:n} employees and {answers:n} customers who answered",
    "teams_too_alike": "the teams' scores differ too little: less than {least:%} of their scatter is more than chance",
    "customers_too_alike": "the scores of the teams' customers differ too little: less than {least:%} of their scatter is more than chance",
    "link_teams": "{teams:n} teams, each with at least {answers:n} employees and {answers:n} customers who answered.",
    "link_reliability": "Of the scatter between teams, {employees:%} of the employees' scores and {customers:%} of the customers' scores is more than chance.",
}
