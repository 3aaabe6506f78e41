"""Text into sentences and words, and words into the form they are compared in. English."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# A mark that ends a sentence, with what closes a quotation behind it, before a space or the end.
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n\s*\n")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr vs etc inc ltd co corp no vol fig approx dept est e.g i.e a.m p.m u.s u.k cf al".split()
)

STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each even ever every few for from further get gets got had has have having he
    her here hers him his how however i if in into is it its just let like made make makes many may me might more most
    much must my no nor not now of off on once one only or other our ours out over own per same shall she should since so
    some still such than that the their theirs them then there these they this those though through to too under until up
    upon us very was we were what when where which while who whom why will with within without would yet you your yours
    it's that's there's don't doesn't isn't wasn't won't can't didn't i'm you're we're they're i've we've you've
    """.split()
)


def sentences(text: str) -> list[str]:
    """The sentences of a text in their order, each on one line."""
    found, begin = [], 0
    for end in _END.finditer(text):
        if _is_abbreviation(text, begin, end):
            continue
        found.append(text[begin:end.end()])
        begin = end.end()
    found.append(text[begin:])
    tidy = (" ".join(sentence.split()) for sentence in found)
    return [sentence for sentence in tidy if _WORD.search(sentence)]


def _is_abbreviation(text: str, begin: int, end: re.Match) -> bool:
    """Whether a full stop belongs to its word: it is an abbreviation or an initial, or the text goes on in small letters."""
    if end[0] != ".":
        return False
    rest = text[end.end():end.end() + 40].lstrip()
    before = text[max(begin, end.start() - 20):end.start()].split()
    word = before[-1].lstrip("(\"'“‘[").lower() if before else ""
    initial = len(word) == 1 and word.isalpha() and word != "i"
    return bool(rest) and (word in _ABBREVIATIONS or initial or rest[0].islower())


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def stem(word: str) -> str:
    """One form for the forms of a word, so that "lamps" and "lamp" compare equal. Rough on purpose: it is never shown."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    for ending, instead, shortest in (
        ("ies", "y", 5), ("sses", "ss", 5), ("ing", "", 6), ("edly", "", 7), ("ed", "", 5), ("ly", "", 5), ("es", "", 5),
        ("s", "", 4), ("e", "", 4),
    ):
        if word.endswith(ending) and len(word) >= shortest and not word.endswith("ss"):
            word = word[: len(word) - len(ending)] + instead
            break
    # "stopping" and "stop": a doubled consonant before an ending was single.
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def topic_words(sentence: str) -> frozenset[str]:
    """What a sentence is about: its stems, without the words that every sentence has."""
    lower = (word.lower().replace("’", "'") for word in words(sentence))
    return frozenset(stem(word) for word in lower if word not in STOP_WORDS and (len(word) > 1 or word.isdigit()))
