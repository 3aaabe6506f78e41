import unittest

from ai.summary import rank, summarise
from ai.words import sentences, stem, topic_words

LAMP = """The lamp gives a warm light for reading. Its arm is made of oak. My aunt lives in Norway. The arm of the lamp
moves in three joints, so the light falls where you read. Delivery takes two days. The warm light of the lamp can be
dimmed for reading at night."""


class Summary(unittest.TestCase):
    def test_central_sentences_are_chosen_in_the_order_of_the_text(self):
        answer = summarise(LAMP, 3)
        indices = [sentence["index"] for sentence in answer["sentences"]]
        self.assertEqual(indices, [0, 3, 5])
        self.assertEqual(answer["summary"], " ".join(sentence["text"] for sentence in answer["sentences"]))
        self.assertEqual(max(sentence["rank"] for sentence in answer["sentences"]), 1.0)
        self.assertLess(answer["ratio"], 1)
        self.assertEqual(answer, summarise(LAMP, 3))

    def test_a_sentence_that_repeats_another_is_passed_over(self):
        answer = summarise("The red lamp is warm. The red lamp is warm. The lamp stands on oak. Cats sleep.", 2)
        self.assertEqual([sentence["index"] for sentence in answer["sentences"]], [0, 2])

    def test_short_and_odd_texts(self):
        self.assertEqual(summarise("One sentence only", 5)["summary"], "One sentence only")
        self.assertEqual(summarise("... !!! ???", 3)["sentences"], [])
        self.assertEqual(len(summarise("A. B. C. D. E. F", 2)["sentences"]), 1)

    def test_ranks_add_up_to_one(self):
        for graph in ([{}, {}], [{1: 1.0}, {0: 1.0}, {}], [{1: 2.0, 2: 1.0}, {0: 2.0}, {0: 1.0}]):
            self.assertAlmostEqual(sum(rank(graph)), 1, places=5)

    def test_a_long_text_stays_within_its_bound(self):
        answer = summarise("Go on. " * 2800, 10)
        self.assertEqual(len(answer["sentences"]), 1)


class Words(unittest.TestCase):
    def test_sentences(self):
        text = 'Dr. Ada paid 3.50 EUR. "It works!" she said. See fig. 2, e.g. the U.S. model? Yes...\n\nA title\n\nThe end'
        self.assertEqual(sentences(text), [
            "Dr. Ada paid 3.50 EUR.", '"It works!"', "she said.", "See fig. 2, e.g. the U.S. model?", "Yes...", "A title",
            "The end",
        ])

    def test_forms_of_a_word_compare_equal(self):
        for forms in ("lamp lamps lamp's", "stop stopped stopping stops", "make makes making", "city cities", "glass"):
            self.assertEqual(len({stem(word) for word in forms.split()}), 1, forms)
        self.assertEqual(topic_words("The lamps and the lamp"), {"lamp"})
