// How a text sounds, as the AI service hears it: a needle between two ends, and the words that moved it.

import { post } from "./api.js";
import { element, replaceChildren } from "./dom.js";

export interface Sentiment {
  label: "positive" | "neutral" | "negative";
  score: number;
  confidence: number;
  words: { word: string; weight: number }[];
}

/** After the last key, so that a quick typist asks once. */
const PAUSE_MS = 250;
const WORDS_SHOWN_MAX = 8;

/** Keeps `output` in step with what is written in `input`. */
export function watchSentiment(input: HTMLTextAreaElement, output: HTMLElement): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  const ask = async () => {
    running?.abort();
    const text = input.value.trim();
    if (text === "")
      return replaceChildren(output, element("p", { class: "muted" }, "Write a few words, and their tone shows here."));
    running = new AbortController();
    const { signal } = running;
    try {
      show(output, await post<Sentiment>("/api/ai/sentiment", { text }, { signal }));
    } catch (error) {
      if (!signal.aborted) replaceChildren(output, element("p", { class: "failure" }, (error as Error).message));
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), PAUSE_MS);
  });
  void ask();
}

function show(output: HTMLElement, { label, score, confidence, words }: Sentiment): void {
  const needle = element("i", { class: "needle" });
  needle.style.left = `${((Math.max(-1, Math.min(1, score)) + 1) / 2) * 100}%`;
  const strongest = [...words].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, WORDS_SHOWN_MAX);
  replaceChildren(
    output,
    element(
      "p",
      { class: "tone" },
      element("strong", { class: label }, `Sounds ${label}`),
      ` ${Math.round(confidence * 100)} % sure`,
    ),
    element("div", { class: "scale", role: "img", "aria-label": `Score ${score.toFixed(2)}, from -1 to 1` }, needle),
    element("p", { class: "words" }, ...strongest.map(chip)),
  );
}

function chip({ word, weight }: { word: string; weight: number }): HTMLElement {
  const sign = weight > 0 ? "+" : "−";
  return element(
    "span",
    { class: `chip ${weight > 0 ? "positive" : "negative"}` },
    word,
    element("small", {}, ` ${sign}${Math.abs(weight).toFixed(1)}`),
  );
}
