"""Survey items, and what is asked by them: the relationship, feedback, employees and the market."""

from typing import Annotated, Literal

from pydantic import Field

from crmnb.schema.client.models.values import INDEX, LANGUAGE, NUMBER, Answer, Construct, Name, Phrase, Strict


class Item(Strict):
    """A survey item: its scale and its direction.

    `up`: a higher answer is better; `effort`: 1 = very low effort; `ease`: high = easy. `top_box`: the lowest answer that
    counts as satisfied, by default the second highest on scales of 4 to 11 answers and the highest of two or three. `survey_weights`: the weights of the
    surveys in a combined figure, which then does not depend on their mix; without weights, each survey is shown alone.
    """

    name: str = ""
    scale: tuple[Answer, Answer]
    top_box: Answer | None = None
    survey_weights: dict[str, Annotated[float, Field(gt=0, le=1e6), NUMBER]] = {}
    direction: Literal["up", "effort", "ease"] = "up"
    asks: str = ""


class Items(dict[str, Item]):
    """A client's survey items by name, as the argument of a metric."""

    @property
    def labels(self) -> dict[str, str]:
        """What each item is called: its declared name, followed by its key where another item has the same."""
        names = {key: item.name or key.replace("_", " ") for key, item in self.items()}
        return {
            key: name if list(names.values()).count(name) == 1 else f"{name} ({key})" for key, name in names.items()
        }


class Relationship(Strict):
    """The relationship survey: an index of satisfaction with the whole relationship, what drives it, and what follows from it.

    `survey`: its name in survey_responses. `index`: the items of the index. `drivers` and `outcomes`: the items of each construct.
    `paths`: [from, to] pairs of constructs, in which the index is called `index`; by default every driver leads to the index, and the
    index to every outcome. `scheme`: of the inner weights of the PLS path model.
    """

    survey: Annotated[str, Field(min_length=1)] = "relationship"
    index: Annotated[tuple[Name, ...], Field(min_length=1)]
    drivers: Annotated[dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]], Field(min_length=1)]
    outcomes: dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    paths: tuple[tuple[Construct, Construct], ...] = ()
    scheme: Literal["path", "centroid", "factorial"] = "path"

    @property
    def constructs(self) -> dict[str, tuple[str, ...]]:
        """The items of every construct, the index among them."""
        return {**self.drivers, INDEX: self.index, **self.outcomes}

    @property
    def all_paths(self) -> tuple[tuple[str, str], ...]:
        """The declared paths, or the default ones."""
        default = (*((driver, INDEX) for driver in self.drivers), *((INDEX, outcome) for outcome in self.outcomes))
        return self.paths or default


class Feedback(Strict):
    """What customers write in the comments of survey_responses, and how it is read.

    `language`: of the comments, two letters (ISO 639-1). `codebook`: the words and phrases of each theme; without one, so many
    `themes` are found in the comments, from words that are not among `stop_words`. `lexicon`: words and phrases with values, above 0
    where they are favourable. `library`: a lexicon of a library (English only). Sentiment comes from survey_responses.sentiment (scores
    from -1 to 1) where it is mapped, else from the lexicon, else from the labelled sample in survey_responses.sentiment_label.
    """

    language: Annotated[str, Field(pattern=LANGUAGE)] | None = None
    themes: Annotated[int, Field(ge=2, le=20), NUMBER] = 6
    codebook: dict[Construct, Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=200)]] = {}
    stop_words: tuple[Phrase, ...] = ()
    lexicon: dict[Phrase, Annotated[float, Field(ge=-1, le=1), NUMBER]] = {}
    library: Literal["vader"] | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Employees(Strict):
    """The employee survey: the items of its two indices, engagement and customer-centric culture."""

    engagement: tuple[Name, ...] = ()
    culture: tuple[Name, ...] = ()


class Market(Strict):
    """The client's place in its market: its own brand, and what a brand survey asks about it.

    `own_brand`: what the client is called among the competitors of `market` and the brands of `brand_survey`. `rest`: the names in `market`
    that stand for several small competitors together. `pillars`: the survey items of each pillar of brand equity.
    """

    own_brand: Phrase
    rest: tuple[Phrase, ...] = ()
    pillars: dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}

    def __hash__(self) -> int:
        return hash(self.model_dump_json())
