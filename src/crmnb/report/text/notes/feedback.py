"""The sentences of feedback: what it needs, how comments are classified and how well, how themes are made, and quotes."""

from crmnb.report.text.notes.words import Renderer, Values, Words

_SOURCES = {
    "scores": "Sentiment: the scores that the client supplies.",
    "vader": "Sentiment: the lexicon VADER for English texts.",
    "lexicon": "Sentiment: the client's own lexicon.",
    "labels": "Sentiment: learned from the client's labelled comments.",
}


def _source(words: Words, values: Values) -> str:
    return _SOURCES[values["source"]]


SENTENCES: dict[str, str | Renderer] = {
    "needs_feedback": "needs comments in {table}, declared under feedback: in the parameters file",
    "needs_feedback_language": "needs the language of the comments, declared under feedback: in the parameters file",
    "needs_sentiment_source": "needs a lexicon (feedback: lexicon or library), scores (survey_responses.sentiment) or a labelled sample (survey_responses.sentiment_label) of {fewest:n} comments, {of_a_class:n} of each class",
    "too_few_comments_for_themes": "themes need at least {fewest:n} comments, or a codebook under feedback: in the parameters file",
    "too_few_common_words": "too few words occur in several comments for {themes:n} themes",
    "no_comments_on_both_sides": "no survey has satisfaction answers both with and without the theme",
    "sentiment_source": _source,
    "vader_accuracy": "VADER classifies {share:%} of {n:n} {of} with human scores correctly.",
    "sentiment_accuracy": "{share:%} of {n:n} comments labelled by the client are classified correctly ({level:%} CI {low:%} to {high:%}); always choosing the most frequent label gives {frequent:%}.",
    "sentiment_accuracy_cross_validated": "Cross-validated, {share:%} of {n:n} comments labelled by the client are classified correctly ({level:%} CI {low:%} to {high:%}); always choosing the most frequent label gives {frequent:%}.",
    "sentiment_accuracy_unknown": "Its accuracy on this client's comments is not known: no comments are labelled.",
    "sentiment_corrected": "The errors seen in the labelled comments are corrected, and the interval includes the error of this correction.",
    "sentiment_not_corrected": "Errors are not corrected: this needs {fewest:n} labelled comments, {of_a_class:n} of each class.",
    "sentiment_not_correctable": "Errors are not corrected: the classification says too little about the labels.",
    "theme_words": "{theme}: {words} (stability {stability:%})",
    "themes_found": "Themes found in the comments, with their most typical words: {themes}.",
    "themes_by_codebook": "Themes of the client's codebook: {themes:n}.",
    "unstable_themes": "Unstable: {themes}. From other starting points the model finds other themes; treat these with care.",
    "theme_effects_detected": "Detectable differences after Holm's correction (themes tested: {of:n}): {themes}.",
    "no_theme_effect": "No theme has a detectable difference after Holm's correction (themes tested: {of:n}).",
    "quote": "\u201c{text}\u201d",
}
