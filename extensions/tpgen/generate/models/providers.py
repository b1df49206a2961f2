"""Texts for columns: Faker's providers by the names of columns, within the allowed length."""

import re

from tpgen.core.names import to_snake

# Names of columns, what is written for them, and the longest text that it gives. The first match
# counts. None gives what a scanner for personal data must take for real.
PROVIDERS = [
    (r"e?mail(_address)?", 'Faker("safe_email")', 40),
    (r"phone(_number)?|mobile|telephone|fax", 'Faker("numerify", text="+120255501##")', 12),
    (r"(first|given)_name", 'Faker("first_name")', 15),
    (r"(last|family)_name|surname", 'Faker("last_name")', 15),
    (r"(full|display|contact|person)_name|author", 'Faker("name")', 35),
    (r"user_?name|login|nickname|handle", 'Faker("user_name")', 25),
    (r"company(_name)?|organi[sz]ation|employer|vendor|merchant", 'Faker("company")', 45),
    (r"file_?name", 'Faker("file_name")', 30),
    (r"domain(_name)?|host(_?name)?", 'Faker("safe_domain_name")', 11),
    (r"url|uri|link|website|homepage", 'Faker("url")', 45),
    (r"street|address|(address_)?line_?\d?", 'Faker("street_address")', 45),
    (r"city|town", 'Faker("city")', 30),
    (r"post(al_)?code|zip(_code)?", 'Faker("postcode")', 5),
    (r"country", 'Faker("country")', 60),
    (r"country(_code)?", 'Faker("country_code")', 2),
    (r"currency(_code)?", 'Faker("currency_code")', 3),
    (r"locale", 'Faker("locale")', 8),
    (r"lang(uage)?(_code)?", 'Faker("language_code")', 3),
    (r"time_?zone|tz", 'Faker("timezone")', 35),
    (r"slug", 'Faker("slug")', 30),
    (r"title|subject|headline", 'Faker("sentence", nb_words=4)', 60),
    (r"description|summary|bio|comment|notes?|message|reason", 'Faker("sentence")', 100),
    (r"body|content|text", 'Faker("paragraph")', 300),
    (r"ip(_?addr(ess)?)?", 'Faker("ipv4_private")', 15),
    (r"(sha256|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("sha256")', 64),
    (r"(md5|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("md5")', 32),
    (r"uuid|guid", 'Faker("uuid4")', 36),
    (r"user_agent", 'Faker("user_agent")', 200),
    (r"(mime|content|media)_type", 'Faker("mime_type")', 80),
    (r"path", 'Faker("file_path")', 60),
]
# What a column `name` holds, by the last word of its model.
NAMES = [
    (r"user|customer|person|employee|contact|member|author|patient", 'Faker("name")', 35),
    (r"company|tenant|organi[sz]ation|vendor|supplier|merchant|account", 'Faker("company")', 45),
    (r"product|plan|project|campaign", 'Faker("catch_phrase")', 70),
    (r".*", 'Faker("word")', 20),
]
UNIQUE = [
    (r"e?mail(_address)?", '"{stem}-{{n}}@example.com"', 18),
    (r"phone(_number)?|mobile|telephone|fax", '"+1555{{n:07}}"', 12),
    (r"url|uri|link|website|homepage", '"https://example.com/{{n}}"', 26),
    (r".*", '"{stem}-{{n}}"', 6),
]
# What differs by itself, however many there are.
RANDOM = ("sha256", "md5", "uuid4", "ipv4_private")
# Names that do not say what they belong to.
SHARED = {"code", "email", "handle", "key", "label", "name", "number", "sku", "slug", "title"}


def text(name: str, model: str, shortest: int, longest: float) -> str:
    """Return the expression of a text.

    Args:
        name: of the column.
        model: the name of its model.
        shortest: the least number of characters.
        longest: the greatest; infinite if there is no limit.
    """
    if shortest > 3:
        return f'Faker("lexify", text="{"?" * shortest}")'
    owner = to_snake(model).rpartition("_")[2]
    named = [("name", *entry[1:]) for entry in NAMES if re.fullmatch(entry[0], owner)]
    for pattern, expression, most in named if name == "name" else PROVIDERS:
        if _is_called(name, pattern) and most <= longest:
            return expression
    if longest >= 20:
        return 'Faker("word")'
    if longest >= 5:
        return f'Faker("text", max_nb_chars={longest})'
    return f'Faker("lexify", text="{"?" * int(longest)}")'


def unique_text(name: str, model: str, shortest: int, longest: float) -> str:
    """Return the expression of a text that differs from row to row; see `text`."""
    for pattern, expression, most in PROVIDERS:
        is_random = any(word in expression for word in RANDOM)
        if is_random and _is_called(name, pattern) and most <= longest:
            return expression
    stem = to_snake(model if name in SHARED else name).replace("_", "-")
    for pattern, template, most in UNIQUE:
        length = most + (len(stem) if "stem" in template else 0)
        if _is_called(name, pattern) and shortest <= length <= longest:
            return f"Sequence(lambda n: f{template.format(stem=stem)})"
    return f'Sequence(lambda n: f"{{n:0{int(min(longest, max(shortest, 8)))}}}")'


def _is_called(name: str, pattern: str) -> bool:
    return bool(re.search(rf"(^|_)({pattern})$", name))
