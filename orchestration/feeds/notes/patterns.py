"""Identifiers that have a form: numbers, contacts, dates, addresses, ages over 89; expressions by entity.

What does not belong here: names and words (words.py). Safe Harbor's letters (45 CFR 164.514) stand beside them.
The expressions are of the `regex` library, whose look-behinds may vary in length; what stands before a number and only
says what it is the number of (MRN, plate, serial) stays in the note.
"""

from collections.abc import Mapping

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
SURE_MONTH = (
    r"(?:january|february|april|june|july|august|september|october|november|december"
    r"|(?-i:Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec"
    r"|(?<=\b(?:in|of|since|last|this|next|until|by)\s)(?:May|March)))"
)
WEEKDAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?-i:Mon|Tues?|Wed|Thurs?|Fri)(?=\b)|christmas|easter|thanksgiving"
    r"|halloween|ramadan|hanukkah|diwali|passover"
)
NTH = r"\d{1,2}(?:st|nd|rd|th)?"
STREET = (
    r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|terrace|ter|way|parkway|pkwy"
    r"|circle|cir|square|sq|highway|hwy|row|rise|quay|gasse|strasse|stra(?:ß|ss)e|alley|crescent|close)"
)
LABEL = (
    r"(?:mrn|m\.r\.n|medical record|record|chart|file|acct|account|policy|member|subscriber|beneficiary|group|plan"
    r"|insurance|medicare|medicaid|nhs|ssn|social security|social|licen[cs]e|licen[cs]e plate|dl|driver'?s? licen[cs]e"
    r"|certificate|cert|dea|npi|badge|passport|case|accession|visit|encounter|claim|order|specimen|serial|s/n|sn|lot|device|udi"
    r"|imei|vin|plate|tag|registration|reg|id|identifier|fingerprint|biometric|voiceprint|retina|iris|hospital"
    r"|trial|subject|ticket|card|credit card|pager|beeper|fax|phone|tel|telephone|cell|mobile|ph|ext"
    r"|extension)"
)
LINK = (
    r"(?:\s*(?:no|number|num|nr|id|code|card|plate|record|is|was|ending in|s)\b\.?|\s*[#:=]|\s*№){0,4}"
    r"\s*[#:(]?\s*"
)
CODE = r"(?=[A-Za-z0-9./_-]*\d[A-Za-z0-9./_-]*)[A-Za-z0-9](?:[A-Za-z0-9./_-]*[A-Za-z0-9])"
PLATE_LABEL = (
    r"(?:(?:licen[cs]e\s+)?plates?|tags?|reg(?:istration)?|vehicle)\b(?:\s*(?:no|number|is|was)\b\.?)?\s*[#:]?\s*"
)
OVER_89 = r"(?:9\d|1[0-4]\d)"
YEARS = r"(?:y/?\s?o|y\.o\.?|yrs?|years?|year)"

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "URL": (  # N
        r"\b(?:https?|ftp)://\S+",
        r"\bwww\.\S+",
        r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|de|uk|info|health)\b(?:/\S*)?",
    ),
    "EMAIL": (r"[\w.+'-]+\s?@\s?[\w-]+(?:\.[\w-]+)+", r"(?<!\w)@\w{3,}"),  # F
    "NETWORK": (  # O
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
        r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b",
        r"\b(?:[0-9a-f]{1,4}:){3,7}(?::?[0-9a-f]{1,4})+\b",
    ),
    "PHONE": (  # D, E
        r"(?<![\d/.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,5}\)|\d{2,5})[ .-]?\d{3,4}[ .-]\d{3,5}"
        r"(?:\s*(?:x|ext\.?)\s*\d{1,6})?(?![\d/])",
        r"(?<![\d/.-])\d{3}[-.]\d{4}(?![\d/-])",
        r"\+\d[\d ()./-]{6,}\d",
    ),
    "ID": (  # G to M, P, R
        r"\b\d{3}[- ]\d{2}[- ]\d{4}\b",
        rf"(?<=\b{LABEL}\b{LINK}){CODE}",
        rf"(?<=\b{PLATE_LABEL})(?-i:[A-Z0-9]{{1,4}}[ -]?[A-Z0-9]{{2,5}}(?:[ -][A-Z0-9]{{1,4}})?\b)",
        r"(?<![\d.,/])\d{5,}(?![\d.]*\d?\s?%)",
        r"\b\d{2,5}(?:[ -]\d{2,5}){2,}\b",
        r"\b(?-i:[A-HJ-NPR-Z0-9]{17})\b",
    ),
    "DATE": (  # C
        r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?",
        r"\b\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d{2})\b",
        r"(?<=\b(?:on|since|until|til|till|from|by|dated|date|dob|born|before|after|through|starting|began|due|seen|admitted"
        r"|discharged|d/c|done|last|next|to|taken|given|started|stopped|placed|removed|visit|dose|appt|appointment|surgery)\b[:\s]\s?)\d{1,2}[/-]\d{1,2}\b(?!\s*(?:mg|strength|pain|\d))",
        # A month and a day; but a part of a small whole (5/5, 2/6, 7/10) is a score.
        r"(?<![\d/.])(?:0?[1-9]|1[0-2])/(?:3[01]|[12]\d|0?[1-9])(?![\d/%]|\s*(?:mg|ml|strength|pain))"
        r"(?<!(?<![\d])(?:[0-2]/2|[0-3]/3|[0-4]/4|[0-5]/5|[0-6]/6|(?:\d|10)/10|(?:\d|1[0-5])/15))",
        rf"\b{NTH}(?:\s+of)?\s+{MONTH}\b\.?(?:,?\s+(?:'?\d{{2}}|\d{{4}})\b)?",
        rf"\b{MONTH}\.?\s+{NTH}\b(?!\s*(?:mg|ml|%|/))(?:,?\s+\d{{4}}\b)?",
        rf"\b{MONTH}\.?,?\s+(?:19|20)\d{{2}}\b",
        r"\b\d{1,2}-(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*-\d{2,4}\b",
        r"\b(?:0?[1-9]|1[0-2])/(?:19|20)\d{2}\b",
        rf"\b{SURE_MONTH}\b",
        rf"\b(?:{WEEKDAY})\b",
        r"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{2,6})?(?!\d)",
    ),
    "AGE 90+": (  # C
        rf"\b{OVER_89}[\s-]*(?:{YEARS})(?:[\s-]*olds?)?\b",
        rf"(?<=\b(?:age|aged|turned|turning|is)[:\s]\s?(?:of\s)?){OVER_89}\b(?!\s*(?:%|/|mg|bpm|kg|mm|degrees|\.\d))",
        rf"\b{OVER_89}\s?(?-i:[FM]|yF|yM)\b",
        r"\b(?:nonagenarian|centenarian|supercentenarian)\b",
        r"\b(?:ninety|one hundred|hundred)(?:[\s-](?:and\s)?(?:one|two|three|four|five|six|seven|eight|nine"
        r"|ten))?[\s-]*years?(?:[\s-]*old)?\b",
    ),
    "PLACE": (  # B
        rf"\b\d{{1,6}}[a-z]?\s+(?:[nsew]\.?\s+)?(?:(?-i:[A-Z])[\w'’.-]*\s+){{1,4}}{STREET}\b\.?"
        r"(?:,?\s*(?:apt|apartment|unit|suite|ste|#)\.?\s*\w+)?",
        r"\b(?:(?-i:[A-Z])[\w'’.-]*\s+){1,3}"
        r"(?-i:Street|Avenue|Road|Lane|Boulevard|Terrace|Parkway|Highway|Gasse|Strasse|Row|Quay)\b",
        r"\b[\w'’-]{3,}(?:gasse|strasse|straße|stra(?:ss|ß)e|weg|platz)\b(?:\s+\d+\w?)?",
        r"\b\d{1,6}[a-z]?\s+(?:[nsew]\.?\s+)?(?:(?!(?:of|in|on|the|a|at|to|from|per|days?|hours?|times|weeks?|mg|ml)\b)"
        r"[\w'’.-]+\s+){1,3}(?:street|avenue|road|lane|boulevard|terrace|parkway|highway|quay|row|ave|blvd|ln|rd)\b",
        r"\bp\.?\s?o\.?\s+box\s+\w+",
        r"\b(?-i:[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2})\b",
    ),
    "IMAGE": (r"\b[\w-]+\.(?:jpe?g|png|gif|tiff?|bmp|heic|mp4|mov|wav|mp3|pdf|docx?)\b",),  # P, Q
}
