"""Exports of the mailing tool, of social media, of the loyalty programme and of the app."""

import numpy as np
import pandas as pd

from crmnb.demo.corruption import CorruptedRows, Defect, corrupt_rows, format_times, write_missing_codes

_ISO = "%Y-%m-%d %H:%M:%S"


def export_sends(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The mailing tool's list of messages, in words of its own."""
    flags = {"bounced": ~clean["delivered"].astype("boolean"), "prefetched": clean["machine_open"]}
    flags["personal"] = clean["personalised"]
    good = pd.DataFrame(
        {
            "message": clean["send_id"],
            "mailing": clean["campaign"],
            "medium": clean["channel"].replace({"e-mail": "email"}),
            "recipient": clean["customer_id"],
            "sent": format_times(clean["sent_at"], _ISO),
            **{name: pd.Series(flag).map({True: "1", False: "0"}).astype(object) for name, flag in flags.items()},
            "opened": format_times(clean["opened_at"], _ISO),
            "clicked": format_times(clean["clicked_at"], _ISO),
            "unsubscribed": format_times(clean["unsubscribed_at"], _ISO),
            "test": clean["experiment"],
        }
    )
    good["bounced"] = write_missing_codes(good["bounced"], 0.5, ["?"], rng)
    defects = [
        Defect("duplicate send_id", 0.0005),
        Defect("customer_id is empty", 0.0005, lambda rows: {"recipient": None}),
        Defect("clicked_at is before sent_at", 0.0005, lambda rows: {"clicked": "2020-01-01 00:00:00"}),
    ]
    return corrupt_rows(good, "message", defects, rng)


def export_social_posts(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The client's posts, typed by hand from the platforms' statistics."""
    numbers = ("reach", "impressions", "followers", "likes", "comments", "shares", "saves")
    good = clean[["post_id", "platform"]].rename(columns={"post_id": "post"})
    good = good.assign(
        posted=format_times(clean["posted_at"], _ISO), **{name: clean[name].map("{:,}".format) for name in numbers}
    )
    defects = [
        Defect("duplicate post_id", 0.005),
        Defect("likes is empty", 0.005, lambda rows: {"likes": None}),
        Defect("reach is not a whole number", 0.005, lambda rows: {"reach": "about 2000"}),
    ]
    return corrupt_rows(good, "post", defects, rng)


def export_social_mentions(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The monitoring tool's mentions, with its scores."""
    good = pd.DataFrame(
        {
            "mention": clean["mention_id"],
            "network": clean["platform"],
            "posted": format_times(clean["posted_at"], _ISO),
            "text": clean["text"],
            "score": clean["sentiment"],
        }
    )
    defects = [
        Defect("duplicate mention_id", 0.002),
        Defect("sentiment is above 1", 0.002, lambda rows: {"score": 4.2}),
    ]
    return corrupt_rows(good, "mention", defects, rng)


def export_loyalty(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The list of loyalty cards."""
    good = pd.DataFrame(
        {
            "holder": clean["customer_id"],
            "from": format_times(clean["enrolled_at"], _ISO),
            "last used": format_times(clean["last_active_at"], _ISO),
            "until": write_missing_codes(format_times(clean["ended_at"], _ISO), 0.5, ["-"], rng),
        }
    )
    defects = [
        Defect("enrolled_at is empty", 0.001, lambda rows: {"from": None}),
        Defect("last_active_at is before enrolled_at", 0.001, lambda rows: {"last used": "2019-01-01 00:00:00"}),
    ]
    return corrupt_rows(good, None, defects, rng)


def export_usage(clean: pd.DataFrame, rng: np.random.Generator) -> CorruptedRows:
    """The app's log of active days, typed."""
    good = pd.DataFrame({"user": clean["customer_id"], "day": clean["day"]})
    defects = [Defect("customer_id is empty", 0.001, lambda rows: {"user": None})]
    return corrupt_rows(good, None, defects, rng)
