"""Tables of marketing: messages sent, posts and mentions."""

from crmnb.schema.tables.columns import Column, Table, counted, key_column, required, times_after

TABLES = (
    Table(
        "sends",
        grain="a message to a person",
        key=("send_id",),
        time="sent_at",
        of_events=True,
        columns=(
            key_column("send_id"),
            required("campaign", "text"),
            required("channel", "text"),
            key_column("customer_id", refers_to="customers"),
            required("sent_at", "time"),
            Column("delivered", "flag"),
            *times_after("sent_at", "opened_at"),
            Column("machine_open", "flag"),
            *times_after("sent_at", "clicked_at", "unsubscribed_at"),
            Column("personalised", "flag"),
            Column("experiment", "text"),  # the test in which chance decided whether this message is personalised
        ),
    ),
    Table(
        "social_posts",
        grain="a post of the company's",
        key=("post_id",),
        time="posted_at",
        of_events=True,
        columns=(
            key_column("post_id"),
            required("platform", "text"),
            required("posted_at", "time"),
            *counted("reach", "impressions", "followers"),
            *(required(name, "integer", at_least=0) for name in ("likes", "comments", "shares")),
            *counted("saves"),
        ),
    ),
    Table(
        "social_mentions",
        grain="a mention of the company",
        key=("mention_id",),
        time="posted_at",
        of_events=True,
        columns=(
            key_column("mention_id"),
            required("platform", "text"),
            required("posted_at", "time"),
            Column("text", "text", prose=True),
            Column("sentiment", "number", at_least=-1, at_most=1),
        ),
    ),
)
