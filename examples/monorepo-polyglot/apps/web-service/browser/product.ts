// The product's page: the description in brief, and the tone of a review.

import "./shop.js";

import { post } from "./kit/api.js";
import { element, find, replaceChildren, whileBusy } from "./kit/dom.js";
import { watchSentiment } from "./kit/sentiment.js";

interface Summary {
  summary: string;
  words_in: number;
  words_out: number;
}

const SENTENCES = 2;

const button = find<HTMLButtonElement>("#summarise");
const output = find("#summary");

button.addEventListener("click", () => {
  void whileBusy(button, async () => {
    const paragraphs = [...document.querySelectorAll("#description p")].map((paragraph) => paragraph.textContent ?? "");
    output.hidden = false;
    try {
      const { summary, words_in, words_out } = await post<Summary>("/api/ai/summary", {
        text: paragraphs.join("\n\n"),
        sentences: SENTENCES,
      });
      replaceChildren(
        output,
        element("p", {}, summary),
        element("p", { class: "muted" }, `${words_out} of ${words_in} words, picked by the AI service`),
      );
    } catch (error) {
      replaceChildren(output, element("p", { class: "failure" }, (error as Error).message));
    }
  });
});

watchSentiment(find<HTMLTextAreaElement>("#review"), find("#tone"));
