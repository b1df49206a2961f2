"""What the names of columns say of their values: the expressions that give such values."""

# Names of columns, what is written for them, and the longest that it gives. The first that fits.
# None gives what a scanner for personal data must take for real.
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
    (r"province|region", 'Faker("state")', 20),
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
    (r"mac(_address)?", 'Faker("mac_address")', 17),
    (r"(sha256|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("sha256")', 64),
    (r"(md5|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("md5")', 32),
    (r"uuid|guid", 'Faker("uuid4")', 36),
    (r"user_agent", 'Faker("user_agent")', 200),
    (r"(mime|content|media)_type", 'Faker("mime_type")', 80),
    (r"colou?r", 'Faker("hex_color")', 7),
    (r"job(_title)?|occupation|profession", 'Faker("job")', 70),
    (r"path", 'Faker("file_path")', 60),
    (r"isbn", 'Faker("isbn13")', 17),
    (r"ean|barcode", 'Faker("ean13")', 13),
]
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
]
# What differs by itself, however many there are.
RANDOM = ("sha256", "md5", "uuid4", "mac_address", "ipv4_private")
# Names that say nothing of whose they are.
SHARED = {"code", "email", "handle", "key", "label", "name", "number", "sku", "slug", "title"}
# What providers of Faker give, in all the ways in which it may differ.
SAMPLES = {
    'Faker("safe_email")': ("jane.doe@example.com", "xy12@example.org", "a_b@example.net"),
    'Faker("numerify", text="+120255501##")': ("+12025550100", "+12025550199"),
    'Faker("first_name")': ("Jane", "Al", "José"),
    'Faker("last_name")': ("Doe", "O'Neil-Smith", "von Berg"),
    'Faker("user_name")': ("jane.doe", "xy12", "a_b"),
    'Faker("safe_domain_name")': ("example.com", "example.org", "example.net"),
    'Faker("url")': ("https://www.doe-smith.com/", "http://doe.org/"),
    'Faker("postcode")': ("01234", "98765"),
    'Faker("country_code")': ("DE", "US", "ZW"),
    'Faker("currency_code")': ("EUR", "USD", "XOF"),
    'Faker("language_code")': ("de", "ast"),
    'Faker("slug")': ("some-words-here", "word"),
    'Faker("ipv4_private")': ("10.0.0.1", "192.168.255.254"),
    'Faker("mac_address")': ("0a:1b:2c:3d:4e:5f", "00:00:00:00:00:09"),
    'Faker("sha256")': ("0123456789abcdef" * 4, "9" * 64, "f" * 64),
    'Faker("md5")': ("0123456789abcdef" * 2, "9" * 32, "f" * 32),
    'Faker("uuid4")': ("01234567-89ab-4def-8123-456789abcdef",),
    'Faker("hex_color")': ("#0a1b2c", "#999999", "#abcdef"),
    'Faker("word")': ("word", "a"),
    'Faker("sentence")': ("Some words here.", "Word."),
}
