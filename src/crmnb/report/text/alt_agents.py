"""Alternative texts of charts of agents and sellers, from the result."""


def agents_alt(
    agents: int, target: str, levels: list[str], ends: list[tuple[str, str]], outside: list[tuple[str, str]]
) -> str:
    """For a funnel plot: the line of all, the highest and the lowest agent, and those outside the inner limits."""
    (high, high_rate), (low, low_rate) = ends
    who = ", ".join(f"{name} {rate}" for name, rate in outside) or "nobody"
    return (
        f"Funnel plot of {agents} agents with limits for {' and '.join(levels)}, narrower to the right. Across: tickets. Up: share resolved, "
        f"adjusted. Line of all at {target}. Highest {high}: {high_rate}. Lowest {low}: {low_rate}. Outside the {levels[0]} limits: {who}."
    )


def sellers_alt(practices: list[tuple[str, str, str, str]]) -> str:
    """For pairs of dots: each practice with what average and top sellers do, and the difference; the largest first."""
    words = " ".join(
        f"{name}: average sellers {average}, top sellers {top}, difference {difference}."
        for name, average, top, difference in practices
    )
    return (
        "Pairs of a square (average sellers) and a dot (top sellers), joined by a line, the largest difference first. Down: practices. "
        f"Across: standard deviations from the mean of all sellers. {words}"
    )


def agent_themes_alt(agents: int, quantity: str, themes: list[tuple[str, tuple[str, str], tuple[str, str]]]) -> str:
    """For a heat map of agents and themes: by theme, the agent with the highest and with the lowest share. quantity: what a cell holds."""
    words = " ".join(
        f"{theme}: highest {high} {high_share}, lowest {low} {low_share}."
        for theme, (high, high_share), (low, low_share) in themes
    )
    return f"Heat map with numbers. Down: {agents} {'agent' if agents == 1 else 'agents'}. Across: themes. Cells: {quantity}. {words}"
