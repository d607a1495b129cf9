"""How much personal data does `without_personal_data` remove from comments? python -m benchmarks.accuracy.personal_data

Comments are generated: sentences with a name, an e-mail address, a telephone number, a card number or an account number (IBAN) in many
notations, each known. Recall: the share of them of which nothing is left (of a number six digits in a row, of a name any word).
Precision: the share of the words without personal data that stay. Names are drawn from two lists: those that the client's
tables hold and those that they do not. The last line is JSON. `--quick` generates fewer.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator

import numpy as np

from crmnb.stats.text.personal_data import is_card, is_iban, without_personal_data

LEAST = {"e-mail": 0.99, "phone": 0.99, "card": 0.99, "account": 0.99, "name in the tables": 0.99, "other name": 0.95}
_FIRST = [
    "Anna",
    "Tom",
    "Giulia",
    "Jürgen",
    "Zoë",
    "Siân",
    "Łukasz",
    "Marie-Claire",
    "Ayşe",
    "Aoife",
    "Björn",
    "Chloé",
    "Dmitri",
    "Fatima",
    "Håkon",
    "Ines",
    "Joaquín",
    "Kwame",
    "Leïla",
    "Mehmet",
]
_LAST = [
    "Smith",
    "Müller",
    "D'Arcy",
    "Nguyễn",
    "Østergård",
    "García",
    "Brown",
    "Rossi",
    "Weiß",
    "O'Neil",
    "Kowalczyk",
    "Papadopoulos",
    "van-Dijk",
    "Okafor",
    "Sørensen",
    "Yilmaz",
]
_FIRST_OUT = [
    "Nina",
    "Pavel",
    "Quentin",
    "Rosalind",
    "Stefan",
    "Tamsin",
    "Ulrich",
    "Vera",
    "Wiktor",
    "Xiomara",
    "Yusuf",
    "Zbigniew",
]
_LAST_OUT = [
    "Abernathy",
    "Bianchi",
    "Castellanos",
    "Dragomir",
    "Eriksson",
    "Fitzgerald",
    "Grabowski",
    "Hernández",
    "Ivanov",
    "Jablonski",
]
_SENTENCES = {
    "e-mail": ("Please write to {} soon.", "My address is {}, thanks.", "{} is where you reach me.", "mail: {}"),
    "phone": ("Call me on {} after six.", "My number: {}.", "You have my mobile ({}), so ring me.", "tel {} please"),
    "card": ("You charged my card {} twice.", "Card no. {}, refund it please.", "it was paid with {}"),
    "account": ("Please pay it back to {}.", "IBAN: {}", "my account {} was debited"),
    "name": (
        "I spoke to {} on the phone.",
        "The order for {} never came.",
        "Thanks to {}, who was very helpful.",
        "{} was rude to me.",
        "My name is {} and I want a refund.",
        "Regards, {}",
        "You should promote {}!",
    ),
}
_HARMLESS = (
    "The parcel was late and the box was open.",
    "Great service, and I paid 49.90 for 2 chairs.",
    "It took 14 days, so order 1234 came on 12 March 2025.",
    "I would buy again, the price is fair.",
    "nobody rang back for 3 weeks",
    "Good quality. The material lasts, but the zip broke after 10 washes.",
)
_USUAL = frozenset(re.findall(r"[a-z]+", " ".join(_HARMLESS).casefold()))
_COUNTRIES = {"GB": 18, "DE": 18, "NL": 14, "FR": 23, "IE": 18, "ES": 20}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1,000 comments of each kind rather than 20,000")
    recall, precision = measured(1_000 if parser.parse_args().quick else 20_000, seed=1)
    for kind, share in recall.items():
        print(f"{kind:>20}: {share:7.2%} removed")
    print(f"{'words without':>20}: {precision:7.2%} stay")
    print(json.dumps({"recall": recall, "precision": precision}))
    return 0 if all(recall[kind] >= least for kind, least in LEAST.items()) else 1


def measured(comments: int, seed: int) -> tuple[dict[str, float], float]:
    """The recall by kind, and the share of the words of harmless sentences that stay."""
    rng = np.random.default_rng(seed)
    known = frozenset(word for name in (*_FIRST, *_LAST) for word in re.split(r"[^\w]+", name.lower()) if len(word) > 1)
    recall, words, left = {}, 0, 0
    for kind, pairs in drawn(comments, rng).items():
        removed = 0
        for text, personal, harmless in pairs:
            out = without_personal_data(text, known, _USUAL, "en")
            removed += not is_left(kind, personal, out)
            own = harmless.split()
            words, left = words + len(own), left + sum(word in out.split() for word in own)
        recall[kind] = removed / comments
    return recall, left / words


def drawn(comments: int, rng: np.random.Generator) -> dict[str, Iterator[tuple[str, str, str]]]:
    """By kind, comments: the whole text, what is personal in it, and the sentence beside it."""
    makers = {"e-mail": email, "phone": phone, "card": card, "account": account}
    makers |= {
        "name in the tables": lambda rng: name(rng, _FIRST, _LAST),
        "other name": lambda rng: name(rng, _FIRST_OUT, _LAST_OUT),
    }
    makers |= {"name in the tables, lower case": lambda rng: name(rng, _FIRST, _LAST).lower()}
    makers |= {"other name, lower case": lambda rng: name(rng, _FIRST_OUT, _LAST_OUT).lower()}

    def pairs(kind: str, make) -> Iterator[tuple[str, str, str]]:
        sentences = _SENTENCES["name" if "name" in kind else kind]
        for _ in range(comments):
            personal, harmless = make(rng), str(rng.choice(_HARMLESS))
            parts = [sentences[rng.integers(len(sentences))].format(personal), harmless]
            yield str(rng.choice([" ", "\n"])).join(parts if rng.random() < 0.5 else parts[::-1]), personal, harmless

    return {kind: pairs(kind, make) for kind, make in makers.items()}


def is_left(kind: str, personal: str, out: str) -> bool:
    """Whether something of what is personal is left in a text."""
    if kind in ("phone", "card", "account"):
        digits, there = (
            re.sub(r"\D", "", personal),
            re.sub(r"[^\d\n]", "", re.sub(r"(?<=\d)[\s().+/-]+(?=\d)", "", out)),
        )
        return any(digits[at : at + 6] in there for at in range(len(digits) - 5))
    if kind == "e-mail":
        return re.split(r"[@\s(\[]", personal)[0] in out
    words = {
        word for word in re.split(r"[^\w]+", personal) if len(word) > 1 and word.lower() not in ("mr", "mrs", "dr")
    }
    return any(word in re.split(r"[^\w]+", out) for word in words)


def email(rng: np.random.Generator) -> str:
    user = str(rng.choice(["anna.brown", "zoe_b", "t.smith77", "info", "j-p.garcia+shop", "KOWALCZYK"])) + str(
        rng.integers(10, 999)
    )
    host, end = rng.choice(["example", "mail.example", "my-firm", "posteo"]), rng.choice(["com", "co.uk", "de", "org"])
    form = rng.choice(["{u}@{h}.{e}", "{u} @ {h}.{e}", "{u} (at) {h}.{e}", "{u}[at]{h}[dot]{d}", "{u} at {h} dot {d}"])
    return str(form).format(u=user, h=host, e=end, d="com")


def phone(rng: np.random.Generator) -> str:
    d = "".join(map(str, rng.integers(0, 10, 12)))
    forms = [
        "+44 20 {a} {b}",
        "020 {a} {b}",
        "(020) {a}-{b}",
        "0{c}/{a}{b}",
        "+49 (0)30 {a}{b}",
        "00353.1.{c}.{a}",
        "07{c} {e} {f}",
    ]
    forms += ["0{c}{a}{b}", "+1-{c}-{e}-{a}", "{c}-{e}-{a}"]
    return str(rng.choice(forms)).format(a=d[:4], b=d[4:8], c=d[:3], e=d[3:6], f=d[6:9])


def card(rng: np.random.Generator) -> str:
    digits = str(rng.choice(["4", "51", "37", "6011"]))
    length = 15 if digits == "37" else 16
    digits += "".join(map(str, rng.integers(0, 10, length - 1 - len(digits))))
    whole = next(digits + str(check) for check in range(10) if is_card(digits + str(check)))
    return str(rng.choice([" ", "-", ""])).join(whole[at : at + 4] for at in range(0, length, 4))


def account(rng: np.random.Generator) -> str:
    country = str(rng.choice(list(_COUNTRIES)))
    bank = "".join(rng.choice(list("ABCDEFGHIJ"), 4)) if country in ("GB", "NL", "IE") else ""
    rest = bank + "".join(map(str, rng.integers(0, 10, _COUNTRIES[country] - len(bank))))
    whole = next(f"{country}{check:02}{rest}" for check in range(2, 99) if is_iban(f"{country}{check:02}{rest}"))
    spaced = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    return str(rng.choice([whole, spaced, whole.lower()]))


def name(rng: np.random.Generator, first: list[str], last: list[str]) -> str:
    form = rng.choice(["{f} {l}", "{f}", "Mr {l}", "Mrs. {f} {l}", "Dr {l}"])
    return str(form).format(f=rng.choice(first), l=rng.choice(last))


if __name__ == "__main__":
    sys.exit(main())
