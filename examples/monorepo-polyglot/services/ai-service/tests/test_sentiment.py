import unittest

from ai.sentiment import sentiment


def score(text: str) -> float:
    return sentiment(text)["score"]


class Sentiment(unittest.TestCase):
    def test_labels(self):
        for text, label in {
            "I love this lamp. It is beautiful and works perfectly!": "positive",
            "Arrived broken, and nobody answers. A complete waste of money.": "negative",
            "The box holds twelve pencils.": "neutral",
            "Not bad at all.": "positive",
            "It is not good.": "negative",
            "I don't like how cheap it feels, it is awful.": "negative",
            "The colours are lovely, but the hinge broke after a day and support was useless.": "negative",
            "Although the manual is confusing, the machine is excellent.": "positive",
            "THIS IS TERRIBLE": "negative",
            "Thanks 😊": "positive",
            "12345 !!!": "neutral",
        }.items():
            with self.subTest(text):
                self.assertEqual(sentiment(text)["label"], label, sentiment(text))

    def test_degree_and_stress_order_the_scores(self):
        texts = ["slightly good", "fairly good", "good", "very good", "extremely good"]
        self.assertEqual(sorted(texts, key=score), texts)
        self.assertGreater(score("it is good!"), score("it is good"))
        self.assertGreater(score("it is GOOD"), score("it is good"))
        self.assertLess(score("very bad"), score("bad"))
        self.assertGreater(score("not bad"), score("bad"))
        self.assertLess(score("not good"), 0)
        self.assertGreater(score("not only good"), 0)

    def test_a_comma_ends_a_negation(self):
        self.assertGreater(score("No, it is good"), 0)

    def test_the_second_half_of_a_contrast_counts_for_more(self):
        self.assertLess(score("good but bad"), 0)
        self.assertGreater(score("bad but good"), 0)

    def test_bounds(self):
        answer = sentiment("wonderful " * 2000)
        self.assertLessEqual(answer["score"], 1)
        self.assertLessEqual(answer["confidence"], 1)
        self.assertEqual(len(answer["words"]), 50)
        self.assertEqual(sentiment("The cat sat."), {"label": "neutral", "score": 0.0, "confidence": 0.5, "words": []})

    def test_the_words_are_named_with_what_they_weighed(self):
        words = sentiment("A very good lamp, but slow.")["words"]
        self.assertEqual([word["word"] for word in words], ["good", "slow"])
        self.assertGreater(words[0]["weight"], 0)
        self.assertLess(words[1]["weight"], 0)
