"""Removal of personal data from comments: check digits, notations, names, and what stays."""

import pytest

from benchmarks.accuracy.personal_data import LEAST, measured
from crmnb.stats.text.personal_data import is_card, is_iban, without_personal_data

NAMES, USUAL = (
    frozenset({"brown", "o'neil", "neil", "anna"}),
    frozenset({"parcel", "mail", "ring", "card", "pay", "contract", "see"}),
)


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("Mail a.b+c@mail.example.co.uk!", "Mail [e-mail]!"),
        ("a.b (at) example (dot) org", "[e-mail]"),
        ("Ring 020 7946 0018 or +44 (0)20 7946 0018.", "Ring [phone] or [phone]."),
        ("Card 4539 1488 0343 6467, please", "Card [card], please"),
        ("Pay to DE89 3704 0044 0532 0130 00.", "Pay to [account]."),
        ("Pay to DE89370400440532013000.", "Pay to [account]."),
        ("Contract 123456 was wrong", "Contract [number] was wrong"),
        ("I paid 49.90 for 2 on 12 March 2025", "I paid 49.90 for 2 on 12 March 2025"),
        ("See https://x.example/a?b=1 now", "See [link] now"),
        ("thanks to Anna Brown there", "thanks to [name] there"),
        ("thanks to anna there", "thanks to [name] there"),
        ("I met Xiomara there", "I met [name] there"),
        ("Xiomara was rude", "[name] was rude"),
        ("Great parcel. Parcel came.", "Great parcel. Parcel came."),
        ("Dear Mr O'Neil, thanks", "Dear Mr [name], thanks"),
        ("My name is xiomara", "My name is [name]"),
        ("ask @shop_owner", "ask [name]"),
        ("\uff14\uff15\uff13\uff19 1488 0343 6467", "[card]"),  # digits of full width
        ("line\none\u202e two\x00", "line one two"),
    ],
)
def test_personal_data_are_replaced(text: str, out: str):
    assert without_personal_data(text, NAMES, USUAL, "en") == out


def test_where_nouns_have_capitals_only_known_names_are_removed():
    assert without_personal_data("Das Paket von Frau Meyer ging an Anna", NAMES, USUAL, "de") == (
        "Das Paket von Frau [name] ging an [name]"
    )


@pytest.mark.parametrize("digits", ["4539148803436467", "378282246310005", "6011111111111117"])
def test_card_numbers_of_the_schemes_test_lists_pass_and_others_do_not(digits: str):
    assert is_card(digits)
    assert not is_card(digits[:-1] + str((int(digits[-1]) + 1) % 10))


@pytest.mark.parametrize(
    "account", ["GB29 NWBK 6016 1331 9268 19", "NL91ABNA0417164300", "FR1420041010050500013M02606"]
)
def test_accounts_of_the_iban_registry_pass_and_others_do_not(account: str):
    assert is_iban(account)
    assert not is_iban(account.replace("1", "2", 1))


def test_recall_on_generated_comments():
    recall, precision = measured(200, seed=7)
    assert all(recall[kind] >= least for kind, least in LEAST.items()), recall
    assert precision > 0.97
