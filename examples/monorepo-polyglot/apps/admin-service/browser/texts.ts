// The text tool: the tone of a text while it is written, and its summary when asked for.

import { post } from "./kit/api.js";
import { element, find, replaceChildren, whileBusy } from "./kit/dom.js";
import { plural } from "./kit/format.js";
import { watchSentiment } from "./kit/sentiment.js";

interface Summary {
  summary: string;
  sentences: { index: number; text: string; rank: number }[];
  words_in: number;
  words_out: number;
}

export function mountTexts(): void {
  const text = find<HTMLTextAreaElement>("#text");
  const button = find<HTMLButtonElement>("#summarise");
  watchSentiment(text, find("#tone"));
  button.addEventListener("click", () => {
    void whileBusy(button, async () => {
      const sentences = Math.min(10, Math.max(1, find<HTMLInputElement>("#sentences").valueAsNumber || 1));
      replaceChildren(find("#summary"), await summarise(text.value.trim(), sentences));
    });
  });
}

async function summarise(text: string, sentences: number): Promise<HTMLElement> {
  if (text === "") return element("p", { class: "muted" }, "There is no text yet.");
  try {
    const answer = await post<Summary>("/api/ai/summary", { text, sentences });
    return element(
      "div",
      { class: "stack" },
      element("p", {}, answer.summary),
      element("p", { class: "hint" }, `${answer.words_out} of ${plural(answer.words_in, "word")}`),
    );
  } catch (error) {
    return element("p", { class: "failure" }, (error as Error).message);
  }
}
