// What the page was given: the text of results.json, and beside each of its runs what only people want.

const RESULTS = JSON.parse(document.getElementById("results").textContent);
const EXTRA = JSON.parse(document.getElementById("pages").textContent);

// A run: { index, result: its entry in results.json, seed: exact, claim, command, broken, timeline, … }.
const RUNS = RESULTS.runs.map((result, index) => ({ ...EXTRA.pages[index], index, result }));

const address = (run) => `#/run/${run.index}`;

// The first check that broke, the worst first.
function brokenCheck(run) {
  return run.broken[0] ?? null;
}

// Worst verdict first, then the slowest.
function byBadness(a, b) {
  return (
    VERDICTS[a.result.verdict].rank - VERDICTS[b.result.verdict].rank ||
    b.result.latency_ms.p99 - a.result.latency_ms.p99 ||
    a.index - b.index
  );
}

// A fault's kind: its words before what it strikes.
function faultKind(fault) {
  const kinds =
    /^(slow link|lossy link|lost reply|slow pod|clock skew|power loss|delete pods|rollout restart|rollout undo|duplicate deliveries|\S+)/;
  return kinds.exec(fault)[1];
}
