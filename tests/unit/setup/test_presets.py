"""Each preset on a small input in the documented columns of its product: what it is called, and which header becomes which column."""

import csv
import io
import json
from types import SimpleNamespace

import pytest

from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.builder import build_draft
from crmnb.setup.file_profile import profile_file
from crmnb.setup.presets import presets, recognise, tables_of


def text(headers, *rows):
    target = io.StringIO()
    csv.writer(target).writerows([headers, *rows])
    return target.getvalue()


_ZENDESK = {
    "id": 1,
    "requester_id": 7,
    "assignee_id": 9,
    "status": "solved",
    "priority": "low",
    "created_at": "2025-06-01T23:30:00Z",
    "updated_at": "2025-06-02T23:30:00Z",
    "via": {"channel": "email"},
    "satisfaction_rating": {"score": "good"},
    "metric_set": {"reopens": 0, "solved_at": "2025-06-02T09:30:00Z", "reply_time_in_minutes": {"calendar": 37}},
}
_GA4 = {
    "event_timestamp": "1748736000000000",
    "event_name": "page_view",
    "user_pseudo_id": "1.2",
    "event_params": [{"key": "ga_session_id", "value": {"int_value": "1748736000"}}],
    "traffic_source": {"source": "(direct)"},
}
_CSV = [
    (
        "Shopify (orders)",
        text(
            [
                "Name",
                "Email",
                "Financial Status",
                "Currency",
                "Total",
                "Created at",
                "Lineitem name",
                "Refunded Amount",
            ],
            ["#1001", "a@x.example", "paid", "USD", "20.00", "2025-01-31 10:00:00 -0500", "Tea", "0.00"],
            ["#1001", "a@x.example", "", "", "", "2025-01-31 10:00:00 -0500", "Mug", ""],
        ),
        {
            "orders": {
                "order_id": "Name",
                "customer_id": "Email",
                "ordered_at": "Created at",
                "amount": "Total",
                "status": "Financial Status",
                "refunded_amount": "Refunded Amount",
            }
        },
        {"where": {"Financial Status": {"filled": True}}, "ignore_case": ["customer_id"]},
    ),
    (
        "WooCommerce (orders)",
        text(
            [
                "order_id",
                "order_number",
                "order_date",
                "status",
                "order_total",
                "order_currency",
                "customer_email",
                "billing_first_name",
            ],
            ["1", "1", "2025-01-31 10:00:00", "completed", "20.00", "EUR", "a@x.example", "Ann"],
        ),
        {
            "orders": {
                "order_id": "order_id",
                "customer_id": "customer_email",
                "ordered_at": "order_date",
                "amount": "order_total",
                "status": "status",
            }
        },
        {},
    ),
    (
        "Magento (orders)",
        text(
            [
                "ID",
                "Purchase Point",
                "Purchase Date",
                "Bill-to Name",
                "Grand Total (Base)",
                "Grand Total (Purchased)",
                "Status",
                "Customer Email",
                "Total Refunded",
            ],
            [
                "000000101",
                "Main",
                "Nov 22, 2024, 11:14:31 AM",
                "N N",
                "$34.50",
                "$34.50",
                "complete",
                "a@x.example",
                "$0.00",
            ],
        ),
        {
            "orders": {
                "order_id": "ID",
                "customer_id": "Customer Email",
                "ordered_at": "Purchase Date",
                "amount": "Grand Total (Purchased)",
                "status": "Status",
                "refunded_amount": "Total Refunded",
            }
        },
        {},
    ),
    (
        "Stripe (subscriptions)",
        text(
            [
                "id",
                "Customer ID",
                "Customer Email",
                "Plan",
                "Product",
                "Quantity",
                "Currency",
                "Interval",
                "Amount",
                "Status",
                "Start (UTC)",
                "Ended At (UTC)",
            ],
            [
                "sub_1",
                "cus_A",
                "a@x.example",
                "price_y",
                "Pro",
                "1",
                "usd",
                "year",
                "1,200.00",
                "active",
                "2024-03-01 10:05",
                "",
            ],
        ),
        {
            "subscriptions": {
                "subscription_id": "id",
                "customer_id": "Customer ID",
                "started_at": "Start (UTC)",
                "amount": "Amount",
                "quantity": "Quantity",
                "interval": "Interval",
                "status": "Status",
            }
        },
        {},
    ),
    (
        "Stripe (payments)",
        text(
            [
                "id",
                "Description",
                "Created (UTC)",
                "Amount",
                "Amount Refunded",
                "Currency",
                "Status",
                "Customer ID",
                "Customer Email",
            ],
            ["ch_1", "", "2024-03-01 10:05", "20.00", "0.00", "usd", "Paid", "cus_A", "a@x.example"],
        ),
        {
            "orders": {
                "order_id": "id",
                "customer_id": "Customer ID",
                "ordered_at": "Created (UTC)",
                "amount": "Amount",
                "status": "Status",
                "refunded_amount": "Amount Refunded",
            }
        },
        {},
    ),
    (
        "HubSpot (deals)",
        text(
            [
                "Record ID",
                "Deal Name",
                "Amount",
                "Deal Stage",
                "Pipeline",
                "Create Date",
                "Close Date",
                "Deal owner",
                "Original Traffic Source",
            ],
            [
                "1",
                "Deal 1",
                "$125,000.00",
                "Closed Won",
                "Sales",
                "2024-10-15 09:12",
                "2025-01-20 16:00",
                "S L",
                "Direct Traffic",
            ],
        ),
        {
            "leads": {
                "lead_id": "Record ID",
                "created_at": "Create Date",
                "stage": "Deal Stage",
                "closed_at": "Close Date",
                "source": "Original Traffic Source",
                "seller": "Deal owner",
                "amount": "Amount",
            }
        },
        {},
    ),
    (
        "Salesforce (opportunities)",
        text(
            [
                "Opportunity ID",
                "Opportunity Name",
                "Account ID",
                "Stage",
                "Amount",
                "Close Date",
                "Created Date",
                "Lead Source",
                "Opportunity Owner",
            ],
            ["006A", "Deal", "001A", "Prospecting", "10.00", "2025-03-31", "2025-01-31", "Web", "S L"],
        ),
        {
            "leads": {
                "lead_id": "Opportunity ID",
                "customer_id": "Account ID",
                "created_at": "Created Date",
                "stage": "Stage",
                "closed_at": "Close Date",
                "source": "Lead Source",
                "seller": "Opportunity Owner",
                "amount": "Amount",
            }
        },
        {},
    ),
    (
        "Pipedrive (deals)",
        text(
            [
                "Deal - ID",
                "Deal - Title",
                "Deal - Value",
                "Deal - Status",
                "Deal - Deal created",
                "Deal - Won time",
                "Deal - Lost time",
                "Deal - Owner",
                "Deal - Organization",
            ],
            ["1", "Deal", "10", "Won", "2025-01-31 10:00:00", "2025-02-28 10:00:00", "", "S L", "Firm"],
            ["2", "Deal", "12", "Lost", "2025-01-31 10:00:00", "", "2025-02-28 10:00:00", "S L", "Firm"],
        ),
        {
            "leads": {
                "lead_id": "Deal - ID",
                "customer_id": "Deal - Organization",
                "created_at": "Deal - Deal created",
                "won_at": "Deal - Won time",
                "lost_at": "Deal - Lost time",
                "seller": "Deal - Owner",
                "amount": "Deal - Value",
            }
        },
        {},
    ),
    (
        "Freshdesk (tickets)",
        text(
            [
                "Ticket ID",
                "Subject",
                "Status",
                "Priority",
                "Source",
                "Type",
                "Agent",
                "Group",
                "Created time",
                "Due by Time",
                "Resolved time",
                "Closed time",
                "Initial response time",
                "Full name",
                "Email",
            ],
            [
                "1",
                "Help",
                "Closed",
                "Low",
                "Email",
                "Question",
                "S L",
                "Desk",
                "2025-01-31 10:00:00",
                "2025-02-01 10:00:00",
                "2025-01-31 12:00:00",
                "2025-02-02 12:00:00",
                "2025-01-31 11:00:00",
                "Ann",
                "a@x.example",
            ],
        ),
        {
            "tickets": {
                "ticket_id": "Ticket ID",
                "customer_id": "Email",
                "opened_at": "Created time",
                "first_response_at": "Initial response time",
                "resolved_at": "Resolved time",
                "closed_at": "Closed time",
                "sla_due_at": "Due by Time",
                "channel": "Source",
                "topic": "Type",
                "agent": "Agent",
                "priority": "Priority",
            }
        },
        {"where": {"Status": {"not": ["Spam", "Deleted"]}}, "ignore_case": ["customer_id"]},
    ),
    (
        "Intercom (conversations)",
        text(
            [
                "message_id",
                "message_body",
                "message_type",
                "message_created_at",
                "message_author_user_id",
                "conversation_id",
                "conversation_state",
                "conversation_created_at",
                "conversation_first_response_at",
                "conversation_closed_at",
            ],
            [
                "1",
                "Hi",
                "conversation_message",
                "2017-11-14 21:45:08",
                "u1",
                "c1",
                "closed",
                "2017-11-14 21:45:08",
                "2017-11-14 21:50:08",
                "2017-11-15 09:00:00",
            ],
            [
                "2",
                "Yes",
                "comment",
                "2017-11-14 21:50:08",
                "u1",
                "c1",
                "closed",
                "2017-11-14 21:45:08",
                "2017-11-14 21:50:08",
                "2017-11-15 09:00:00",
            ],
        ),
        {
            "tickets": {
                "ticket_id": "conversation_id",
                "customer_id": "message_author_user_id",
                "opened_at": "conversation_created_at",
                "first_response_at": "conversation_first_response_at",
                "resolved_at": "conversation_closed_at",
            }
        },
        {"where": {"message_type": "conversation_message"}},
    ),
    (
        "Qualtrics (survey)",
        text(
            [
                "StartDate",
                "EndDate",
                "Status",
                "IPAddress",
                "Finished",
                "RecordedDate",
                "ResponseId",
                "ExternalReference",
                "Q1",
                "Q2",
            ],
            [
                "Start Date",
                "End Date",
                "Response Type",
                "IP Address",
                "Finished",
                "Recorded Date",
                "Response ID",
                "External Data Reference",
                "How satisfied are you?",
                "How likely are you to recommend us?",
            ],
            ['{"ImportId":"startDate","timeZone":"America/Denver"}', *['{"ImportId":"x"}'] * 9],
            [
                "2025-03-01 09:00:00",
                "2025-03-01 09:01:00",
                "IP Address",
                "10.0.0.1",
                "True",
                "2025-03-01 09:01:01",
                "R_1",
                "7",
                "Extremely satisfied",
                "10",
            ],
            [
                "2025-03-02 09:00:00",
                "2025-03-02 09:01:00",
                "Survey Preview",
                "10.0.0.1",
                "True",
                "2025-03-02 09:01:01",
                "R_2",
                "8",
                "Somewhat dissatisfied",
                "0",
            ],
        ),
        {
            "survey_responses": {
                "response_id": "ResponseId",
                "customer_id": "ExternalReference",
                "responded_at": "RecordedDate",
                "satisfied": "Q1",
                "recommend": "Q2",
            }
        },
        {"where": {"Status": {"not": ["Survey Preview", "1", "Spam", "8"]}, "Finished": ["True", "TRUE", "true", "1"]}},
    ),
    (
        "SurveyMonkey (survey)",
        text(
            [
                "Respondent ID",
                "Collector ID",
                "Start Date",
                "End Date",
                "IP Address",
                "Email Address",
                "First Name",
                "How likely is it that you would recommend us?",
                "What could we improve?",
            ],
            ["", "", "", "", "", "", "", "Response", "Open-Ended Response"],
            *[
                [
                    f"11{day}",
                    "42",
                    f"01/{day}/2025 10:00:00 AM",
                    f"01/{day}/2025 10:05:00 AM",
                    "10.0.0.1",
                    "a@x.example",
                    "Ann",
                    score,
                    "More tea",
                ]
                for day, score in ((27, 9), (28, 10), (29, 3), (30, 8))
            ],
        ),
        {
            "survey_responses": {
                "response_id": "Respondent ID",
                "customer_id": "Email Address",
                "responded_at": "End Date",
                "recommend": "How likely is it that you would recommend us?",
                "comment": "What could we improve?",
            }
        },
        {},
    ),
    (
        "Typeform (survey)",
        text(
            [
                "#",
                "How likely are you to recommend us?",
                "Response Type",
                "Start Date (UTC)",
                "Stage Date (UTC)",
                "Submit Date (UTC)",
                "Network ID",
                "Tags",
            ],
            ["a1", "9", "completed", "2025-01-31 10:00:00", "", "2025-01-31 10:01:00", "n1", ""],
            ["a2", "0", "started", "2025-01-31 10:00:00", "", "2025-01-31 10:02:00", "n2", ""],
        ),
        {
            "survey_responses": {
                "response_id": "#",
                "responded_at": "Submit Date (UTC)",
                "recommend": "How likely are you to recommend us?",
            }
        },
        {"where": {"Response Type": "completed"}},
    ),
    (
        "Google Forms (survey)",
        text(
            ["Timestamp", "How likely are you to recommend us, on a scale of 0-10?"],
            ["2025/03/28 12:11:03 PM GMT+1", "10"],
        ),
        {
            "survey_responses": {
                "responded_at": "Timestamp",
                "recommend": "How likely are you to recommend us, on a scale of 0-10?",
            }
        },
        {},
    ),
    (
        "Trustpilot (reviews)",
        text(
            [
                "Review Id",
                "Review Created (UTC)",
                "Review Username",
                "Review Title",
                "Review Content",
                "Review Stars",
                "Source Name",
            ],
            ["64f0", "2025-01-15T10:22:00.000Z", "User", "Good", "Fine", "5", "Invitation"],
        ),
        {
            "reviews": {
                "review_id": "Review Id",
                "posted_at": "Review Created (UTC)",
                "rating": "Review Stars",
                "text": "Review Content",
            }
        },
        {},
    ),
    (
        "Mailchimp (audience)",
        text(
            [
                "Email Address",
                "First Name",
                "Last Name",
                "MEMBER_RATING",
                "OPTIN_TIME",
                "OPTIN_IP",
                "CONFIRM_TIME",
                "CONFIRM_IP",
                "LEID",
                "EUID",
            ],
            [
                "a@x.example",
                "Ann",
                "A",
                "4",
                "2024-01-31 10:00:00",
                "10.0.0.1",
                "2024-01-31 10:05:00",
                "10.0.0.1",
                "1",
                "e1",
            ],
        ),
        {
            "customers": {
                "customer_id": "Email Address",
                "verified_at": "CONFIRM_TIME",
                "member_rating": "MEMBER_RATING",
            }
        },
        {"ignore_case": ["customer_id"]},
    ),
]


def drafted(folder, content, name):
    (folder / name).write_text(content, encoding="utf-8")
    return build_draft([profile_file(folder / name)], Answers({}))


@pytest.mark.parametrize(("product", "content", "columns", "options"), _CSV, ids=[case[0] for case in _CSV])
def test_an_export_is_recognised_and_its_columns_are_mapped(tmp_path, product, content, columns, options):
    draft = drafted(tmp_path, content, "export.csv")
    (source,) = draft.sources
    assert source.product == product
    mapped = {table.name: {name: line.value for name, line in table.columns.items()} for table in draft.tables}
    for name, right in columns.items():
        headers = {column: value for column, value in mapped[name].items() if isinstance(value, str)}
        assert {column: headers[column] for column in right} == right
        assert set(headers) - set(right) <= {"currency", "channel", "plan"}
    found = {option: line.value for table in draft.tables for option, line in table.options.items()}
    assert options.items() <= found.items()


@pytest.mark.parametrize(("product", "line"), [("Zendesk (tickets)", _ZENDESK), ("Google Analytics 4 (events)", _GA4)])
def test_an_export_of_json_is_recognised_and_queried(tmp_path, product, line):
    draft = drafted(tmp_path, json.dumps(line) + "\n", "export.json")
    assert draft.sources[0].product == product
    assert all(table.query for table in draft.tables)


def test_the_times_of_qualtrics_are_of_the_zone_that_its_third_row_names(tmp_path):
    """No person need be asked: every time of the file is a wall clock of that zone."""
    content = next(content for product, content, *_ in _CSV if product == "Qualtrics (survey)")
    draft = drafted(tmp_path, content, "export.csv")
    options = {name: line.value for name, line in draft.sources[0].options.items()}
    assert (options["rows_after_header"], options["time_zone"]) == (2, "America/Denver")
    assert "date_format" not in options
    assert draft.settings["time_zone"].value == "America/Denver"


def test_each_preset_has_a_test():
    tested = {case[0] for case in _CSV} | {"Zendesk (tickets)", "Google Analytics 4 (events)"}
    assert {preset["product"] for preset in presets()} == tested


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset["product"])
def test_a_preset_names_tables_and_recodes_to_allowed_values(preset):
    for name, table in preset["tables"].items():
        assert name in TABLES
        for column, codes in table.get("values", {}).items():
            allowed = TABLES[name].by_name[column].one_of if column in TABLES[name].by_name else ()
            assert set(codes.values()) <= set(allowed or codes.values())
        if "query" not in table:
            required = {column.name for column in TABLES[name].columns if column.required}
            assert required <= set(table["columns"]) | {"monthly_amount"}


def test_personal_columns_are_declared_and_not_mapped_unless_they_are_keys(tmp_path):
    draft = drafted(tmp_path, _CSV[1][1], "export.csv")
    assert draft.sources[0].personal == ("customer_email", "billing_first_name")
    assert "billing_first_name" not in [line.value for line in draft.tables[0].columns.values()]


# Header rows of exports, as public programs that read them name them: what else they hold must not mislead.
_PUBLIC = [
    (
        "Freshdesk (tickets)",
        "Ticket ID,Subject,Status,Priority,Source,Type,Agent,Group,Created time,Due by Time,Resolved time,Closed time,Last update time,"
        "Initial response time,Time tracked,First response time (in hrs),Resolution time (in hrs),Agent interactions,Customer interactions,"
        "Resolution status,First response status,Tags,Survey results,Product,Full name,Contact ID",
    ),
    (
        "Freshdesk (tickets)",  # of Freshservice, with other capital letters
        "Ticket Id,Subject,Status,Priority,Source,Type,Agent,Group,Requester Name,Requester Email,Created Time,Due by Time,Resolved Time,"
        "Closed Time,Last Updated Time,Initial Response Time,Resolution Status,First Response Status",
    ),
    (
        "SurveyMonkey (survey)",
        "Respondent ID,Collector ID,Start Date,End Date,IP Address,Email Address,First Name,Last Name,Custom Data 1,How satisfied are you?",
    ),
    ("Typeform (survey)", "#,How satisfied are you?,Start Date (UTC),Submit Date (UTC),Network ID"),  # before 2021
    (
        "Typeform (survey)",
        "#,How satisfied are you?,Response Type,Start Date (UTC),Stage Date (UTC),Submit Date (UTC),Network ID,Tags",
    ),
    (
        "Pipedrive (deals)",
        "Deal - ID,Deal - Title,Deal - Deal created,Deal - Deal closed on,Deal - Stage,Deal - Status,Deal - Won time,Deal - Lost time,"
        "Deal - Lost reason,Deal - Value,Deal - Currency of value,Deal - Organization,Deal - Expected close date",
    ),
    (
        "Pipedrive (deals)",
        "Deal - ID,Deal - Created,Deal - Status,Deal - Won Time,Deal - Lost Time,Deal - Value,Deal - Currency",
    ),
    (
        "Salesforce (opportunities)",
        "Opportunity ID,Opportunity Owner,Currency,Amount,Close Date,Created Date,Stage,Account Name",
    ),
    (
        "Salesforce (opportunities)",
        "Opportunity ID,Opportunity Name,Account ID,Amount,Type,Stage,Opportunity Created Date,Opportunity Closed Date,Opportunity Owner",
    ),
    (
        "Mailchimp (audience)",
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,"
        "TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS",
    ),
]


@pytest.mark.parametrize(("product", "headers"), _PUBLIC)
def test_the_public_header_rows_of_an_export_give_every_required_column(product, headers):
    profile = SimpleNamespace(
        columns=[SimpleNamespace(header=header) for header in headers.split(",")],
        by_header={header: SimpleNamespace(values=["1"]) for header in headers.split(",")},
    )
    preset = recognise(profile)
    assert preset is not None
    assert preset["product"] == product
    for table in tables_of(preset, profile, "export"):
        needed = {column.name for column in TABLES[table.name].columns if column.required}
        assert needed <= set(table.columns)
        used = {line.value for line in table.columns.values() if isinstance(line.value, str)}
        assert used | set(table.options["where"].value if "where" in table.options else ()) <= set(headers.split(","))
