// Fields and choices that several pages have.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { change } from "../router";
import { Icon } from "./icon";

type SearchProps = { value: string; label: string; onInput: (text: string) => void; onEnter?: (back: boolean) => void; note?: string };

/** The search of a page; `/` goes to it, Escape empties and leaves it. */
export function SearchField({ value, label, onInput, onEnter, note }: SearchProps) {
  const field = useRef<HTMLInputElement>(null);
  // The address may change by other ways than typing; while one types the field leads.
  useEffect(() => {
    if (field.current && field.current.value !== value && document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  return (
    <label class="search">
      <Icon name="search" />
      <input
        ref={field}
        type="text"
        data-search
        aria-label={label}
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        defaultValue={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.currentTarget.value = "";
            onInput("");
            event.currentTarget.blur();
          } else if (event.key === "Enter" && onEnter) {
            event.preventDefault();
            onEnter(event.shiftKey);
          }
        }}
      />
      {note ? <span class="search-note faint">{note}</span> : value ? null : <kbd aria-hidden="true">/</kbd>}
    </label>
  );
}

type ChoiceProps = {
  label: string;
  value: string;
  options: { value: string; text: string; note?: string }[];
  onChange: (value: string) => void;
};

/** One of a few; as with radio buttons, Tab goes to the chosen one and arrows go from one to the next. */
export function Choice({ label, value, options, onChange }: ChoiceProps) {
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.value === value);
    const next = (at + step + options.length) % options.length;
    const chosen = options[next];
    if (chosen) onChange(chosen.value);
    event.currentTarget.querySelectorAll("button")[next]?.focus();
  };
  const known = options.some((option) => option.value === value);
  return (
    <div class="segments" role="radiogroup" aria-label={label} onKeyDown={move}>
      {options.map((option, at) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value || (!known && at === 0) ? 0 : -1}
          onClick={() => onChange(option.value)}
        >
          {option.text}
          {option.note ? <span class="segment-note">{option.note}</span> : null}
        </button>
      ))}
    </div>
  );
}

/** Columns of numbers begin with the largest. */
export function SortHead({ name, sort, end = false, children }: { name: string; sort: string; end?: boolean; children: ComponentChildren }) {
  const up = sort === name;
  const down = sort === `-${name}`;
  const next = end ? (down ? name : `-${name}`) : up ? `-${name}` : name;
  return (
    <th scope="col" class={end ? "end" : ""} aria-sort={up ? "ascending" : down ? "descending" : undefined}>
      <button type="button" class="sort" onClick={() => change({ sort: next === "name" ? null : next }, "push")}>
        {children}
        <span class="sort-mark" aria-hidden="true">
          {up ? "↑" : down ? "↓" : ""}
        </span>
      </button>
    </th>
  );
}
