"""Sums a text up by its own most central sentences (after Mihalcea and Tarau, "TextRank", 2004).

Sentences are the points of a graph, and two are joined as strongly as they share words. A sentence is important if
important sentences are like it: that is the stationary distribution of a random walk, found by power iteration.
"""

import math

from ai.words import sentences as split_sentences
from ai.words import topic_words, words

# Comparing all with all costs the square of this; what comes later is not ranked.
SENTENCES_MAX = 400
DAMPING = 0.85
ITERATIONS_MAX = 100
PRECISION = 1e-6
# Two sentences that share this much say the same.
SAME = 0.75


def summarise(text: str, count: int) -> dict:
    """At most count sentences of the text, in the text's order, each with its rank between 0 and 1."""
    all_sentences = split_sentences(text)
    ranked = all_sentences[:SENTENCES_MAX]
    topics = [topic_words(sentence) for sentence in ranked]
    ranks = rank(similarities(topics))
    chosen = sorted(choose(ranks, topics, count))
    best = max(ranks, default=0.0)
    summary = " ".join(ranked[index] for index in chosen)
    words_in, words_out = len(words(text)), len(words(summary))
    return {
        "summary": summary,
        "sentences": [
            {"index": index, "text": ranked[index], "rank": round(ranks[index] / best, 4)} for index in chosen
        ],
        "words_in": words_in,
        "words_out": words_out,
        "ratio": round(words_out / words_in, 4) if words_in else 0.0,
    }


def similarities(topics: list[frozenset[str]]) -> list[dict[int, float]]:
    """For each sentence the others that share a word with it, and how much: long ones have no advantage."""
    graph: list[dict[int, float]] = [{} for _ in topics]
    for i, one in enumerate(topics):
        for j in range(i):
            shared = len(one & topics[j])
            if shared:
                graph[i][j] = graph[j][i] = shared / (math.log(len(one) + 1) + math.log(len(topics[j]) + 1))
    return graph


def rank(graph: list[dict[int, float]]) -> list[float]:
    """The share of time that a random walk over the graph spends at each point; they add up to 1."""
    count = len(graph)
    if not count:
        return []
    strength = [sum(edges.values()) for edges in graph]
    ranks = [1 / count] * count
    for _ in range(ITERATIONS_MAX):
        # A walk that stands at a point without edges goes on anywhere.
        stranded = sum(ranks[i] for i in range(count) if not graph[i])
        base = (1 - DAMPING + DAMPING * stranded) / count
        following = [
            base + DAMPING * sum(ranks[j] * weight / strength[j] for j, weight in edges.items()) for edges in graph
        ]
        moved = sum(abs(new - old) for new, old in zip(following, ranks))
        ranks = following
        if moved < PRECISION:
            break
    return ranks


def choose(ranks: list[float], topics: list[frozenset[str]], count: int) -> list[int]:
    """The highest ranks, the earlier first where two are equal; a sentence that repeats a chosen one is passed over."""
    chosen: list[int] = []
    for index in sorted(range(len(ranks)), key=lambda index: (-round(ranks[index], 9), index)):
        if len(chosen) == count:
            break
        if not any(_same(topics[index], topics[other]) for other in chosen):
            chosen.append(index)
    return chosen


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    together = len(one | other)
    return together == 0 or len(one & other) / together >= SAME
