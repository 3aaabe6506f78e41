"""Tells the sentiment of English text by a lexicon and a few rules of grammar.

Each word of the lexicon has a weight. The words before it may strengthen it ("very good"), weaken it ("fairly good") or
turn it round ("not good", which is less bad than "bad"); capitals and exclamation marks stress it; and in "good, but
slow" the second half counts for more. What is left is added up and brought between -1 and 1.
"""

import math
import re
from typing import NamedTuple

from ai.lexicon import CONTRASTS, DEGREES, EMOTICONS, NEGATIONS, WEIGHTS
from ai.words import sentences

# How many words a negation reaches over, and what is left of a feeling that it turns round.
NEGATION_REACH = 3
NEGATED = -0.6
CAPITALS = 1.25
EXCLAMATION = 1.1
EXCLAMATIONS_MAX = 3
BEFORE_CONTRAST = 0.5
AFTER_CONTRAST = 1.4
# The larger, the more feeling it takes to come near -1 or 1.
SOFTNESS = 18.0
NEUTRAL_BELOW = 0.12
WORDS_SHOWN_MAX = 50

_TOKEN = re.compile(
    "|".join(re.escape(emoticon) for emoticon in sorted(EMOTICONS, key=len, reverse=True))
    + r"|[^\W\d_]+(?:['’-][^\W\d_]+)*|[,;:.!?]"
)


class Feeling(NamedTuple):
    """A word that says something, and how much it says where it stands."""

    word: str
    weight: float


def sentiment(text: str) -> dict:
    found = [feeling for sentence in sentences(text) or [text] for feeling in feelings(sentence)]
    total = sum(feeling.weight for feeling in found)
    score = total / math.sqrt(total * total + SOFTNESS)
    label = "neutral" if abs(score) < NEUTRAL_BELOW else "positive" if score > 0 else "negative"
    shown = sorted(sorted(range(len(found)), key=lambda i: -abs(found[i].weight))[:WORDS_SHOWN_MAX])
    return {
        "label": label,
        "score": round(score, 4) + 0.0,  # Not -0.0.
        "confidence": round(_confidence(label, found, total), 4),
        "words": [{"word": found[i].word, "weight": round(found[i].weight, 3)} for i in shown],
    }


def feelings(sentence: str) -> list[Feeling]:
    """The words of one sentence that say something, with their weights."""
    tokens = [token.replace("’", "'") for token in _TOKEN.findall(sentence)]
    lower = [token.lower() for token in tokens]
    shouted = sum(token.isupper() and len(token) > 1 for token in tokens)
    # Where everything is in capitals, capitals stress nothing.
    stresses = 0 < shouted < sum(token.isalpha() for token in tokens)
    exclaimed = EXCLAMATION ** min(tokens.count("!"), EXCLAMATIONS_MAX)
    contrast = _contrast(lower)
    found = []
    for index, token in enumerate(tokens):
        weight = EMOTICONS.get(token) or _weight(lower, index)
        if not weight:
            continue
        if token not in EMOTICONS:
            weight *= _context(lower, index)
        if stresses and token.isupper() and len(token) > 1:
            weight *= CAPITALS
        if contrast is not None:
            weight *= BEFORE_CONTRAST if index < contrast else AFTER_CONTRAST
        found.append(Feeling(token, weight * exclaimed))
    return found


def _weight(lower: list[str], index: int) -> float:
    word = lower[index]
    following = lower[index + 1] if index + 1 < len(lower) else ""
    # "pretty good" and "awfully nice": here the word says how much, not what. "well made" and "well, ...".
    if word in DEGREES and _lookup(following):
        return 0.0
    if word == "well" and following == ",":
        return 0.0
    return _lookup(word)


def _lookup(word: str) -> float:
    """The weight of a word or of the word it is a form of."""
    if word in WEIGHTS:
        return WEIGHTS[word]
    for ending, instead in (("ly", ""), ("ily", "y"), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("s", ""),
                            ("es", ""), ("er", ""), ("est", ""), ("ier", "y"), ("iest", "y")):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            weight = WEIGHTS.get(word.removesuffix(ending) + instead)
            if weight:
                return weight
    return 0.0


def _context(lower: list[str], index: int) -> float:
    """What the words before a feeling do to it, up to the last comma or full stop."""
    factor, negated = 1.0, False
    for distance in range(1, NEGATION_REACH + 1):
        before = lower[index - distance] if distance <= index else "."
        if before in ",;:.!?" or before in CONTRASTS:
            break
        if before in NEGATIONS or before.endswith("n't"):
            # "not only good" is good.
            negated = lower[index - distance + 1] != "only"
            break
        if distance <= 2:
            # The nearer word has the full effect.
            factor *= 1 + (DEGREES.get(before, 1.0) - 1) / distance
    return factor * NEGATED if negated else factor


def _contrast(lower: list[str]) -> int | None:
    """Where the half of the sentence begins that counts for more, if it has two."""
    places = [index for index, word in enumerate(lower) if word in CONTRASTS]
    if not places:
        return None
    if places[0] == 0 and lower[0] in ("although", "though"):
        # "Although it is small, it is good": the weaker half comes first.
        return lower.index(",") if "," in lower else None
    return places[-1] if places[-1] > 0 else None


def _confidence(label: str, found: list[Feeling], total: float) -> float:
    """From 0.5, a guess, to 1: how much was said, and how far it agrees with the label."""
    evidence = sum(abs(feeling.weight) for feeling in found)
    if evidence == 0:
        return 0.5
    agreement = abs(total) / evidence
    if label == "neutral":
        agreement = 1 - agreement
    return 0.5 + 0.5 * agreement * (1 - math.exp(-evidence / 4))
