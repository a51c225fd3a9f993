// Words in the viewer's language. A dictionary is a flat object; both have the same keys.

import en from "./lang/en.js";
import zh from "./lang/zh.js";

const LANGUAGES = { en: { words: en, locale: "en-GB" }, zh: { words: zh, locale: "zh-CN" } };
const KEPT = "autoscaler-language";

function preferred() {
  const kept = localStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages?.some((each) => /^zh/i.test(each)) ? "zh" : "en";
}

let language = preferred();

export const languages = () => Object.entries(LANGUAGES).map(([id, { words }]) => [id, words["language.own"]]);
export const currentLanguage = () => language;

/** The locale for numbers and times: the viewer's own of that language, where there is one. */
export function locale() {
  const own = navigator.languages?.find((each) => each.toLowerCase().startsWith(language));
  return own ?? LANGUAGES[language].locale;
}

export function setLanguage(id) {
  if (!(id in LANGUAGES)) return;
  language = id;
  localStorage.setItem(KEPT, id);
  document.documentElement.lang = id === "zh" ? "zh-CN" : "en";
}

/** The words of a key, with `{name}` replaced; a key that nobody knows is shown as it is. */
export function t(key, values = {}) {
  const words = LANGUAGES[language].words[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there are words for a key. */
export const has = (key) => key in LANGUAGES[language].words;

setLanguage(language);
