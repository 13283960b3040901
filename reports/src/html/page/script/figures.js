// Numbers and words as people read them. A shown figure keeps its exact value: <data value="…">.

const VERDICTS = {
  panic: { rank: 0, word: "panic", symbol: "‼", tone: "fail" },
  not_deterministic: { rank: 1, word: "not deterministic", symbol: "≠", tone: "fail" },
  fail: { rank: 2, word: "fail", symbol: "✗", tone: "fail" },
  unknown: { rank: 3, word: "unknown", symbol: "?", tone: "doubt" },
  vacuous: { rank: 4, word: "vacuous", symbol: "○", tone: "doubt" },
  pass: { rank: 5, word: "pass", symbol: "✓", tone: "pass" },
};

function verdict(name) {
  const { symbol, word, tone } = VERDICTS[name];
  return el("span", { class: `verdict ${tone}` }, `${symbol} ${word}`);
}

// `value` to so many decimals, with its exact value and its place in results.json.
function figure(value, decimals = 0, field = null) {
  const text = decimals === 0 ? String(value) : value.toFixed(decimals);
  return el("data", { value: String(value), "data-field": field }, text);
}

// Milliseconds to four digits or so.
function ms(value) {
  if (value === null || value === undefined) return "–";
  return `${value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toFixed(2)} ms`;
}

// Microseconds as seconds.
function seconds(us, decimals = 3) {
  return `${(us / 1e6).toFixed(decimals)} s`;
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// How much of its error budget a check used, when its bound leaves one.
function budget(check) {
  const stated = /([\d.]+) % of the year's error budget/.exec(check.observed);
  if (stated) return `${stated[1]} % of the year's`;
  const bound = /^≥ ([\d.]+) %/.exec(check.bound);
  const observed = /^([\d.]+) %/.exec(check.observed);
  if (!bound || !observed || Number(bound[1]) >= 100) return "–";
  const used = (100 * (100 - Number(observed[1]))) / (100 - Number(bound[1]));
  return `${used.toFixed(used < 10 ? 1 : 0)} % used`;
}
